"""The upkeep of the floor: the log's past, and rows that only a moment needed."""

import time
from datetime import timedelta

from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from lairchat import config
from lairchat.core import log
from lairchat.core.models import LimitWindow, Process, Stream, StreamEntry, SubmittedForm
from lairchat.core.processes import DEAD_SECONDS
from lairchat.core.upkeep import chore

BATCH = 1000
STREAMS_AT_ONCE = 20
FORMS_KEPT = timedelta(days=1)


@chore("prune the log", every="clean_seconds")
def prune_log() -> int:
    """Drop entries that are both too old and too many (D8). The oldest of a stream stands at its floor: by that one
    alone a stream is looked at, so that an hour in which nothing grew too old costs one statement."""
    delivery = config.current().delivery
    older_than = timezone.now() - timedelta(days=delivery.keep_days)
    oldest = StreamEntry.objects.filter(stream=OuterRef("name"), seq=OuterRef("floor"), at__lt=older_than)
    long = Stream.objects.filter(Exists(oldest), head__gte=F("floor") + delivery.keep_entries)
    names = long.values_list("name", flat=True)[:STREAMS_AT_ONCE]
    return sum(
        log.prune(name, keep_entries=delivery.keep_entries, older_than=older_than, at_most=BATCH) for name in names
    )


@chore("forget limits that ended", every="clean_seconds")
def forget_limits() -> int:
    ended = LimitWindow.objects.filter(ends_at__lt=time.time() - 60)  # another machine's clock may be behind
    gone, _ = LimitWindow.objects.filter(pk__in=list(ended.values_list("pk", flat=True)[:BATCH])).delete()
    return gone


@chore("forget submitted forms", every="clean_seconds")
def forget_forms() -> int:
    return SubmittedForm.objects.filter(at__lt=timezone.now() - FORMS_KEPT).delete()[0]


@chore("take away dead processes", every="expiry_seconds")
def forget_processes() -> int:
    dead = timezone.now() - timedelta(seconds=DEAD_SECONDS)
    return Process.objects.filter(beat_at__lte=dead).delete()[0]
