"""The staff log: who did what to whom, chained by hash so that no row can be changed, dropped or swapped (S16)."""

import hashlib
import hmac
import json
import logging
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts.actor import Actor, Visitor
from accounts.models import AuditDetail, AuditEntry, AuditHead
from lairchat import config
from lairchat.core import events, log
from lairchat.core.action import record_refusals
from lairchat.core.errors import DomainError

logger = logging.getLogger(__name__)

FIRST = "0" * 64  # what stands before the first row
SIGN_EVERY_ROWS = 1000
SIGN_AFTER = timedelta(hours=1)
STREAM = "audit"  # its numbers are counted like those of a stream, but nobody follows it
REFUSED = frozenset({401, 403, 409})
_recorded: set[str] = set()


class Named(Protocol):
    """A target that is no row: what the log should call it."""

    audit_type: str
    audit_id: str
    audit_label: str


def record(
    actor: Actor | Visitor,
    action: str,
    target: Model | Named | None = None,
    *,
    room_id: UUID | None = None,
    old: Any = None,
    new: Any = None,
    reason: str = "",
    outcome: str = "done",
) -> None:
    """Write an act down, as the last step of the running action's transaction (or in one of its own).

    `action` is `noun.verb`; `old` and `new` are plain values without text people wrote.
    """
    kind, identity, label = _target(target)
    _enter(actor, action, kind, identity, label, room_id, old, new, reason, outcome)


def records_refusals(*names: str) -> None:
    """Write down when one of these actions, named as their functions, is refused to somebody."""
    _recorded.update(names)


def name_of(function_name: str) -> str:
    """`ban_user` is `user.ban` in the log."""
    verb, _, noun = function_name.partition("_")
    return f"{noun}.{verb}"


@record_refusals
def record_refusal(actor: Actor | Visitor, name: str, error: DomainError, arguments: dict[str, Any]) -> None:
    """The refusal of a dangerous act, after its transaction was rolled back."""
    if name not in _recorded or error.status not in REFUSED:
        return
    kind, identity = next(
        ((key.removesuffix("_id"), str(value)) for key, value in arguments.items() if key.endswith("_id")), ("", "")
    )
    room_id = arguments.get("room_id")
    reason = str(arguments.get("reason") or "")
    room = room_id if isinstance(room_id, UUID) else None
    _enter(actor, name_of(name), kind, identity, "", room, None, None, reason, error.name)


def _target(target: Any) -> tuple[str, str, str]:
    if target is None:
        return "", "", ""
    if isinstance(target, Model):
        return target._meta.model_name or "", str(target.pk), str(target)
    return target.audit_type, target.audit_id, target.audit_label


def _enter(
    actor: Actor | Visitor,
    action: str,
    kind: str,
    identity: str,
    label: str,
    room_id: UUID | None,
    old: Any,
    new: Any,
    reason: str,
    outcome: str,
) -> None:
    detail = AuditDetail(
        salt=secrets.token_hex(16),
        actor_name=actor.user.username if actor.user else "",
        actor_role=actor.user.role if actor.user else "",
        address=actor.address[:64],
        target_label=label[:200],
        reason=reason[:500],
    )
    entry = AuditEntry(
        at=timezone.now(),
        actor_id=actor.user_id,
        via=actor.via,
        session_id=actor.session_id,
        action=action,
        outcome=outcome,
        target_type=kind[:24],
        target_id=identity[:64],
        room_id=room_id,
        old=msgspec.to_builtins(old),
        new=msgspec.to_builtins(new),
        request_id=actor.request_id[:64],
        detail_hash=_detail_hash(detail),
    )
    events.at_last(lambda: _append(entry, detail))


def _append(entry: AuditEntry, detail: AuditDetail) -> None:
    with transaction.atomic():
        # Taking the number locks the counter until the commit: one writer of the chain at a time, and no gaps.
        entry.seq = log.take(STREAM)
        entry.prev = _hash_of(entry.seq - 1)
        entry.hash = _entry_hash(entry)
        entry.save(force_insert=True)
        detail.entry = entry
        detail.save(force_insert=True)
        _sign_sometimes(entry)


def _hash_of(seq: int) -> str:
    if seq == 0:
        return FIRST
    return AuditEntry.objects.filter(seq=seq).values_list("hash", flat=True).first() or FIRST


def _sign_sometimes(entry: AuditEntry) -> None:
    signed_at = AuditHead.objects.order_by("-seq").values_list("at", flat=True).first()
    due = signed_at is None or entry.at - signed_at >= SIGN_AFTER
    if not due and entry.seq % SIGN_EVERY_ROWS:
        return
    signature = _signature(entry.seq, entry.hash)
    AuditHead.objects.create(seq=entry.seq, hash=entry.hash, signature=signature, at=entry.at)
    seq, hash_ = entry.seq, entry.hash
    transaction.on_commit(lambda: logger.info("staff log head %d %s signed %s", seq, hash_, signature))


def _signature(seq: int, hash_: str) -> str:
    return hmac.new(config.current().audit_key.encode(), f"{seq}:{hash_}".encode(), hashlib.sha256).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _entry_hash(entry: AuditEntry) -> str:
    content = {
        "seq": entry.seq,
        "at": _time(entry.at),
        "actor_id": str(entry.actor_id) if entry.actor_id else None,
        "via": entry.via,
        "session_id": str(entry.session_id) if entry.session_id else None,
        "action": entry.action,
        "outcome": entry.outcome,
        "target_type": entry.target_type,
        "target_id": entry.target_id,
        "room_id": str(entry.room_id) if entry.room_id else None,
        "old": entry.old,
        "new": entry.new,
        "request_id": entry.request_id,
        "detail_hash": entry.detail_hash,
    }
    return hashlib.sha256(entry.prev.encode() + _canonical(content)).hexdigest()


def _detail_hash(detail: AuditDetail) -> str:
    content = [detail.actor_name, detail.actor_role, detail.address, detail.target_label, detail.reason]
    return hashlib.sha256(detail.salt.encode() + _canonical(content)).hexdigest()


def verify() -> int | None:
    """The seq of the first row that was changed, swapped or is missing; None if the whole chain holds.

    An erased detail is no fault; a changed one is. Rows cut off the end are missed by the counter and the signed heads.
    """
    heads = dict(AuditHead.objects.values_list("seq", "hash"))
    signatures = dict(AuditHead.objects.values_list("seq", "signature"))
    seq, previous = 0, FIRST
    for entry in AuditEntry.objects.select_related("detail").order_by("seq").iterator(chunk_size=2000):
        seq += 1
        if entry.seq != seq or entry.prev != previous or entry.hash != _entry_hash(entry):
            return seq
        detail = getattr(entry, "detail", None)
        if detail is not None and _detail_hash(detail) != entry.detail_hash:
            return seq
        if seq in heads and not _is_signed(seq, entry.hash, heads[seq], signatures[seq]):
            return seq
        previous = entry.hash
    written = max([*heads, *log.heads([STREAM]).values()], default=0)
    return seq + 1 if written > seq else None


def _is_signed(seq: int, hash_: str, head: str, signature: str) -> bool:
    return head == hash_ and hmac.compare_digest(signature, _signature(seq, hash_))
