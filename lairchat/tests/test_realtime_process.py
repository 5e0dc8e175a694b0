"""A process that serves sockets only: small, and asked only how it is."""

import os
import subprocess
import sys
from pathlib import Path

from lairchat.testing.processes import ROOT

UNUSED = [
    "rest_framework.serializers",
    "drf_spectacular.generators",
    "lairchat.urls",
    "lairchat.admin_desk",
    "pygments",
]
LOADED = """
from lairchat.server.application import make_application
make_application("realtime")
from lairchat.server.beside import work_of
work_of("realtime")
import sys
print("\\n".join(sorted(sys.modules)))
"""


def test_it_loads_neither_the_api_nor_the_desk(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAIR_")}
    given = clean | {"LAIR_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "lairchat.settings"}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=given, cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "chat.realtime.hub" in loaded
    assert {name for name in UNUSED if name in loaded} == set()
