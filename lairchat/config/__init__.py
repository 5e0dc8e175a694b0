"""The configuration of this process: loaded once, replaced as a whole."""

import os
import threading
from collections.abc import Mapping
from typing import Any

from lairchat.config.load import ConfigError, load
from lairchat.config.schema import Config, Window

__all__ = ["Config", "ConfigError", "Window", "current", "load", "reload"]

_lock = threading.Lock()
_current: Config | None = None


def current() -> Config:
    """The configuration, read from the environment at the first call. Raises ConfigError then."""
    return _current or _first()


def reload(overrides: Mapping[str, Any] | None = None) -> Config:
    """Read everything again and put it in force, all or nothing. Raises ConfigError and keeps what was in force."""
    global _current
    with _lock:
        _current = load(os.environ, overrides=overrides)
        return _current


def _first() -> Config:
    global _current
    with _lock:
        if _current is None:
            _current = load(os.environ)
        return _current
