"""Which page stands where."""

from collections.abc import Callable
from pathlib import Path

from lairchat.config import document as configuration
from lairchat.reference import api, commands, errors, events, promises

ROOT = Path(__file__).parents[2]
PAGES: dict[str, Callable[[], str]] = {
    "docs/api/openapi.yaml": api.as_yaml,
    "docs/protocol/commands.md": commands.page,
    "docs/protocol/events.md": events.page,
    "docs/protocol/errors.md": errors.page,
    "docs/operate/configuration.md": configuration.page,
    "docs/development/guarantees.md": promises.page,
}


def write() -> list[str]:
    """Write what differs; returns the paths."""
    changed = differing()
    for name in changed:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGES[name](), encoding="utf-8")
    return changed


def differing() -> list[str]:
    """The paths of pages that are not what the code says now."""
    return [name for name, page in PAGES.items() if _stored(name) != page()]


def _stored(name: str) -> str | None:
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.exists() else None
