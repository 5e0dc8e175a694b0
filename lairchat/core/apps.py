from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "lairchat.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself: the floor's own upkeep."""
        from lairchat.core import chores  # noqa: F401
