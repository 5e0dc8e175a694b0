"""Network addresses as limits and sanctions see them, and the name of a request."""

import ipaddress
from typing import Any


def limit_address(address: str) -> str:
    """The key of an address: itself, or for IPv6 its /64, since one subscriber holds all of those."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address or "unknown"
    if parsed.version == 6:
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def is_address(text: str) -> bool:
    """It is written as a network address; PostgreSQL compares a column of addresses with nothing else."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def request_id_of(request: Any) -> str:
    """The id the guard gave this request; Django's or DRF's request. Empty outside the server."""
    scope = getattr(getattr(request, "_request", request), "scope", None) or {}
    return str(scope.get("state", {}).get("request_id", ""))
