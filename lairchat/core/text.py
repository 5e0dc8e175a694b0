"""What may stand in names and texts, and how two of them are compared."""

import unicodedata

# Bidirectional overrides and isolates reorder what follows them; zero-width signs hide in look-alike names.
_DECEIVING = frozenset("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")


def fold(text: str) -> str:
    """The form in which two names are the same name: NFKC and case folded."""
    return unicodedata.normalize("NFKC", text).casefold()


def has_control(text: str, *, lines: bool = False) -> bool:
    """True if the text holds control characters or lone surrogates; `lines` allows line breaks and tabs."""
    allowed = "\n\t\r" if lines else ""
    return any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in allowed for sign in text)


def is_deceiving(text: str) -> bool:
    """True if the text holds signs that turn its direction or cannot be seen."""
    return any(sign in _DECEIVING for sign in text)


def byte_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
