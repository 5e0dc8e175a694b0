"""Where in a stream a page was read: the page and every frame after it make a fresh read (D9)."""

from msgspec import Struct

from lairchat.core import log


class AsOf(Struct):
    """Where a page joins the stream: page + all frames after `seq` = a fresh read (D9)."""

    epoch: str
    stream: str
    seq: int


def as_of(stream: str) -> AsOf:
    """The position before the rows that are read next."""
    return AsOf(log.known_epoch(), stream, log.heads([stream]).get(stream, 0))
