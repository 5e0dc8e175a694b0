"""The generated pages say what the code does, and stand in the repository as they are generated."""

import ast
import inspect
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lairchat.core.commands import table
from lairchat.core.events import registry
from lairchat.core.raises import all_errors, raised_by
from lairchat.core.routes import routes
from lairchat.reference import commands, errors, events, pages

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_generated_page_stands_in_the_repository_as_the_code_writes_it(name):
    assert (ROOT / name).read_text(encoding="utf-8") == pages.PAGES[name](), f"run `manage.py docs` and commit {name}"


def test_the_check_names_a_page_that_somebody_changed_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    call_command("docs", verbosity=0)
    call_command("docs", "--check")
    page = tmp_path / "docs/protocol/errors.md"
    page.write_text(page.read_text() + "\nMore.\n")
    with pytest.raises(CommandError, match="errors"):
        call_command("docs", "--check")


def test_every_command_is_on_its_page_with_its_route():
    text = commands.page()
    for name in table:
        assert f"### `{name}`" in text
    for route in routes():
        assert f"`{route}`" in text


def test_every_command_says_what_it_does():
    assert [name for name, command in table.items() if not command.summary] == []


def test_every_event_is_on_its_page_and_says_what_happened():
    text = events.page()
    for name, kind in registry.items():
        assert f"| `{name}` |" in text
        assert kind.__dict__.get("__doc__"), f"{name} has no docstring"
    assert events.FIELDS.keys() - registry.keys() == {"unavailable"}


def test_every_volatile_kind_is_on_the_page():
    announced = {kind for path in _sources() for kind in _announced(ast.parse(path.read_text()))}
    assert announced | {"user_online", "user_offline"} == events.VOLATILE.keys()


def _announced(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "announce":
            assert isinstance(node.args[1], ast.Constant), "the kind of an announcement is written out"
            yield node.args[1].value


def test_every_error_is_on_its_page():
    text = errors.page()
    for error in all_errors():
        assert f"| `{error.code}` |" in text


def test_what_an_action_says_it_raises_is_an_error():
    for path in _sources():
        if "actions" in path.parts:
            module = __import__(".".join(path.relative_to(ROOT).with_suffix("").parts), fromlist=["*"])
            for member in vars(module).values():
                if inspect.isfunction(member) and member.__module__ == module.__name__:
                    raised_by(member)


def _sources():
    for package in ("accounts", "rooms", "chat", "lairchat/core"):
        for path in (ROOT / package).rglob("*.py"):
            if "tests" not in path.parts and "migrations" not in path.parts:
                yield path
