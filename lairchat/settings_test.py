"""The few differences for tests: a data directory of their own and no collected static files."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("LAIR_DATA_DIR", str(Path(tempfile.gettempdir()) / f"lair-chat-tests-{os.getuid()}"))

from lairchat.settings import *  # noqa: F403

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
