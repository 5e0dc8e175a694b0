"""Which process answers what: pages and REST, sockets, or both. A worker answers nobody."""

from typing import Any

from lairchat.server.guard import Answer, Application, Receive, Scope, Send

SERVING = ("all", "web", "realtime")
ROLES = (*SERVING, "worker")
EVERYWHERE = ("/health", "/ready", "/metrics")


class Router:
    """One application of the two, for one role."""

    def __init__(self, *, http: Application, websocket: Application | None, role: str = "all") -> None:
        if role not in SERVING:
            raise ValueError(f"no role {role!r} serves; those that do are {', '.join(SERVING)}")
        self.http, self.role = http, role
        self.websocket = websocket if role != "web" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await (self.websocket or refuse_socket)(scope, receive, send)
        elif self.role == "realtime" and scope["path"] not in EVERYWHERE:
            await Answer(scope, send).refuse(404, "not_found", "This process serves sockets only.")
        else:
            await self.http(scope, receive, send)


async def refuse_socket(scope: Scope, receive: Receive, send: Send) -> Any:
    """No socket here: the handshake gets 403."""
    await receive()
    await send({"type": "websocket.close"})
