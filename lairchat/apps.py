from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class LairChatConfig(AppConfig):
    """The project itself: management commands and start-up checks."""

    name = "lairchat"

    def ready(self) -> None:
        from lairchat import checks  # noqa: F401 - registers itself


class LairAdminConfig(AdminConfig):
    """Django's admin with our site: menu, access, history from the staff log."""

    default_site = "lairchat.admin.LairAdminSite"
