from importlib import import_module
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from accounts import audit
from accounts.actions.profile import update_profile
from accounts.actions.sanctions import ban_user, warn_user
from accounts.actor import Visitor
from accounts.models import AuditDetail, AuditEntry, AuditHead
from accounts.tests.crowd import at_once
from lairchat.core import events
from lairchat.core.action import action
from lairchat.core.errors import Forbidden
from lairchat.core.models import Stream
from lairchat.testing.cast import PASSWORD


def write(actor, times=5):
    for number in range(times):
        audit.record(
            actor, "room.archive", actor.user, room_id=uuid4(), old={"n": number}, new="é", reason="tidying up"
        )


def test_a_whole_chain_holds(root):
    write(root)
    assert audit.verify() is None
    assert list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3, 4, 5]


def test_rows_say_what_they_are(root):
    write(root, 1)
    assert str(AuditEntry.objects.get()) == "1 room.archive"
    assert str(AuditDetail.objects.get()) == "detail of 1"
    assert str(AuditHead.objects.get()) == "head 1"


def test_an_empty_log_holds(db):
    assert audit.verify() is None


def test_who_and_to_whom_stands_in_the_entry_and_names_beside_it(root, alice):
    warn_user(root, alice.user_id, "spam, three times")
    entry = AuditEntry.objects.select_related("detail").get()
    assert (entry.action, entry.via, entry.actor_id, entry.session_id) == (
        "user.warn",
        "rest",
        root.user_id,
        root.session_id,
    )
    assert (entry.target_type, entry.target_id, entry.outcome) == ("user", str(alice.user_id), "done")
    detail = entry.detail
    assert (detail.actor_name, detail.actor_role, detail.target_label) == ("root", "admin", "alice")
    assert (detail.address, detail.reason) == ("127.0.0.1", "spam, three times")


def test_a_visitor_and_a_target_without_a_row_can_be_named(db):
    site = SimpleNamespace(audit_type="setting", audit_id="site.name", audit_label="Name")
    audit.record(Visitor("web", "192.0.2.7"), "setting.change", site)
    entry = AuditEntry.objects.get()
    assert (entry.target_type, entry.target_id, entry.actor_id) == ("setting", "site.name", None)


def test_refusals_of_dangerous_acts_are_kept_though_the_act_is_rolled_back(bob, alice):
    room_id = uuid4()
    with pytest.raises(Forbidden):
        ban_user(bob, alice.user_id, "because I can")
    entry = AuditEntry.objects.select_related("detail").get()
    assert (entry.action, entry.outcome) == ("user.ban", "permission_denied")
    assert (entry.target_type, entry.target_id, entry.room_id) == ("user", str(alice.user_id), None)
    assert entry.detail.reason == "because I can"
    audit.records_refusals("close_room")

    @action
    def close_room(actor, room_id, reason=""):
        raise Forbidden

    with pytest.raises(Forbidden):
        close_room(bob, room_id)
    assert AuditEntry.objects.order_by("-seq")[0].room_id == room_id
    assert audit.verify() is None


def test_small_refusals_are_not_kept(alice):
    @action
    def poke_user(actor, user_id):
        raise Forbidden

    with pytest.raises(Forbidden):
        poke_user(alice, alice.user_id)
    assert not AuditEntry.objects.exists()


def test_an_act_that_is_rolled_back_leaves_no_entry(root):
    @action
    def half_done(actor):
        audit.record(actor, "half.do")
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError):
        half_done(root)
    assert not AuditEntry.objects.exists()


def test_the_entry_is_the_last_thing_written_before_the_commit(root):
    written = []

    @action
    def do_thing(actor):
        audit.record(actor, "thing.do")
        written.append(AuditEntry.objects.count())
        events.at_last(lambda: written.append(AuditEntry.objects.count()))

    do_thing(root)
    assert written == [0, 1]


def test_an_act_without_staff_is_not_written_down(alice):
    update_profile(alice, bio="hello")
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"action": "room.bless"},
        {"outcome": "refused"},
        {"actor_id": uuid4()},
        {"target_id": "x"},
        {"old": {"n": 99}},
        {"new": None},
        {"reason": "x"},
        {"prev": "f" * 64},
        {"hash": "f" * 64},
        {"at": "later"},
    ],
)
@pytest.mark.promise("S16")
def test_a_changed_row_is_found(root, change):
    write(root)
    if "reason" in change:
        AuditDetail.objects.filter(entry=3).update(**change)
    elif "at" in change:
        later = AuditEntry.objects.get(seq=4).at
        AuditEntry.objects.filter(seq=3).update(at=later)
    else:
        AuditEntry.objects.filter(seq=3).update(**change)
    assert audit.verify() == 3


