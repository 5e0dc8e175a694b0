"""The desk's base class: rows are shown and never edited; a button calls an action, with a reason, row by row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lairchat.core import admin_reason
from lairchat.core.admin_lists import CappedPaginator, DeskList
from lairchat.core.admin_reason import Act, Affected, ReasonForm
from lairchat.core.errors import DomainError

ROWS_MAX = 1000
EMPTY = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    name: str
    label: str
    value: Any


@dataclass(frozen=True, slots=True)
class Panel:
    """A short table on a page, with the way to the whole list."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    name: str
    label: str


def moment(at: datetime | None) -> str | SafeString:
    """A time in the reader's zone, exact for machines."""
    if at is None:
        return EMPTY
    local = timezone.localtime(at)
    is_this_year = local.year == timezone.localtime().year
    shown = f"{local:%d %b %H:%M}" if is_this_year else f"{local:%d %b %Y %H:%M}"
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), shown)


def badge(tone: str, text: str) -> SafeString:
    """A state as a coloured word; `tone` is good, warn, bad or calm."""
    return format_html('<span class="state state-{}">{}</span>', tone, text)


def link(url: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def page_of(row: Model) -> str:
    """The address of a row's own page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def list_of(model: type[Model], **query: object) -> str:
    """The address of a model's list, narrowed."""
    return reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist",
        query={key: str(value) for key, value in query.items()} or None,
    )


def _permission_method(permission: str) -> Callable[..., bool]:
    def has_permission(self: "ModerationAdmin", request: Any) -> bool:
        return request.actor.allows(permission)

    return has_permission


