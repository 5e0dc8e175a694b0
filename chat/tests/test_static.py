"""The client's files as they are served: hashed names in every import, and within the budgets."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.base import ContentFile

from lairchat.static import ModuleStorage

CHAT = Path(__file__).parents[1] / "static" / "chat"
FIRST = [CHAT / "vendor" / "lair-ui.js", *sorted((CHAT / "js").glob("*.js"))]
TARGETS = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""")
SINKS = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|eval\()")


@pytest.fixture
def collected(tmp_path: Path) -> Iterator[Path]:
    storage = ModuleStorage(location=str(tmp_path), base_url="/static/")
    found = {f"chat/{path.relative_to(CHAT)}": path for path in CHAT.rglob("*") if path.is_file()}
    for name, path in found.items():
        StaticFilesStorage(location=str(tmp_path), base_url="/static/").save(name, ContentFile(path.read_bytes()))
    for name, _hashed, done in storage.post_process({name: (storage, name) for name in found}):
        assert not isinstance(done, Exception), f"{name}: {done}"
    return tmp_path


def hashed_modules(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.js") if re.search(r"\.[0-9a-f]{12}\.js$", path.name)]


def test_every_import_leads_to_a_hashed_file(collected):
    modules = hashed_modules(collected)
    assert len(modules) == len(list(CHAT.rglob("*.js")))
    for module in modules:
        for target in TARGETS.findall(module.read_text(encoding="utf-8")):
            assert re.search(r"\.[0-9a-f]{12}\.js$", target), f"{module.name} imports {target}"
            assert (module.parent / target).resolve().is_file(), f"{module.name} imports {target}"


def test_the_first_load_is_twelve_scripts_within_seventy_kilobytes():
    assert len(FIRST) <= 12
    assert sum(len(gzip.compress(path.read_bytes())) for path in FIRST) <= 70 * 1024


def test_the_styles_stay_within_fourteen_kilobytes():
    assert sum(len(gzip.compress(path.read_bytes())) for path in (CHAT / "css").glob("*.css")) <= 14 * 1024


@pytest.mark.parametrize("path", sorted((CHAT / "js").rglob("*.js")), ids=lambda path: path.name)
@pytest.mark.promise("S11")
def test_no_module_writes_html_from_text(path):
    assert not SINKS.search(path.read_text(encoding="utf-8"))


def test_the_page_preloads_exactly_what_is_loaded_first():
    page = (Path(__file__).parents[2] / "templates" / "chat" / "app.html").read_text(encoding="utf-8")
    named = set(re.findall(r"{% static '(chat/[^']+\.js)' %}", page))
    assert named == {f"chat/{path.relative_to(CHAT)}" for path in FIRST}
