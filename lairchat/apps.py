from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class LairChatConfig(AppConfig):
    """The project itself: management commands and start-up checks."""

    name = "lairchat"

    def ready(self) -> None:
        """Import what registers itself: checks, commands, figures."""
        from lairchat import checks  # noqa: F401
        from lairchat.ops import commands  # noqa: F401


class LairAdminConfig(AdminConfig):
    """Django's admin with our site: menu, access, history from the staff log."""

    default_site = "lairchat.admin.LairAdminSite"

    def ready(self) -> None:
        """Each app's own lists, then those that show rows of several apps."""
        super().ready()
        from lairchat import admin_log, admin_people  # noqa: F401
