"""Which client, scheme, host and prefix a request has, and whose word counts for it (guarantees S10)."""

import ipaddress
import re
from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Anything a proxy, ours or an attacker's, could use to say what the connection itself says.
FORWARDING = {
    b"forwarded",
    b"x-real-ip",
    b"x-client-ip",
    b"x-cluster-client-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"fastly-client-ip",
    b"x-scheme",
    b"x-url-scheme",
    b"front-end-https",
    b"x-original-url",
    b"x-original-host",
    b"x-rewrite-url",
    b"x-script-name",
    b"script-name",
    b"x-host",
    b"daphne-root-path",
}
PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def is_forwarding(name: bytes) -> bool:
    return name in FORWARDING or name.startswith(b"x-forwarded-")


class Trust:
    """The networks of trusted proxies."""

    def __init__(self, networks: Iterable[str]) -> None:
        self.networks: list[Network] = [ipaddress.ip_network(network) for network in networks]

    def includes(self, address: str) -> bool:
        if not self.networks:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.networks)


def directed(scope: dict, trust: Trust) -> dict:
    """The scope as the connection says it or, behind a trusted proxy, as that proxy says. No header remains that could
    say otherwise to anyone further in."""
    peer = scope["client"][0] if scope.get("client") else ""
    headers: Headers = []
    said: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        if is_forwarding(name):
            said.setdefault(name, []).append(value.decode("latin-1"))
        else:
            headers.append((name, value))
    scope = {**scope, "headers": headers, "root_path": "", "forwarded": False}
    if not said:
        return scope
    scope["forwarded"] = True  # metrics are for loopback, and a forwarded request is not loopback (S21)
    return _believed(scope, said, trust) if trust.includes(peer) else scope


def client_address(peer: str, chain: str, trust: Trust) -> str:
    """The last address of an X-Forwarded-For chain that is not one of our proxies."""
    if not trust.includes(peer):
        return peer
    for hop in reversed([part.strip() for part in chain.split(",") if part.strip()]):
        try:
            address = str(ipaddress.ip_address(hop.strip("[]")))
        except ValueError:
            return peer  # not an address: nothing left of it can be believed
        peer = address
        if not trust.includes(address):
            break
    return peer


def _believed(scope: dict, said: dict[bytes, list[str]], trust: Trust) -> dict:
    def last(name: bytes) -> str:
        return said.get(name, [""])[-1].split(",")[-1].strip()

    peer, port = scope["client"]
    address = client_address(peer, ",".join(said.get(b"x-forwarded-for", [])), trust)
    scope["client"] = [address, port if address == peer else 0]
    if last(b"x-forwarded-proto") in {"http", "https"}:
        secure = last(b"x-forwarded-proto") == "https"
        scope["scheme"] = {"http": "https", "websocket": "wss"}[scope["type"]] if secure else scope.get("scheme")
    if host := last(b"x-forwarded-host"):
        kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [*kept, (b"host", host.encode("latin-1"))]
    prefix = last(b"x-forwarded-prefix").rstrip("/")
    if PREFIX.fullmatch(prefix):
        scope["root_path"] = prefix
        if not scope["path"].startswith(f"{prefix}/"):
            scope["path"] = prefix + scope["path"]
    return scope


def counted_address(address: str) -> str:
    """What limits count by: the address, or the /64 of an IPv6 one, which one customer has whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
