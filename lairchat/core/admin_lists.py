"""Lists of the desk that stay fast: capped counts, declared filters only, newest first."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin import ListFilter, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property

COUNT_MAX = 10_000  # beyond, a list says "10,000+": an exact count of a million rows takes seconds

Where = Q | Callable[[], Q]


class CappedPaginator(Paginator):
    """Counts at most one row more than is shown as a number."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by().values("pk")[: COUNT_MAX + 1].count()


class DeskList(ChangeList):
    """Django's list with one fixed order, its page fetched once and completed by the admin class."""

    model_admin: Any  # a ModerationAdmin
    filter_specs: list[Any]

    def get_results(self, request: Any) -> None:
        super().get_results(request)
        self.result_list: Any = list(self.result_list)
        self.model_admin.complete(request, self.result_list)

    def get_ordering(self, request: Any, queryset: Any) -> list[Any]:
        """The class's own: another order would read the whole table."""
        return list(self.model_admin.ordering)

    @property
    def count_in_words(self) -> str:
        words = self.model_admin.counted or (self.opts.verbose_name, self.opts.verbose_name_plural)
        noun = words[0] if self.result_count == 1 else words[1]
        number = f"{COUNT_MAX:,}+" if self.result_count > COUNT_MAX else f"{self.result_count:,}"
        return f"{number} {noun}"

    @property
    def chips(self) -> list[tuple[str, str, str]]:
        """What the list is narrowed to by id: title, name, and the address without it."""
        specs = [spec for spec in self.filter_specs if isinstance(spec, Exactly)]
        return [(str(spec.title), spec.name, self.get_query_string(remove=list(spec.names))) for spec in specs]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the search form repeats unseen."""
        return [
            pair for spec in self.filter_specs if isinstance(spec, Exactly) for pair in spec.used_parameters.items()
        ]

    @property
    def earlier_page(self) -> str:
        return self.get_query_string({"p": self.page_num - 1}) if self.page_num > 1 else ""

    @property
    def later_page(self) -> str:
        return self.get_query_string({"p": self.page_num + 1}) if self.page_num < self.paginator.num_pages else ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.query or self.has_active_filters)


class Choice(SimpleListFilter):
    """One of a few states. `options` is value → (label, condition)."""

    shape = "choice"
    options: Mapping[str, tuple[str, Where]] = {}

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.options.items()]

    def queryset(self, request: Any, queryset: QuerySet) -> QuerySet:
        found = self.options.get(self.value() or "")
        if found is None:
            return queryset
        where = found[1]
        return queryset.filter(where() if callable(where) else where)


def choice(title: str, parameter: str, options: Mapping[str, tuple[str, Where]]) -> type[Choice]:
    """A filter by states; a condition that depends on the clock is given as a function."""
    return type("Choice", (Choice,), {"title": title, "parameter_name": parameter, "options": options})


class _Parameters(ListFilter):
    """Base of filters that read their own parameters; unreadable values filter nothing."""

    names: tuple[str, ...] = ()
    used_parameters: dict[str, Any]

    def __init__(self, request: Any, params: dict[str, list[str]], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.model = model
        self.site = model_admin.admin_site
        for name in self.names:
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    def choices(self, changelist: Any) -> Iterator[Any]:
        return iter(())


class Period(_Parameters):
    """From a day to a day, both included, in the reader's time zone."""

    shape = "period"
    title = "time"
    field = "created_at"
    names = ("since", "before")

    @property
    def since(self) -> date | None:
        return _day(self.used_parameters.get("since"))

    @property
    def before(self) -> date | None:
        return _day(self.used_parameters.get("before"))

    def queryset(self, request: Any, queryset: QuerySet) -> QuerySet:
        if self.since:
            queryset = queryset.filter(**{f"{self.field}__gte": _midnight(self.since)})
        if self.before:
            queryset = queryset.filter(**{f"{self.field}__lt": _midnight(self.before + timedelta(days=1))})
        return queryset


def period(field: str) -> type[Period]:
    """A filter from one day to another over a time column."""
    return type("Period", (Period,), {"field": field})


class Exactly(_Parameters):
    """The rows of one other row, by its id; the way from a page to the list of what belongs to it."""

    shape = "exactly"
    field = ""

    @property
    def id(self) -> UUID | None:
        try:
            return UUID(self.used_parameters.get(self.names[0], ""))
        except ValueError:
            return None

    @property
    def name(self) -> str:
        """What the other row is called, if this viewer may see it."""
        related = self.model._meta.get_field(self.field).related_model
        if related is None or not self.site.is_registered(related):
            return str(self.id)
        desk = self.site.get_model_admin(related)
        found = desk.get_queryset(self.request).filter(pk=self.id).first()
        return str(self.id) if found is None else desk.describe(found)

    def has_output(self) -> bool:
        return bool(self.used_parameters)

    def queryset(self, request: Any, queryset: QuerySet) -> QuerySet:
        return queryset.none() if self.id is None else queryset.filter(**{self.field: self.id})


def exactly(title: str, parameter: str, field: str) -> type[Exactly]:
    """A filter by the id of another row. An unreadable id finds nothing."""
    return type("Exactly", (Exactly,), {"title": title, "names": (parameter,), "field": field})


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 1970 <= day.year < 3000 else None  # the calendar's ends do not survive a change of time zone


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
