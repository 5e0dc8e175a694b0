"""Whether new work may come to this process: what load balancers and container runtimes ask before they send any."""

from functools import cache

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse

from lairchat.core import draining
from lairchat.core.bus import bus


def ready(request: HttpRequest) -> HttpResponse:
    """Whether new work may come here: 503 while stopping, without a database or with a schema that is not ours.

    Without its Redis a process is slower to hear of the others, and says `degraded`, but serves (F3).
    """
    problem = _problem()
    if problem is not None:
        return JsonResponse({"ready": False, "database": problem}, status=503)
    if draining.has_begun():
        return JsonResponse({"ready": False, "database": "connected", "status": "draining"}, status=503)
    if bus.state == "down":
        return JsonResponse({"ready": True, "database": "connected", "status": "degraded", "redis": "unavailable"})
    return JsonResponse({"ready": True, "database": "connected"})


def _problem() -> str | None:
    try:
        return None if schema_is_current() else "wrong schema version"
    except DatabaseError:
        return "unavailable"


def schema_is_current(database: str = DEFAULT_DB_ALIAS) -> bool:
    """Every migration this program knows is applied; later ones may be too, for an upgrade migrates under its
    predecessor (F12). Raises DatabaseError."""
    return _last_migrations() <= MigrationRecorder(connections[database]).applied_migrations().keys()


@cache
def _last_migrations() -> frozenset[tuple[str, str]]:
    # Reading the files takes long, and they cannot change under a running program.
    return frozenset(MigrationLoader(None).graph.leaf_nodes())
