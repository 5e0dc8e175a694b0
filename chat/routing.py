"""Which address takes sockets: `/ws`, and no other."""

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from chat.consumers import Socket


async def no_socket_here(scope: Any, receive: Any, send: Any) -> None:
    """Refuse the handshake (HTTP 403)."""
    await receive()
    await send({"type": "websocket.close"})


application = URLRouter([path("ws", Socket.as_asgi()), re_path("", no_socket_here)])  # type: ignore[list-item, arg-type]
