"""The whole application: the guard, then Django for HTTP and the chat for sockets."""

import os

import django
from django.utils.module_loading import import_string

from lairchat import config
from lairchat.server.guard import Guard
from lairchat.server.handler import LaneHandler
from lairchat.server.roles import Router


def make_application(role: str = "all") -> Guard:
    """For one role. `settings.SOCKET_APPLICATION` names what answers sockets."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    django.setup()
    from django.conf import settings

    named = getattr(settings, "SOCKET_APPLICATION", None)
    sockets = import_string(named) if named else None
    # A process for sockets loads neither the API nor the desk: 20 MiB that it would never use.
    http = LaneHandler("lairchat.ops.urls" if role == "realtime" else None)
    return Guard(Router(http=http, websocket=sockets, role=role), config.current())
