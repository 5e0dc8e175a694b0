"""Whether this process was told to stop: then new work is to go elsewhere, and what is here is served to its end."""

_begun = False


def begin() -> None:
    global _begun
    _begun = True


def has_begun() -> bool:
    return _begun
