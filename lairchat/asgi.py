"""Who answers which address: the guard, then Django for HTTP and the chat for sockets."""

import os
from typing import TYPE_CHECKING

import django
from django.utils.module_loading import import_string

from lairchat import config

if TYPE_CHECKING:
    from lairchat.server.guard import Guard


def make_application(role: str = "all") -> "Guard":
    """The whole application for one role. `settings.SOCKET_APPLICATION` names the one for sockets."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    django.setup()
    from django.conf import settings

    from lairchat.server.guard import Guard
    from lairchat.server.handler import LaneHandler
    from lairchat.server.roles import Router

    named = getattr(settings, "SOCKET_APPLICATION", None)
    sockets = import_string(named) if named else None
    return Guard(Router(http=LaneHandler(), websocket=sockets, role=role), config.current())


application = make_application()
