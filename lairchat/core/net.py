"""Network addresses as limits and sanctions see them."""

import ipaddress


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
