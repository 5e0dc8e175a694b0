"""Django behind ASGI: the whole request in one thread of the lane.

Django's own handler runs middleware and views in a thread per request, found by asgiref; here the number of threads is
the lane's. All our views are synchronous.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import IO, Any

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from lairchat.core import lane

END = object()
PARAMETER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")


class LaneHandler(ASGIHandler):
    """The application for HTTP; with a `urlconf` of its own instead of the settings'."""

    def __init__(self, urlconf: str | None = None) -> None:
        self.urlconf = urlconf
        self.load_middleware(is_async=False)  # not super().__init__(), which loads it for asyncio

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        """Answer one request. Raises what `receive` raises."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        response = await lane.run(self._respond, scope, body)
        if isinstance(response, HttpResponse):
            await self.send_response(response, send)
            return
        try:
            await self._stream(response, receive, send)
        finally:
            await lane.run(response.close)

    def _respond(self, scope: dict, body: IO[bytes]) -> HttpResponseBase:
        """In the lane: signals, middleware and view. What is not streamed is closed here, which ends the request."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        if request is None:
            body.close()
            response: Any = refusal
        else:
            if self.urlconf is not None:
                request.urlconf = self.urlconf
            response = self.get_response(request)
            if request.resolver_match is not None:
                scope["state"]["route"] = _pattern(request.resolver_match.route)
        response._handler_class = self.__class__  # the sender of request_finished
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.close()
        return response

    async def _stream(self, response: Any, receive: Any, send: Any) -> None:
        """Send part by part, each read in the lane, until the end or until the reader is gone."""
        gone = asyncio.ensure_future(self._disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": response.status_code, "headers": _headers(response)})
            parts = iter(response.streaming_content)
            while not gone.done():
                part = await lane.run(_next, parts)
                if part is END:
                    await send({"type": "http.response.body", "body": b""})
                    return
                await send({"type": "http.response.body", "body": part, "more_body": True})
        finally:
            gone.cancel()

    async def _disconnected(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


def _pattern(route: str) -> str:
    """`api/v1/rooms/<uuid:room_id>` as the metrics have always called it: `/api/v1/rooms/{room_id}`."""
    return "/" + PARAMETER.sub(r"{\1}", route.lstrip("^/"))


def _next(parts: Iterator[bytes]) -> Any:
    return next(parts, END)


def _headers(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    cookies = [(b"set-cookie", cookie.output(header="").strip().encode()) for cookie in response.cookies.values()]
    return headers + cookies
