"""Text as it goes over a WebSocket: framed once, the same bytes to everybody."""

import struct


def text_frame(payload: bytes) -> bytes:
    """One unmasked, final text frame, as a server sends it (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x81, 126, size) + payload
    return struct.pack("!BBQ", 0x81, 127, size) + payload
