"""Logs: one JSON object a line (guarantees S17). Values are arguments, so that a control character stays escaped."""

import logging.config
from typing import Any


def set_up(level: str) -> None:
    """For a serving process; commands keep plain lines."""
    logging.config.dictConfig(settings(level))


def settings(level: str) -> dict[str, Any]:
    """The dictionary for `logging.config.dictConfig`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
                "datefmt": "%Y-%m-%dT%H:%M:%S%z",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "daphne": {"level": "WARNING"},
            # Django would log each 4xx again, with the request object whose URL may hold a token.
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "ERROR"},
        },
    }
