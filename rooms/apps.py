from django.apps import AppConfig


class RoomsConfig(AppConfig):
    name = "rooms"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself: events, listeners, commands, recorders, upkeep."""
        from rooms import commands, events, listeners, tasks  # noqa: F401
