"""The page for operators, written from the schema: `python -m lairchat.config.document`."""

from pathlib import Path
from typing import Any

from lairchat.config.load import Setting, settings
from lairchat.config.schema import GIB, KIB, MIB

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "configuration.md"

HEAD = """\
# Configuration

Every setting has a default; Lair Chat starts with none given. A value comes from, in rising order:

1. the default,
2. a TOML or JSON file, named by `LAIR_CONFIG`, with the names of the first column (`site.name` is `name` in `[site]`),
3. the environment, with the names of the second column. `NAME_FILE` names a file that holds the value.

At a start everything wrong is reported at once, and nothing starts. Lists are written with commas in the environment,
windows as `count/seconds`, switches as `on` or `off`. A setting takes effect at the next start.

This page is generated from the schema; do not edit it.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    section = None
    for setting in settings():
        name = setting.path.rpartition(".")[0]
        if name != section:
            section = name
            lines += ["", f"## {name.capitalize() or 'General'}", ""]
            lines += ["| setting | environment | default | meaning |", "| --- | --- | --- | --- |"]
        lines.append(_row(setting))
    return "\n".join([*lines, ""]).replace("\n\n\n", "\n\n")


def _row(setting: Setting) -> str:
    meaning = setting.description.replace("|", "\\|")
    return f"| `{setting.path}` | `{setting.environment_name}` | {_default(setting)} | {meaning} |"


def _default(setting: Setting) -> str:
    value = setting.default
    if value in ("", None, ()):
        return ""
    if setting.path.endswith("_bytes"):
        return _size(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{', '.join(value)}`" if isinstance(value, tuple) else f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _size(value: int) -> str:
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if value % unit == 0:
            return f"`{value}` ({value // unit} {name})"
    return f"`{value}`"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
