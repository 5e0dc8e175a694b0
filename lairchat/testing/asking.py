"""One way to ask the same thing by REST and by a socket's command, inside the test's own transaction."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.test import Client

from accounts.actor import Actor
from accounts.models import UserSession
from accounts.tokens import session_token
from chat.realtime.connection import Connection, acknowledged, command_named, decoded
from lairchat.core.errors import DomainError
from lairchat.core.refusals import as_domain_error
from lairchat.core.routes import Route


@dataclass(frozen=True)
class Answer:
    """What came back: the status, as REST has it, and the parsed text."""

    status: int
    body: Any
    raw: bytes = b""
    headers: Any = None

    @property
    def code(self) -> str | None:
        """The code of an error; None for a success."""
        return self.body["error"]["code"] if isinstance(self.body, dict) and "error" in self.body else None


class Program:
    """Somebody's program, or a visitor's if there is no actor."""

    def __init__(self, actor: Actor | None) -> None:
        self.actor = actor
        self.headers: dict[str, str] = {}
        if actor is not None:
            session = UserSession.objects.get(pk=actor.session_id)
            self.headers["Authorization"] = f"Bearer {session_token(session, actor.person)}"

    def rest(
        self, method: str, path: str, body: Any = None, *, text: str | bytes | None = None, **extra: Any
    ) -> Answer:
        """One request; `body` goes as JSON, `text` as it is. A failure inside is an answer, as on a real server."""
        content = json.dumps(body) if text is None and body is not None else text or ""
        extra = {"content_type": "application/json"} | extra
        client = Client(raise_request_exception=False)
        response = client.generic(method, path, content, headers=self.headers | extra.pop("headers", {}), **extra)
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        return Answer(
            response.status_code, json.loads(response.content) if is_json else None, response.content, response.headers
        )

    def take(self, route: Route, values: dict[str, Any]) -> Answer:
        """The route with these values: the path's own, the others in the query of a GET or in the body."""
        path = route.path
        for name in route.in_path:
            path = path.replace(f"{{{name}}}", quote(str(values[name]), safe=""))
        rest = {name: value for name, value in values.items() if name not in route.in_path}
        if route.method == "GET":
            query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in rest.items())
            return self.rest("GET", f"{path}?{query}")
        return self.rest(route.method, path, rest)

    def say(self, name: str, values: dict[str, Any]) -> Answer:
        """The command as a frame of a signed-in socket; 200 stands for `ack`."""
        return self.frame(json.dumps({**values, "type": name, "request_id": "1"}))

    def frame(self, text: str) -> Answer:
        """A frame as it is. Raises AssertionError if the socket said nothing, or was closed without a code."""
        assert self.actor is not None
        assert self.actor.session_id is not None
        told: list[bytes] = []
        person = self.actor.person
        connection = Connection(
            user_id=person.id,
            username=person.username,
            session_id=self.actor.session_id,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            via="ws",
            address="127.0.0.1",
            write=told.append,
            close=lambda code, reason: None,
            unsent=lambda: 0,
        )
        status = 200
        request_id = None
        try:
            type_, values, request_id = decoded(text)
            answer = connection._execute(command_named(type_), values, request_id or "")
            connection.answer(acknowledged(request_id, answer))
        except Exception as error:  # as Connection.run does
            refusal: DomainError = as_domain_error(error)
            status = refusal.status
            connection.refuse(request_id, refusal)
        assert len(told) == 1
        return Answer(status, json.loads(told[0]), told[0])
