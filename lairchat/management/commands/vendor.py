"""`manage.py vendor`: fetch the browser's three libraries and pack them into one module. For developers only."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

VENDOR = Path(__file__).resolve().parents[3] / "chat" / "static" / "chat" / "vendor"
BUNDLE = "lair-ui.js"

# Exact on purpose: the sums in vendor.json are only worth something if a second run gives the same bytes.
PACKAGES = {"preact": "11.2.0", "@preact/signals-core": "1.14.5", "@preact/signals": "2.11.4", "htm": "3.1.1"}
BUNDLER = {"esbuild": "0.28.2"}

ENTRY = """
import { h } from 'preact';
import htm from 'htm';
export { h, render, Fragment, Component, createRef } from 'preact';
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useErrorBoundary } from 'preact/hooks';
export { signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect } from '@preact/signals';
export const html = htm.bind(h);
"""

# The manifest storage rewrites whatever looks like an import, also inside a comment.
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


class Command(BaseCommand):
    help = "Build chat/static/chat/vendor/ from exact versions (needs npm and a network)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the bundle, the licence texts and vendor.json. Raises CommandError if a tool is missing or fails."""
        npm = shutil.which("npm")
        if npm is None:
            raise CommandError("npm was not found. Install Node 20 or later; only this command needs it.")
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            fetch(npm, work)
            code = bundle(work)
            VENDOR.mkdir(parents=True, exist_ok=True)
            (VENDOR / BUNDLE).write_text(code, encoding="utf-8")
            packages = [licence_of(work / "node_modules" / name) for name in PACKAGES]
        (VENDOR / "vendor.json").write_text(manifest(code, packages), encoding="utf-8")
        self.stdout.write(f"{BUNDLE}: {len(code.encode())} bytes from {', '.join(PACKAGES)}")


def fetch(npm: str, work: Path) -> None:
    """Install the pinned packages below `work`, running none of their scripts."""
    (work / "package.json").write_text('{"private": true}', encoding="utf-8")
    wanted = [f"{name}@{version}" for name, version in (PACKAGES | BUNDLER).items()]
    run([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", *wanted], work)


def bundle(work: Path) -> str:
    """The libraries as one ES module that imports nothing."""
    (work / "entry.js").write_text(ENTRY, encoding="utf-8")
    run(
        [
            str(work / "node_modules" / ".bin" / "esbuild"),
            "entry.js",
            "--bundle",
            "--format=esm",
            "--minify",
            "--target=es2022",
            "--legal-comments=none",
            "--outfile=out.js",
        ],
        work,
    )
    code = SOURCE_MAP.sub("", (work / "out.js").read_text(encoding="utf-8")).strip() + "\n"
    if re.search(r"""\bimport\s*(?:\(|["'{*\w])""", code):
        raise CommandError("The bundle still imports something.")
    names = ", ".join(f"{name} {version}" for name, version in PACKAGES.items())
    return f"/* {names}. Built by manage.py vendor; licences beside this file. */\n{code}"


def licence_of(package: Path) -> dict[str, str]:
    """Copy the licence text next to the bundle and say what it is."""
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))
    file = f"LICENSE.{about['name'].replace('@', '').replace('/', '-')}.txt"
    text = (package / "LICENSE").read_text(encoding="utf-8")
    (VENDOR / file).write_text(text, encoding="utf-8")
    return {
        "name": about["name"],
        "version": about["version"],
        "licence": about["license"],
        "licence_file": file,
        "licence_sha384": sha384(text),
    }


def manifest(code: str, packages: list[dict[str, str]]) -> str:
    """What stands in the folder, with sums, as vendor.json."""
    content = {"files": [{"name": BUNDLE, "sha384": sha384(code)}], "packages": packages}
    return json.dumps(content, indent=2) + "\n"


def sha384(text: str) -> str:
    """The sum of `text` in the form of subresource integrity."""
    return "sha384-" + base64.b64encode(hashlib.sha384(text.encode()).digest()).decode()


def run(command: list[str], folder: Path) -> None:
    """Run a tool in `folder`. Raises CommandError with its last words if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603
    if done.returncode:
        raise CommandError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}")
