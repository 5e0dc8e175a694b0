from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself: events, listeners, commands, recorders, upkeep."""
        from accounts import audit, commands, events, tasks  # noqa: F401
