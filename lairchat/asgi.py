"""For other ASGI servers: `lairchat.asgi:application`. `manage.py serve` makes its own, for its role."""

from lairchat.server.application import make_application

application = make_application()