@pytest.mark.promise("S16")
def test_a_missing_row_is_found(root):
    write(root)
    AuditEntry.objects.filter(seq=3).delete()
    assert audit.verify() == 3


def test_a_closed_gap_is_found(root):
    write(root)
    AuditEntry.objects.filter(seq=3).delete()
    for seq in (4, 5):
        AuditDetail.objects.filter(entry=seq).delete()
        AuditEntry.objects.filter(seq=seq).update(seq=F("seq") - 1)
    assert audit.verify() == 3


@pytest.mark.promise("S16")
def test_swapped_rows_are_found(root):
    write(root)
    AuditDetail.objects.all().delete()
    for old, new in [(2, 99), (3, 2), (99, 3)]:
        AuditEntry.objects.filter(seq=old).update(seq=new)
    assert audit.verify() == 2


def test_erased_details_are_no_fault(root):
    write(root)
    AuditDetail.objects.filter(entry=3).delete()
    assert audit.verify() is None


def rebuild(up_to):
    """What somebody with the database but not the key would do: make all hashes fit."""
    previous = audit.FIRST
    for entry in AuditEntry.objects.filter(seq__lte=up_to).order_by("seq"):
        entry.prev, entry.actor_id = previous, None
        entry.hash = previous = audit._entry_hash(entry)
        entry.save()


def test_a_rebuilt_chain_is_found_by_its_signed_heads(root):
    write(root)
    rebuild(5)
    assert audit.verify() == 1  # the first row is signed
    AuditHead.objects.update(hash=AuditEntry.objects.get(seq=1).hash)
    assert audit.verify() == 1


@pytest.mark.promise("S16")
def test_rows_cut_off_the_end_are_missed_by_the_counter(root):
    write(root)
    AuditEntry.objects.filter(seq__gte=4).delete()
    assert audit.verify() == 4


def test_after_a_cut_writing_goes_on_and_the_cut_is_found(root):
    write(root)
    AuditEntry.objects.filter(seq=5).delete()
    write(root, 1)
    assert AuditEntry.objects.filter(seq=6).exists()
    assert audit.verify() == 5


def test_rows_cut_off_the_end_are_missed_by_the_last_head(root, monkeypatch):
    monkeypatch.setattr(audit, "SIGN_EVERY_ROWS", 5)
    write(root)
    assert set(AuditHead.objects.values_list("seq", flat=True)) == {1, 5}
    AuditEntry.objects.filter(seq__gte=4).delete()
    Stream.objects.filter(name=audit.STREAM).update(head=3)
    assert audit.verify() == 4


def test_a_head_is_signed_when_the_last_is_an_hour_old(root):
    import time_machine
    from django.utils import timezone

    write(root, 2)
    with time_machine.travel(timezone.now() + audit.SIGN_AFTER):
        write(root, 2)
    assert set(AuditHead.objects.values_list("seq", flat=True)) == {1, 3}
    assert audit.verify() is None


def test_heads_are_also_written_to_the_process_log(root, caplog, django_capture_on_commit_callbacks):
    with caplog.at_level("INFO", "accounts.audit"), django_capture_on_commit_callbacks(execute=True):
        write(root, 1)
    assert AuditHead.objects.get().signature in caplog.text


MIGRATION = import_module("accounts.migrations.0002_staff_log_cannot_change")
ATTACKS = [lambda row: row.update(action="room.bless"), lambda row: row.delete()]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.promise("S16")
def test_the_database_itself_refuses_changes(root, attack):
    write(root)
    import_module("accounts.migrations.0002_staff_log_cannot_change").install(
        None, SimpleNamespace(connection=connection)
    )
    try:
        with pytest.raises(DatabaseError, match="staff log"), transaction.atomic():
            attack(AuditEntry.objects.filter(seq=3))
        write(root, 1)  # writing goes on
        AuditDetail.objects.filter(entry=3).delete()  # and erasing what is personal
    finally:
        MIGRATION.remove(None, SimpleNamespace(connection=connection))
    assert audit.verify() is None


@pytest.mark.django_db(transaction=True)
def test_many_who_write_at_once_leave_no_gap(person):
    root = person("root")
    before = AuditEntry.objects.count()
    outcomes = at_once(*[lambda: write(root, 3)] * 4)
    assert outcomes == [None] * 4
    assert AuditEntry.objects.count() == before + 12
    assert audit.verify() is None


@pytest.mark.promise("S17")
def test_no_password_is_ever_in_the_log(alice):
    from accounts.actions.passwords import change_password

    change_password(alice, PASSWORD, "a brand new sentence")
    rows = str(list(AuditEntry.objects.values())) + str(list(AuditDetail.objects.values()))
    assert "sentence" not in rows
    assert PASSWORD not in rows
