"""The page between a button of the desk and its action: who is affected, why, until when; then row by row."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from lairchat.core.action import database_errors
from lairchat.core.errors import DomainError
from lairchat.core.models import SubmittedForm
from lairchat.core.text import has_control

REASON_MIN = 3
REASON_MAX = 500
TYPED_ABOVE = 100  # from here on the number of rows is typed
SHOWN = 20
KEPT = timedelta(days=1)
OWN_WORDS = ""
OTHER_END = "other"
NO_END = "never"
PRESETS = (
    "Spam or advertising",
    "Insults or harassment",
    "Threats or violence",
    "Other people's private data",
    "Disturbing the conversation after a warning",
)


@dataclass(frozen=True, slots=True)
class Pick:
    """One more thing to choose on the page, handed to the action under its name."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Act:
    """What a button does to each row, and what the page says beforehand.

    `run` is the action: `(actor, *ids(row), reason=…)`, with `until=` where there are ends, and the pick's name.
    `refusal` says why a row will be refused, or nothing; the action decides again for itself.
    """

    title: str
    run: Callable[..., Any]
    effect: str
    ids: Callable[[Any], tuple[Any, ...]] = field(default=lambda row: (row.pk,))
    refusal: Callable[[Any, Any], str] = field(default=lambda actor, row: "")
    ends: Sequence[tuple[str, str]] = ()  # ISO-like durations such as "24h" or "7d", or NO_END, with their labels
    pick: Pick | None = None
    told: bool = True  # the person affected reads the reason
    grave: bool = False  # hard or impossible to take back


@dataclass(frozen=True, slots=True)
class Affected:
    """A row of the page: what it is called, a little of it, and why it would be refused."""

    label: str
    excerpt: str
    refusal: str


class ReasonForm(forms.Form):
    """Reason, end and choice; a preset, own words, or both."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    preset = forms.ChoiceField(required=False, label="Reason")
    reason = forms.CharField(
        required=False,
        label="In your words",
        max_length=REASON_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, act: Act, count: int, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"key": uuid.uuid4()})
        self.act = act
        self.count = count
        self._choices("preset").choices = [
            (OWN_WORDS, "Another one, written below"),
            *((text, text) for text in PRESETS),
        ]
        told = "They read this." if act.told else "It stands in the staff log."
        self.fields["reason"].help_text = f"At least {REASON_MIN} characters, unless you chose one above. {told}"
        if act.pick:
            self.fields["pick"] = forms.ChoiceField(label=act.pick.label, choices=list(act.pick.options))
        if act.ends:
            self._ask_for_the_end()
        if count > TYPED_ABOVE:
            self.fields["number"] = forms.IntegerField(label=f"Type {count} to go on")
        for shown in self.fields.values():
            shown.widget.attrs["class"] = "input"

    def _choices(self, name: str) -> Any:
        return self.fields[name]

    def _ask_for_the_end(self) -> None:
        choices = [*self.act.ends, (OTHER_END, "At the time below")]
        self.fields["ends_in"] = forms.ChoiceField(label="Ends", choices=choices)
        self.fields["until"] = forms.DateTimeField(
            required=False,
            label="Time",
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
            widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            help_text=f"Only for “At the time below”. Time zone: {timezone.get_current_timezone_name()}.",
        )

    def clean_number(self) -> int:
        if self.cleaned_data["number"] != self.count:
            raise forms.ValidationError(f"That is not {self.count}.")
        return self.count

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        words = " ".join(values.get("reason", "").split(" ")).strip()
        text = ": ".join(part for part in (values.get("preset", ""), words) if part)
        if "reason" not in self.errors:
            if not REASON_MIN <= len(text) <= REASON_MAX:
                self.add_error("reason", f"Give a reason of {REASON_MIN} to {REASON_MAX} characters.")
            elif has_control(text, lines=True):
                self.add_error("reason", "The reason holds control characters.")
        if values.get("ends_in") == OTHER_END and not values.get("until") and "until" not in self.errors:
            self.add_error("until", "Give the time at which it ends.")
        return values | {"text": text}

    def arguments(self) -> dict[str, Any]:
        """What the action is called with, besides the ids."""
        values = self.cleaned_data
        arguments: dict[str, Any] = {"reason": values["text"]}
        if self.act.ends:
            arguments["until"] = self._until()
        if self.act.pick:
            arguments[self.act.pick.name] = values["pick"]
        return arguments

    def _until(self) -> datetime | None:
        ends_in = self.cleaned_data["ends_in"]
        if ends_in == NO_END:
            return None
        if ends_in == OTHER_END:
            return self.cleaned_data["until"]
        return timezone.now() + duration(ends_in)


def duration(text: str) -> timedelta:
    """`90m`, `24h` or `7d`."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


def lasting(*texts: str) -> list[tuple[str, str]]:
    """The choices of a select for these durations."""
    words = {"m": "minute", "h": "hour", "d": "day"}
    return [(text, f"In {text[:-1]} {words[text[-1]]}{'' if text[:-1] == '1' else 's'}") for text in texts]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row. `code` is empty where it was done."""

    label: str
    code: str = ""
    text: str = ""


def perform(
    act: Act, actor: Any, rows: Sequence[Any], labels: Sequence[str], arguments: dict[str, Any]
) -> list[Outcome]:
    """Call the action for each row; a refusal stands on its row, the others go on.

    Raises the refusal itself where the very first row shows that reason or end are wrong: nothing was done yet.
    """
    outcomes: list[Outcome] = []
    for row, label in zip(rows, labels, strict=True):
        try:
            act.run(actor, *act.ids(row), **arguments)
        except DomainError as refusal:
            if not outcomes and refusal.status == 400 and refusal.details.get("field") in ("reason", "until"):
                raise
            outcomes.append(Outcome(label, refusal.name, refusal.text))
        else:
            outcomes.append(Outcome(label))
    return outcomes


def claim(key: uuid.UUID, user_id: uuid.UUID, title: str, back: str) -> bool:
    """True for the first who sends this form; a second one, also at the same moment, is told so by False."""
    now = timezone.now()
    with database_errors():
        SubmittedForm.objects.filter(at__lt=now - KEPT).delete()
        _, is_first = SubmittedForm.objects.get_or_create(
            key=key, defaults={"user_id": user_id, "title": title, "back": back, "at": now}
        )
    return is_first


def release(key: uuid.UUID) -> None:
    """Nothing was done: the form may be sent again."""
    SubmittedForm.objects.filter(key=key, outcome__isnull=True).delete()


def keep(key: uuid.UUID, outcomes: Sequence[Outcome]) -> None:
    """Write down what the result page shows."""
    rows = [[outcome.label, outcome.code, outcome.text] for outcome in outcomes]
    SubmittedForm.objects.filter(key=key).update(outcome=rows)


def kept(key: uuid.UUID, user_id: uuid.UUID) -> tuple[SubmittedForm, list[Outcome] | None] | None:
    """The form this person sent and its outcome, None while it is being done; nothing if it was somebody else."""
    form = SubmittedForm.objects.filter(key=key, user_id=user_id).first()
    if form is None:
        return None
    return form, None if form.outcome is None else [Outcome(*row) for row in form.outcome]
