"""The few differences for tests: a data directory of their own, in memory where the system has such a place."""

import os
import tempfile
from pathlib import Path
from zlib import crc32

_memory = Path("/dev/shm")  # noqa: S108
_root = Path(tempfile.gettempdir()) if not os.access(_memory, os.W_OK) else _memory
_checkout = crc32(str(Path(__file__).resolve()).encode())  # two checkouts may be tested at once
os.environ.setdefault("LAIR_DATA_DIR", str(_root / f"lair-chat-tests-{os.getuid()}-{_checkout:08x}"))

from lairchat.testing import stack  # noqa: E402

if stack.ON_POSTGRES:
    os.environ["LAIR_DATABASE_URL"] = stack.DATABASE_URL

from lairchat.settings import *  # noqa: E402, F403
from lairchat.settings import DATABASES, STATIC_ROOT  # noqa: E402

if not stack.ON_POSTGRES:
    # A file, not Django's usual memory: tests with threads need real locks.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(os.environ["LAIR_DATA_DIR"]) / "test.sqlite3")}

STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
