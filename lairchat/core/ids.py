"""Keys that sort by birth: UUID version 7 (RFC 9562, section 5.7)."""

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last_ms = 0
_counter = 0


def uuid7() -> UUID:
    """A fresh UUIDv7; within one process each is larger than the one before (RFC 9562, section 6.2, method 1)."""
    global _last_ms, _counter
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            _last_ms = now_ms
            _counter = int.from_bytes(os.urandom(2), "big") & 0x7FF  # the top bit stays free to count into
        else:
            _counter += 1
            if _counter > 0xFFF:
                _last_ms += 1
                _counter = 0
        ms, counter = _last_ms, _counter
    tail = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=ms << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail)


def parse_uuid(text: object) -> UUID | None:
    """The UUID a client wrote, in any text form and case, or None."""
    if isinstance(text, UUID):
        return text
    if not isinstance(text, str) or len(text) > 45:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
