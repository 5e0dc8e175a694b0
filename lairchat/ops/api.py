"""Routes of the server itself."""

from lairchat.core.rest import ActorView, endpoint
from lairchat.ops import commands


class Stats(ActorView):
    get = endpoint(commands.get_stats)
