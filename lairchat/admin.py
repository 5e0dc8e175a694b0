"""The desk's site: who gets in, its menu with live counters, and the history of rows from the staff log."""

import logging
from collections.abc import Callable
from functools import update_wrapper
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from csp.decorators import csp_replace
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import include, path, re_path
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.roles import Permission
from lairchat.core import admin_reason
from lairchat.core.action import refusal_of
from lairchat.core.admin import ModerationAdmin, list_of
from lairchat.core.errors import DomainError

logger = logging.getLogger(__name__)

COUNTED_TO = 99
MENU = (
    ("Moderation", ("accounts.Sanction", "rooms.RoomSanction")),
    ("People", ("accounts.User", "accounts.UserSession")),
    ("Rooms", ("rooms.Room", "rooms.Membership", "chat.Message")),
    ("Log", ("accounts.AuditEntry",)),
)
# Django's libraries assign markup, so /admin has the client's policy without its two Trusted Types directives (S9).
POLICY = {"require-trusted-types-for": None, "trusted-types": None}


class LairAdminSite(admin.AdminSite):
    """Open to staff alone; shows only classes that act through actions."""

    site_header = "Lair Chat"
    site_title = "Desk"
    index_title = "Desk"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Enter a class of ours; Django's own editors (groups, permissions) have no place here."""
        if admin_class is not None and issubclass(admin_class, ModerationAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: Any) -> bool:
        return request.actor is not None and request.actor.allows(Permission.DESK_VIEW)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """The view for staff only: others sign in first, or learn that this is not for them."""

        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.actor is None:
                return self.login(request)
            if not self.has_permission(request):
                return self._refused(request, 403, "The desk is for moderators and administrators.")
            with timezone.override(_zone(request.actor.person.timezone)):
                return self._answered(request, view, args, kwargs)

        return update_wrapper(csp_replace(POLICY)(never_cache(guarded)), view)

    def _answered(self, request: Any, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse:
        """The answer, drawn while the viewer's time zone holds; what goes wrong is told in our words."""
        try:
            response = view(request, *args, **kwargs)
            return response.render() if isinstance(response, TemplateResponse) else response
        except Http404:
            return self._refused(request, 404, "Nothing is here, or nothing you may see.")
        except PermissionDenied:
            return self._refused(request, 403, "Your rank does not allow this.")
        except DomainError as refusal:
            return self._refused(request, refusal.status, refusal.text)
        except (OperationalError, InterfaceError) as error:
            told = refusal_of(error)
            logger.warning("the desk's page %s was refused by the database: %s", request.path, error)
            return self._refused(request, told.status, told.text)

    def _refused(self, request: Any, status: int, text: str) -> HttpResponse:
        context = {"title": text, "site_name": self.site_header, "is_staff": self.has_permission(request)}
        return TemplateResponse(request, "admin/refused.html", context, status=status).render()

    def get_urls(self) -> list[Any]:
        """Only what the desk has: no password page, no autocomplete, no jump to rows by their content type."""
        from lairchat import admin_desk

        urls: list[Any] = [
            path("", self.admin_view(admin_desk.front_page(self)), name="index"),
            path("numbers", self.admin_view(admin_desk.live_numbers), name="numbers"),
            path("login/", self.login, name="login"),
            path("logout/", self.logout, name="logout"),
            path("result/<uuid:key>/", self.admin_view(self.result_view), name="result"),
        ]
        for model, model_admin in self._registry.items():
            prefix = f"{model._meta.app_label}/{model._meta.model_name}/"
            urls.append(path(prefix, include(model_admin.urls)))
        urls.append(re_path(r"^(?P<url>.*)$", self.admin_view(self.nothing_here)))
        return urls

    def nothing_here(self, request: HttpRequest, url: str) -> HttpResponse:
        """Any other address: with its slash if that is what is missing (APPEND_SLASH is off for the API's sake)."""
        if request.method == "GET" and url and not url.endswith("/") and _is_address(f"{request.path}/"):
            return HttpResponseRedirect(f"{request.path}/")
        raise Http404

    def login(self, request: Any, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in page, ours."""
        wanted = request.GET.get("next") or request.get_full_path()
        if not wanted.startswith("/admin/") or wanted.startswith("/admin/login"):
            wanted = "/admin/"
        return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': wanted})}")

    def logout(self, request: Any, extra_context: dict[str, Any] | None = None) -> Any:
        """Signing out is a form sent to our own page; following a link does nothing (S8)."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return HttpResponseRedirect("/logout", status=307)

    def get_app_list(self, request: Any, app_label: str | None = None) -> list[dict[str, Any]]:
        """The menu: groups by task, an empty one left out."""
        groups = []
        for name, models in MENU:
            entries = [entry for label in models if (entry := self._entry(request, label)) is not None]
            if entries:
                groups.append({"name": name, "app_label": name.lower(), "models": entries})
        return groups

    def _entry(self, request: Any, label: str) -> dict[str, Any] | None:
        model = apps.get_model(label)
        model_admin: Any = self._registry.get(model)
        if model_admin is None or not model_admin.has_view_permission(request):
            return None
        url = list_of(model)
        waiting = getattr(model_admin, "waiting", None)
        return {
            "name": model_admin.heading(),
            "object_name": model.__name__,
            "admin_url": url,
            "count": _capped(waiting(request)) if waiting else "",
            "is_here": request.path.startswith(url),
        }

    def each_context(self, request: Any) -> dict[str, Any]:
        return {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "menu": self.get_app_list(request),
            "viewer": request.actor.person,
            "time_zone": timezone.get_current_timezone_name(),
        }

    def result_view(self, request: Any, key: Any) -> HttpResponse:
        """What became of a form; only who sent it sees this."""
        found = admin_reason.kept(key, request.actor.user_id)
        if found is None:
            raise Http404
        form, outcomes = found
        context = {
            **self.each_context(request),
            "title": form.title,
            "back": form.back,
            "unfinished": outcomes is None,
            "done": [outcome for outcome in outcomes or () if not outcome.code],
            "refused": [outcome for outcome in outcomes or () if outcome.code],
        }
        return TemplateResponse(request, "admin/result.html", context)

    def history_of(self, request: Any, row: Any, desk: ModerationAdmin) -> HttpResponse:
        """What the staff log says about a row, as far as the viewer may read the log."""
        from lairchat import admin_log

        context = {
            **self.each_context(request),
            "title": f"History of {desk.describe(row)}",
            "opts": row._meta,
            "panel": admin_log.history_panel(request.actor, row),
            "list_url": list_of(type(row)),
            "list_name": desk.heading(),
            "row": row,
            "name": desk.describe(row),
            "desk": desk,
        }
        return TemplateResponse(request, "admin/history.html", context)


def _is_address(path_: str) -> bool:
    from django.urls import Resolver404, resolve

    try:
        return resolve(path_).url_name is not None
    except Resolver404:
        return False


def _capped(rows: Any) -> str:
    """How many, as far as a badge can say; nothing for none."""
    count = rows.order_by().values("pk")[: COUNTED_TO + 1].count()
    return f"{COUNTED_TO}+" if count > COUNTED_TO else str(count or "")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
