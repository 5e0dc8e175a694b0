"""Any failure as the domain error people are told. Knows Django, not DRF, which a process for sockets never loads."""

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404

from lairchat.core.action import refusal_of
from lairchat.core.errors import DomainError, Internal, NotFound, TooLarge


def as_domain_error(error: Exception) -> DomainError:
    """The domain error behind an exception: our own, Django's, the database's, or Internal."""
    match error:
        case DomainError():
            return error
        case OperationalError() | InterfaceError():
            return refusal_of(error)
        case Http404():
            return NotFound()
        case RequestDataTooBig():
            return TooLarge()
    return Internal()
