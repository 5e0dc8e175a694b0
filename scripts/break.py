"""`make break`: take away each protection in turn; each must turn a test red.

Works on a copy of the tree, so that whatever happens here the tree itself is whole.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RED = 1  # pytest's exit code for tests that ran and failed


@dataclass(frozen=True)
class Break:
    """One protection: where it stands, what it becomes, and the tests that must notice."""

    name: str
    edits: tuple[tuple[str, str, str], ...]  # file, old, new
    tests: tuple[str, ...]


BREAKS = (
    Break(
        "the nonce constraint",
        (
            (
                "chat/models/messages.py",
                'models.UniqueConstraint(fields=["author", "room", "nonce"], name="message_nonce_once_per_author_and_room"),',
                "",
            ),
            (
                "chat/migrations/0001_initial.py",
                "fields=('author', 'room', 'nonce')",
                "fields=('author', 'room', 'nonce', 'seq')",
            ),
        ),
        ("chat/tests/test_messages.py",),
    ),
    Break(
        "the position of a removal",
        (("rooms/events.py", "return [Leave(self.user_id, self.stream())]", "return []"),),
        ("chat/tests/test_hub.py", "chat/tests/test_socket.py"),
    ),
    Break(
        "the resume",
        (("chat/realtime/v2.py", "    if resume is None:\n", "    if resume is None or resume:\n"),),
        ("chat/tests/test_resume.py",),
    ),
    Break(
        "the session check on sockets",
        (
            (
                "accounts/events.py",
                "return [Close(self.user_id, SESSION_ENDED, session_id=id_) for id_ in self.session_ids]",
                "return []",
            ),
        ),
        ("chat/tests/test_socket.py",),
    ),
    Break(
        "the session check of each command",
        (
            (
                "accounts/queries.py",
                "    if session is None or session.ended_at is not None:\n",
                "    if session is not None:\n        return session\n    if session is None:\n",
            ),
        ),
        ("accounts/tests", "chat/tests/test_socket.py"),
    ),
    Break(
        "not yours is not found",
        (("rooms/policy.py", "return not room.is_hidden and actor.allows", "return actor.allows"),),
        ("lairchat/tests/test_hidden.py",),
    ),
    Break(
        "the body cap",
        (
            (
                "lairchat/server/daphne.py",
                "return limits.upload_body_bytes if uploads else limits.request_body_bytes",
                "return (1 << 40) * (limits.upload_body_bytes if uploads else limits.request_body_bytes)",
            ),
            (
                "lairchat/server/guard.py",
                "return limits.upload_body_bytes if self.takes_uploads(path) else limits.request_body_bytes",
                "return (1 << 40) * (limits.upload_body_bytes if self.takes_uploads(path) else 1)",
            ),
        ),
        ("lairchat/tests/test_entry_requests.py", "lairchat/tests/test_guard.py"),
    ),
    Break(
        "the gap fill",
        (
            (
                "chat/realtime/hub.py",
                "if served.early and served.healing is None:",
                "if served.early and served.healing is None and not served.early:",
            ),
        ),
        ("chat/tests/test_hub.py",),
    ),
    Break(
        "the head check",
        (
            (
                "chat/realtime/hub.py",
                "if served is not None and head > served.position and served.healing is None:",
                "if served is not None and head < served.position and served.healing is None:",
            ),
        ),
        ("chat/tests/test_hub.py",),
    ),
    Break(
        "the output bound",
        (
            ("lairchat/server/websocket.py", "if self.socket.unsent() > self.most:", "if self.socket.unsent() < 0:"),
            (
                "chat/realtime/connection.py",
                "if self.is_open and self._unsent() > config.current().limits.socket_output_bytes:",
                "if self.is_open and self._unsent() < 0:",
            ),
        ),
        ("lairchat/tests/test_entry_sockets.py",),
    ),
    Break(
        "what keeps acts of a batch apart",
        (
            (
                "lairchat/core/batch.py",
                "return [outcome for request in requests for outcome in self.commit([request])]",
                "return [error for request in requests]",
            ),
        ),
        ("chat/tests/test_batches.py",),
    ),
    Break(
        "the breaker of the bus",
        (
            (
                "lairchat/core/bus.py",
                """                self.state = "down"
                await asyncio.sleep(BREAKER_SECONDS)

    async def _batch""",
                """                self.state = "down"
                await asyncio.sleep(0)

    async def _batch""",
            ),
        ),
        ("lairchat/tests/test_bus.py",),
    ),
    Break(
        "the fallback of the fast lane",
        (
            (
                "chat/realtime/connection.py",
                "        if self._write_frames is None:\n            self.write(frame)\n            return False\n",
                "",
            ),
        ),
        ("chat/tests/test_lanes.py",),
    ),
    Break(
        "the beginning at the entry",
        (
            (
                "chat/listeners.py",
                "    ReadReceipt.objects.filter(room=event.room_id, user=event.user).delete()\n",
                "    return\n",
            ),
        ),
        ("chat/tests/test_receipts.py",),
    ),
    Break(
        "the entry that is shown alone",
        (
            (
                "lairchat/core/events.py",
                "    return [event for entry in entries for event in _loaded(kind, [entry])]\n",
                "    return [None] * len(entries)\n",
            ),
        ),
        ("lairchat/tests/test_events.py",),
    ),
    Break(
        "the failed read that is asked for again",
        (("lairchat/core/events.py", "    except DatabaseFailure:\n        raise\n", ""),),
        ("lairchat/tests/test_events.py",),
    ),
    Break(
        "the windows carried over to the database",
        (("lairchat/core/limits.py", "_carried.update(_limiter.storage.windows)", "pass"),),
        ("lairchat/tests/test_limits.py",),
    ),
    Break(
        "the end of a window after a jump of the clock",
        (("lairchat/core/limits.py", " OR core_limitwindow.ends_at > %s", " OR %s < 0"),),
        ("lairchat/tests/test_limits.py",),
    ),
    Break(
        "the look for other processes",
        (("lairchat/core/processes.py", "LOOK_SECONDS = 0.2", "LOOK_SECONDS = 60.0"),),
        ("lairchat/tests/test_limits_processes.py",),
    ),
    Break(
        "the lease of the upkeep",
        (
            (
                "lairchat/core/lease.py",
                "        if lease.holder not in (None, self.id) and self.clock() - self._seen_at < self.takeover_seconds:\n"
                "            return False\n",
                "",
            ),
        ),
        ("lairchat/tests/test_upkeep.py",),
    ),
    Break(
        "the mark of how far a copy came",
        (("lairchat/ops/copying.py", "                _note(table, last, done)\n", ""),),
        ("lairchat/tests/test_copying.py::test_a_copy_that_is_killed_in_the_middle_goes_on",),
    ),
    Break(
        "the last requests before a stop",
        (
            (
                "lairchat/server/daphne.py",
                "        while loop.time() < deadline and any(channel.is_fresh for channel in self.channels):\n",
                "        while not deadline:\n",
            ),
        ),
        ("lairchat/tests/test_entry_requests.py::test_who_connected_before_a_stop_is_served_once_more",),
    ),
)


def main() -> int:
    wanted = sys.argv[1:]
    chosen = [broken for broken in BREAKS if not wanted or any(word in broken.name for word in wanted)]
    with tempfile.TemporaryDirectory(prefix="lair-break-") as folder:
        copy = Path(folder) / "tree"
        copy_tree(copy)
        results = [(broken.name, notices(copy, broken)) for broken in chosen]
    print()
    for name, red in results:
        print(f"{'red, as it must be' if red else 'NOT NOTICED':20} without {name}")
    return 0 if all(red for _, red in results) else 1


def copy_tree(copy: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)


def notices(copy: Path, broken: Break) -> bool:
    """Whether the tests are green with the protection and red without it."""
    print(f"\n== {broken.name}: with it", flush=True)
    if run(copy, broken.tests) != 0:
        print("the tests are red even with it")
        return False
    whole = {file: (copy / file).read_text() for file, _, _ in broken.edits}
    try:
        for file, old, new in broken.edits:
            text = (copy / file).read_text()
            if text.count(old) != 1:
                print(f"{file} does not hold the line once: {old}")
                return False
            (copy / file).write_text(text.replace(old, new))
        print(f"== {broken.name}: without it", flush=True)
        return run(copy, broken.tests) == RED
    finally:
        for file, text in whole.items():
            (copy / file).write_text(text)


def run(copy: Path, tests: tuple[str, ...]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *tests]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LAIR_", "DJANGO_"))}
    return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
