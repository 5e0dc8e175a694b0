"""What the words of an account must look like (protocol-v1.md, section 4)."""

import re
from zoneinfo import available_timezones

from accounts.errors import EmailInvalid, ReasonInvalid, UsernameInvalid
from accounts.models import SanctionShape, User
from lairchat.core.errors import Invalid
from lairchat.core.text import byte_length, fold, has_control, is_deceiving

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def checked_username(username: str) -> str:
    """The name, if it may be one. Raises UsernameInvalid."""
    size = byte_length(username)
    if size < User.USERNAME_MIN_BYTES:
        raise UsernameInvalid(f"Username invalid: value too short: minimum {User.USERNAME_MIN_BYTES}, got {size}")
    if size > User.USERNAME_MAX_BYTES:
        raise UsernameInvalid(f"Username invalid: value too long: maximum {User.USERNAME_MAX_BYTES}, got {size}")
    if username.startswith("_"):
        raise UsernameInvalid("Username invalid: invalid format: it begins with an underscore")
    folded = fold(username)
    # Some signs are letters, but fold to several with blanks between them.
    if not _is_word(username) or not _is_word(folded) or len(folded) > 64:
        raise UsernameInvalid("Username invalid: invalid format: only letters, digits and underscores")
    return username


def _is_word(text: str) -> bool:
    return all(sign.isalnum() or sign == "_" for sign in text)


def checked_email(email: str) -> str:
    """The address in lower case. Raises EmailInvalid."""
    if byte_length(email) > User.EMAIL_MAX_BYTES:
        raise EmailInvalid(f"Email invalid: value too long: maximum {User.EMAIL_MAX_BYTES}, got {byte_length(email)}")
    local, _, domain = email.partition("@")
    if not local or not domain or "@" in domain or "." not in domain.strip("."):
        raise EmailInvalid("Email invalid: invalid format: write it like name@example.org")
    if any(sign.isspace() for sign in email) or has_control(email) or is_deceiving(email):
        raise EmailInvalid("Email invalid: invalid format: it holds blanks or signs that cannot be seen")
    return email.lower()


def checked_display_name(name: str) -> str:
    """The name, trimmed. Raises Invalid, naming the field."""
    name = name.strip()
    if len(name) > User.DISPLAY_NAME_MAX:
        raise _invalid("display_name", f"value too long: maximum {User.DISPLAY_NAME_MAX}, got {len(name)}")
    if has_control(name) or is_deceiving(name):
        raise _invalid("display_name", "it holds signs that cannot be seen")
    return name


def checked_bio(bio: str) -> str:
    """The text, trimmed. Raises Invalid, naming the field."""
    bio = bio.strip()
    if len(bio) > User.BIO_MAX:
        raise _invalid("bio", f"value too long: maximum {User.BIO_MAX}, got {len(bio)}")
    if has_control(bio, lines=True):
        raise _invalid("bio", "it holds control characters")
    return bio


def checked_timezone(name: str) -> str:
    """A name of the IANA time zone database. Raises Invalid, naming the field."""
    if name not in available_timezones():
        raise _invalid("timezone", "no such time zone; write it like Europe/Berlin")
    return name


def checked_language(tag: str) -> str:
    """A language tag (RFC 5646). Raises Invalid, naming the field."""
    if len(tag) > 16 or not _LANGUAGE.fullmatch(tag):
        raise _invalid("language", "write it like en or pt-BR")
    return tag


def checked_reason(reason: str) -> str:
    """The reason of an act of staff, trimmed. Raises ReasonInvalid."""
    reason = reason.strip()
    if not SanctionShape.REASON_MIN <= len(reason) <= SanctionShape.REASON_MAX:
        bounds = f"{SanctionShape.REASON_MIN} to {SanctionShape.REASON_MAX}"
        raise ReasonInvalid(f"Give a reason of {bounds} characters: the person reads it.", field="reason")
    if has_control(reason, lines=True):
        raise ReasonInvalid("The reason holds control characters.", field="reason")
    return reason


def _invalid(field: str, why: str) -> Invalid:
    return Invalid(f"Validation failed: {field} - {why}", field=field)