class ModerationAdmin(admin.ModelAdmin):
    """A list and a page of one kind of row, for the desk.

    Subclasses say which rows a viewer sees (`seen_by`), how they are found (`find`), what the page shows (`facts`,
    `panels`), and have methods decorated `@admin.action(permissions=["sanction_light"])` that return `with_reason`.
    """

    needs: str = "desk.view"  # the permission that opens list and pages
    title = ""  # of the list; else the model's own plural
    intro = ""
    has_history = True
    empty = "Nothing here yet."
    counted: tuple[str, str] | None = None  # one row, several rows; else the model's own words
    search_hint = ""

    actions: Sequence[str] = ()
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    ordering = ("-pk",)
    sortable_by = ()
    change_list_template = "admin/list.html"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Django asks `has_sanction_light_permission`; that is the question whether the actor has sanction.light."""
        super().__init_subclass__(**kwargs)
        for attribute in vars(cls).copy().values():
            for name in getattr(attribute, "allowed_permissions", ()):
                setattr(cls, f"has_{name}_permission", _permission_method(name.replace("_", ".", 1)))

    @property
    def act_address(self) -> str:
        """The name of the route of a button; the others are those of the page and its history."""
        return self._address("act")

    @property
    def page_address(self) -> str:
        return self._address("change")

    @property
    def history_address(self) -> str:
        return self._address("history")

    def _address(self, what: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{what}"

    # Who may what

    def has_view_permission(self, request: Any, obj: Model | None = None) -> bool:
        return request.actor is not None and request.actor.allows(self.needs)

    def has_module_permission(self, request: Any) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: Any, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Model | None = None) -> bool:
        return False

    def seen_by(self, actor: Any, queryset: QuerySet) -> QuerySet:
        """The rows this viewer may see: list, page, search, history and buttons all stand on it."""
        return queryset

    def get_queryset(self, request: Any) -> QuerySet:
        return self.seen_by(request.actor, super().get_queryset(request))

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Only what a filter declares: Django's rule would let `?password__startswith=` ask for hashes."""
        return lookup in self._parameters(request)

    def _parameters(self, request: Any) -> set[str]:
        names: set[str] = set()
        for filter_class in self.get_list_filter(request):
            names.update(getattr(filter_class, "names", None) or [cast(Any, filter_class).parameter_name])
        return names

    def to_field_allowed(self, request: Any, to_field: str) -> bool:
        return False

    # The list

    def get_changelist(self, request: Any, **kwargs: Any) -> type[DeskList]:
        return DeskList

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        """The rows that the search words mean."""
        return queryset

    def get_search_results(self, request: Any, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        words = search_term.strip()
        return (self.find(request, queryset, words) if words else queryset), False

    def complete(self, request: Any, rows: list[Any]) -> None:
        """Put onto the rows of a page what other tables know of them, in a fixed number of statements."""

    def heading(self) -> str:
        """What list and menu entry are called."""
        return self.title or str(self.opts.verbose_name_plural).capitalize()

    def hint(self, request: Any) -> str:
        """What this viewer may look for."""
        return self.search_hint

    def changelist_view(self, request: Any, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if "_popup" in request.GET or "_to_field" in request.GET:
            raise Http404
        context = {"desk": self, "title": self.heading(), "search_hint": self.hint(request)}
        answer = super().changelist_view(request, context | (extra_context or {}))
        if isinstance(answer, TemplateResponse) and answer.context_data is not None and "cl" in answer.context_data:
            columns, rows = self.table(cast(DeskList, answer.context_data["cl"]))
            answer.context_data |= {"columns": columns, "rows": rows, "buttons": self.buttons(request)}
        return answer

    def get_list_display(self, request: Any) -> Any:
        """The columns this viewer sees."""
        return self.list_display

    def table(self, changelist: DeskList) -> tuple[list[str], list[tuple[Model, str, list[Cell]]]]:
        """Column titles, and each row with its address and its cells."""
        names = [str(name) for name in changelist.list_display if name != "action_checkbox"]
        labels = [str(label_for_field(name, self.model, self)).capitalize() for name in names]
        rows = []
        for row in changelist.result_list:
            cells = [Cell(name, label, self._value(name, row)) for name, label in zip(names, labels, strict=True)]
            rows.append((row, page_of(row), cells))
        return labels, rows

    def _value(self, name: str, row: Model) -> Any:
        try:
            field, _, value = lookup_field(name, row, self)
        except ObjectDoesNotExist:
            return EMPTY
        if isinstance(value, datetime):
            return moment(value)
        if isinstance(field, Field) and field.choices:
            return getattr(row, f"get_{field.name}_display")()
        return EMPTY if value is None or value == "" else value

    def buttons(self, request: Any) -> list[Button]:
        return [Button(name, str(label)) for _, name, label in self.get_actions(request).values()]

    def get_actions(self, request: Any) -> dict[str, Any]:
        """Name → (method, name, label) of the buttons this viewer's rank allows."""
        return super().get_actions(request)

    # The page

    def facts(self, request: Any, row: Any) -> list[tuple[str, Any]]:
        """What the page says of the row: labels and values."""
        names = [name for name in self.get_list_display(request) if name != "action_checkbox"]
        return [(str(label_for_field(name, self.model, self)).capitalize(), self._value(name, row)) for name in names]

    def sentence(self, request: Any, row: Any) -> str | SafeString:
        """The row's state in one sentence."""
        return ""

    def panels(self, request: Any, row: Any) -> list[Panel]:
        """Short tables of what belongs to the row."""
        return []

    def pointless(self, row: Any) -> set[str]:
        """Buttons the page leaves out, because they would change nothing about this row."""
        return set()

    def row_for(self, request: Any, object_id: str) -> Any:
        """The row, if this viewer may see it; else 404, the same for one that does not exist."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self._by_ids(self.get_queryset(request), [object_id]).first()
        if found is None:
            raise Http404
        self.complete(request, [found])
        return found

    def _by_ids(self, queryset: QuerySet, ids: Iterable[str]) -> QuerySet:
        """Ids that cannot be ids are ids of nothing."""
        valid = []
        for id_ in ids:
            try:
                valid.append(self.opts.pk.to_python(id_))
            except ValidationError:
                continue
        return queryset.filter(pk__in=valid)

    def change_view(
        self, request: Any, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The row's page: what is known, what belongs to it, and the buttons."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        row = self.row_for(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": self.describe(row),
            "opts": self.opts,
            "desk": self,
            "row": row,
            "sentence": self.sentence(request, row),
            "facts": self.facts(request, row),
            "panels": self.panels(request, row),
            "buttons": [button for button in self.buttons(request) if button.name not in self.pointless(row)],
            "list_url": list_of(self.model),
            "list_name": self.heading(),
        }
        return TemplateResponse(request, "admin/page.html", context)

    def history_view(self, request: Any, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What the staff log says about the row."""
        row = self.row_for(request, object_id)
        return self.admin_site.history_of(request, row, self)  # type: ignore[attr-defined]

    # Buttons

    def get_urls(self) -> list[Any]:
        """List, page, history, and the second step of a button: there is nothing to add, edit or delete."""

        def wrap(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            def wrapper(*args: Any, **kwargs: Any) -> HttpResponse:
                return self.admin_site.admin_view(view)(*args, **kwargs)

            return wrapper

        info = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("", wrap(self.changelist_view), name=f"{info}_changelist"),
            path("act/<str:name>/", wrap(self.act_view), name=f"{info}_act"),
            path("<str:object_id>/history/", wrap(self.history_view), name=f"{info}_history"),
            path("<str:object_id>/change/", wrap(self.change_view), name=f"{info}_change"),
        ]

    def act_view(self, request: Any, name: str) -> HttpResponse:
        """A button of a page, and the sent form of every button."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_actions(request).get(name)
        if found is None:
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseRedirect(list_of(self.model))
        ids = request.POST.get("ids", "").split(",")[: ROWS_MAX + 1]
        return found[0](self, request, self._by_ids(self.get_queryset(request), ids))

    def describe(self, row: Any) -> str:
        """What a row is called on pages and in results."""
        return str(row)

    def excerpt(self, row: Any) -> str:
        """A little of the row, for the look before the act."""
        return ""

    def with_reason(
        self,
        request: Any,
        queryset: QuerySet,
        act: Act,
        *,
        describe: Callable[[Any], str] | None = None,
        targets: Callable[[list[Any]], list[Any]] | None = None,
    ) -> HttpResponse:
        """Ask for a reason, then call the action for each row, or for each of the rows' `targets`."""
        ticked = list(queryset[: ROWS_MAX + 1])
        if len(ticked) > ROWS_MAX:
            messages.error(request, f"At most {ROWS_MAX:,} rows at once: narrow the list first. Nothing was done.")
            return HttpResponseRedirect(self._back(request))
        rows = targets(ticked) if targets else ticked
        if not rows:
            messages.warning(request, f"{act.title}: there is nothing to do here.")
            return HttpResponseRedirect(self._back(request))
        self.complete(request, [row for row in rows if isinstance(row, self.model)])
        labels = [(describe or self.describe)(row) for row in rows]
        if "key" not in request.POST:
            return self._reason_page(request, act, ticked, rows, labels, ReasonForm(act, len(rows)))
        form = ReasonForm(act, len(rows), request.POST)
        if not form.is_valid():
            return self._reason_page(request, act, ticked, rows, labels, form)
        return self._perform(request, act, ticked, rows, labels, form)

    def _perform(
        self, request: Any, act: Act, ticked: list[Any], rows: list[Any], labels: list[str], form: ReasonForm
    ) -> HttpResponse:
        key = form.cleaned_data["key"]
        if admin_reason.claim(key, request.actor.user_id, act.title, self._back(request)):
            try:
                outcomes = admin_reason.perform(act, request.actor, rows, labels, form.arguments())
            except DomainError as refusal:
                admin_reason.release(key)
                form.add_error(str(refusal.details["field"]), refusal.text)
                return self._reason_page(request, act, ticked, rows, labels, form)
            admin_reason.keep(key, outcomes)
        return HttpResponseRedirect(reverse("admin:result", args=[key]))

    def _reason_page(
        self, request: Any, act: Act, ticked: list[Any], rows: list[Any], labels: list[str], form: ReasonForm
    ) -> HttpResponse:
        affected = [
            Affected(label, self.excerpt(row) if isinstance(row, self.model) else "", act.refusal(request.actor, row))
            for row, label in zip(rows, labels, strict=True)
        ]
        refused = [one for one in affected if one.refusal]
        possible = [one for one in affected if not one.refusal]
        name = request.POST.get("action") or request.resolver_match.kwargs.get("name", "")
        context = {
            **self.admin_site.each_context(request),
            "title": act.title,
            "opts": self.opts,
            "desk": self,
            "act": act,
            "form": form,
            "ids": ",".join(str(row.pk) for row in ticked),
            "url": reverse(self.act_address, args=[name]),
            "back": self._back(request),
            "count": len(affected),
            "possible": possible[: admin_reason.SHOWN],
            "possible_more": max(0, len(possible) - admin_reason.SHOWN),
            "refused": refused[: admin_reason.SHOWN],
            "refused_more": max(0, len(refused) - admin_reason.SHOWN),
            "list_url": list_of(self.model),
            "list_name": self.heading(),
        }
        return TemplateResponse(request, "admin/reason.html", context)

    def _back(self, request: HttpRequest) -> str:
        """The page the button was on, if it is one of the desk's."""
        given = request.POST.get("back", "")
        home = reverse("admin:index")
        if given.startswith(home) and "//" not in given and "\\" not in given:
            return given[:500]
        if request.resolver_match and (request.resolver_match.url_name or "").endswith("_changelist"):
            return request.get_full_path()[:500]
        return list_of(self.model)
