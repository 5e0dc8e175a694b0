"""Secrets nobody chose: made once, in a file only its owner can read."""

import json
import os
import secrets
import stat
import tempfile
from pathlib import Path

FILE_NAME = "secrets.json"


class UnsafeSecrets(Exception):
    """The file is readable by others, or is not what we wrote; the text says what to do."""


def ensure_secrets(data_dir: Path, names: tuple[str, ...]) -> dict[str, str]:
    """The stored secrets; missing ones are made. Two processes that start at once get the same ones.

    Raises UnsafeSecrets, or OSError where the directory cannot be made or written.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir / FILE_NAME
    stored = _read(path)
    if stored is None:
        _create(path, {name: secrets.token_urlsafe(48) for name in names})
        stored = _read(path) or {}  # perhaps another process was first: what stands in the file counts
    missing = [name for name in names if not stored.get(name)]
    if missing:
        stored = _add(path, missing)
    return stored


def _read(path: Path) -> dict[str, str] | None:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise UnsafeSecrets(
                    f"{path} can be read by others (mode {mode:04o}). Run `chmod 600 {path}`; "
                    "if somebody else may have read it, delete it: new secrets are made, and everybody signs in again."
                )
            content = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UnsafeSecrets(f"{path} is not JSON. Restore it from a backup, or delete it.") from error
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise UnsafeSecrets(f"{path} does not hold names and texts. Restore it from a backup, or delete it.")
    return content


def _written(path: Path, content: dict[str, str]) -> str:
    """A complete, synced file beside `path`; mkstemp gives it mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secrets-")
    with os.fdopen(handle, "w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    return name


def _create(path: Path, content: dict[str, str]) -> None:
    name = _written(path, content)
    try:
        os.link(name, path)  # atomic, and fails where the file exists: the first process wins
    except FileExistsError:
        pass
    finally:
        os.unlink(name)


def _add(path: Path, missing: list[str]) -> dict[str, str]:
    """A newer version knows more secrets. Whoever gets the lock first makes them."""
    import fcntl  # not on every system; only this rare step needs it

    with open(path.parent / ".secrets.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stored = _read(path) or {}
        stored |= {name: secrets.token_urlsafe(48) for name in missing if not stored.get(name)}
        os.replace(_written(path, stored), path)
    return stored
