"""The Channels tutorial's chat, as its pages write it: what we are measured against.

A group per room on the in-memory channel layer, `AsyncJsonWebsocketConsumer`, one row written per message through the
ORM, served by stock Daphne. Run as a program: `python -m bench.naive <directory>`.
"""

import os
import sys
from pathlib import Path

import django
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.db import connection, models
from django.urls import path


def configure(directory: Path) -> None:
    settings.configure(
        SECRET_KEY="a measurement",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["channels"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(directory / "naive.sqlite3")}},
        CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
        USE_TZ=True,
    )
    django.setup()


def make_application() -> ProtocolTypeRouter:
    class Message(models.Model):
        room = models.CharField(max_length=64)
        content = models.TextField()
        created_at = models.DateTimeField(auto_now_add=True)

        class Meta:
            app_label = "naive"

    with connection.schema_editor() as editor:
        editor.create_model(Message)

    class Chat(AsyncJsonWebsocketConsumer):
        async def connect(self) -> None:
            self.room = self.scope["url_route"]["kwargs"]["room"]
            await self.channel_layer.group_add(self.room, self.channel_name)
            await self.accept()

        async def disconnect(self, code: int) -> None:
            await self.channel_layer.group_discard(self.room, self.channel_name)

        async def receive_json(self, content: dict, **kwargs: object) -> None:
            message = await self.store(content["message"])
            event = {"type": "chat.message", "id": message.id, "message": message.content}
            await self.channel_layer.group_send(self.room, event)

        @database_sync_to_async
        def store(self, content: str) -> Message:
            return Message.objects.create(room=self.room, content=content)

        async def chat_message(self, event: dict) -> None:
            await self.send_json({"type": "message_received", "id": event["id"], "message": event["message"]})

    return ProtocolTypeRouter({"websocket": URLRouter([path("ws/<str:room>", Chat.as_asgi())])})


def main(directory: str) -> None:
    configure(Path(directory))
    application = make_application()
    from daphne.server import Server

    server = Server(
        application=application,
        endpoints=["tcp:port=0:interface=127.0.0.1"],
        ready_callable=lambda: print(f"listens on http://127.0.0.1:{server.listening_addresses[0][1]}", flush=True),
    )
    server.run()


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    main(*sys.argv[1:])
