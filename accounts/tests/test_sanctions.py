from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from accounts.actions.sanctions import ban_user, lift_sanction, mute_user, suspend_user, warn_user
from accounts.actor import Actor
from accounts.errors import (
    LastAdmin,
    ReasonInvalid,
    SanctionEndInvalid,
    SanctionNotFound,
    SanctionOver,
    SessionNotFound,
    UserNotFound,
)
from accounts.events import SanctionLifted, UserSanctioned
from accounts.models import Sanction, User
from accounts.queries import live_session
from accounts.roles import SiteRole
from lairchat.core.errors import Forbidden
from lairchat.core.events import Close, load
from lairchat.core.models import StreamEntry
from lairchat.testing.cast import again

WHY = "spam, three times"
SYSTEM = Actor.system()


def ahead(**time):
    return timezone.now() + timedelta(**time)


KINDS = {
    "warn": lambda actor, who: warn_user(actor, who.user_id, WHY),
    "mute": lambda actor, who: mute_user(actor, who.user_id, WHY, ahead(hours=1)),
    "suspend": lambda actor, who: suspend_user(actor, who.user_id, WHY, ahead(days=3)),
    "ban": lambda actor, who: ban_user(actor, who.user_id, WHY),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_administrator_may_give_each(root, alice, recording, audited, kind):
    with recording() as seen, audited(f"user.{kind}") as entries:
        sanction = KINDS[kind](root, alice)
    assert seen.events[0].type == "user_sanctioned"
    shown = seen.events[0].payload()["sanction"]
    assert (shown.kind, shown.scope, shown.reason, shown.room_id) == (kind, "site", WHY, None)
    assert (entries[0].target_id, entries[0].detail.reason) == (str(alice.user_id), WHY)
    assert entries[0].new["sanction"] == str(sanction.id)
    assert (sanction.by, sanction.is_in_force()) == (root.user, True)


@pytest.mark.parametrize("kind", ["suspend", "ban"])
def test_a_suspension_or_ban_shuts_out_at_once(root, alice, recording, kind):
    with recording() as seen:
        KINDS[kind](root, alice)
    assert [event.type for event in seen.events] == ["user_sanctioned", "session_ended"]
    assert list(seen.events[0].effects()) == [Close(alice.user_id, 4011)]
    assert not again(alice).person.is_usable()
    with pytest.raises(SessionNotFound):
        live_session(alice.session_id)


@pytest.mark.parametrize("kind", ["warn", "mute"])
def test_a_warning_or_mute_shuts_nobody_out(root, alice, publishes, kind):
    with publishes(UserSanctioned) as event:
        KINDS[kind](root, alice)
    assert event.event.effects() == ()
    assert live_session(alice.session_id)
    assert again(alice).person.is_muted() == (kind == "mute")


def test_a_mute_and_a_suspension_end_by_themselves(root, alice, bob):
    mute_user(root, alice.user_id, WHY, ahead(hours=1))
    suspend_user(root, bob.user_id, WHY, ahead(hours=1))
    with time_machine.travel(ahead(minutes=59)):
        assert again(alice).person.is_muted()
        assert not again(bob).person.is_usable()
    with time_machine.travel(ahead(minutes=61)):
        assert not again(alice).person.is_muted()
        assert again(bob).person.is_usable()


# Who may (guarantees, section 6).


@pytest.mark.parametrize("kind", ["warn", "mute", "suspend"])
def test_a_moderator_sanctions_users(mona, alice, kind):
    assert KINDS[kind](mona, alice)


@pytest.mark.parametrize("kind", ["warn", "mute", "suspend"])
def test_a_moderator_sanctions_guests(mona, person, kind):
    assert KINDS[kind](mona, person("gus", SiteRole.GUEST))


def test_a_moderator_bans_nobody(mona, alice, publishes_nothing, audited):
    with publishes_nothing(), audited("user.ban", "permission_denied"), pytest.raises(Forbidden):
        ban_user(mona, alice.user_id, WHY)


def test_a_moderator_suspends_for_thirty_days_and_no_longer(mona, root, alice, publishes_nothing):
    with publishes_nothing(), pytest.raises(Forbidden):
        suspend_user(mona, alice.user_id, WHY, ahead(days=30, seconds=30))
    assert suspend_user(root, alice.user_id, WHY, ahead(days=31))
    assert suspend_user(mona, alice.user_id, WHY, ahead(days=30))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["root", "second_moderator"])
def test_a_moderator_never_touches_staff(request, mona, person, publishes_nothing, kind, target):
    staff = person("max", SiteRole.MODERATOR) if target == "second_moderator" else request.getfixturevalue("root")
    with publishes_nothing(), pytest.raises(Forbidden):
        KINDS[kind](mona, staff)
    assert not Sanction.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_sanctions_nobody(bob, alice, publishes_nothing, audited, kind):
    with publishes_nothing(), audited(f"user.{kind}", "permission_denied"), pytest.raises(Forbidden):
        KINDS[kind](bob, alice)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_sanctions_themselves(root, person, publishes_nothing, kind):
    person("second", SiteRole.ADMIN)
    with publishes_nothing(), pytest.raises(Forbidden):
        KINDS[kind](root, root)


def test_administrators_may_sanction_each_other_but_the_last_one_stays(root, person, publishes_nothing):
    second = person("second", SiteRole.ADMIN)
    assert ban_user(root, second.user_id, WHY)
    with publishes_nothing(), pytest.raises(LastAdmin):
        suspend_user(SYSTEM, root.user_id, WHY, ahead(days=1))


def test_nobody_cannot_be_sanctioned(root, publishes_nothing):
    with publishes_nothing(), pytest.raises(UserNotFound):
        warn_user(root, uuid4(), WHY)


@pytest.mark.parametrize("reason", ["", "ab", " a  ", "x" * 501])
def test_a_reason_is_needed_because_the_person_reads_it(root, alice, publishes_nothing, reason):
    with publishes_nothing(), pytest.raises(ReasonInvalid):
        warn_user(root, alice.user_id, reason)


@pytest.mark.parametrize("reason", ["abc", "x" * 500, "two\nlines"])
def test_a_reason_at_the_bounds_is_one(root, alice, reason):
    assert warn_user(root, alice.user_id, reason).reason == reason


@pytest.mark.parametrize(
    "until",
    [None, datetime(2999, 1, 1), timedelta(0), timedelta(seconds=20), timedelta(days=28, hours=1), -timedelta(days=1)],
)
def test_a_mute_lasts_a_minute_to_28_days(root, alice, publishes_nothing, until):
    end = timezone.now() + until if isinstance(until, timedelta) else until
    with publishes_nothing(), pytest.raises(SanctionEndInvalid):
        mute_user(root, alice.user_id, WHY, end)


@pytest.mark.parametrize("until", [timedelta(minutes=1), timedelta(days=28)])
def test_a_mute_at_the_bounds_is_one(root, alice, until):
    assert mute_user(root, alice.user_id, WHY, timezone.now() + until)


def test_a_suspension_lasts_a_year_at_most(root, alice, publishes_nothing):
    with publishes_nothing(), pytest.raises(SanctionEndInvalid):
        suspend_user(root, alice.user_id, WHY, ahead(days=370))


# Several at once; lifting.


def test_the_strictest_of_several_counts(root, alice):
    longer = mute_user(root, alice.user_id, WHY, ahead(hours=2))
    mute_user(root, alice.user_id, WHY, ahead(hours=1))
    assert again(alice).person.muted_until == longer.ends_at


def test_a_lifted_sanction_leaves_the_others(root, alice, publishes, audited):
    longer = mute_user(root, alice.user_id, WHY, ahead(hours=2))
    shorter = mute_user(root, alice.user_id, WHY, ahead(hours=1))
    with publishes(SanctionLifted) as event, audited("sanction.lift") as entries:
        lifted = lift_sanction(root, longer.id, "it was a mistake")
    assert event.payload()["sanction"].lifted_at == lifted.lifted_at
    assert (lifted.lifted_by, entries[0].detail.reason) == (root.user, "it was a mistake")
    assert again(alice).person.muted_until == shorter.ends_at
    lift_sanction(root, shorter.id)
    assert again(alice).person.muted_until is None


@pytest.mark.parametrize("kind", ["suspend", "ban"])
def test_lifting_lets_back_in(root, alice, kind):
    lift_sanction(root, KINDS[kind](root, alice).id)
    assert again(alice).person.is_usable()


def test_a_sanction_is_lifted_once(root, alice, publishes_nothing):
    sanction = ban_user(root, alice.user_id, WHY)
    lift_sanction(root, sanction.id)
    with publishes_nothing(), pytest.raises(SanctionOver):
        lift_sanction(root, sanction.id)


def test_what_is_over_cannot_be_lifted(root, alice):
    sanction = mute_user(root, alice.user_id, WHY, ahead(hours=1))
    with time_machine.travel(ahead(hours=2)), pytest.raises(SanctionOver):
        lift_sanction(root, sanction.id)


def test_a_moderator_lifts_what_a_moderator_may_give(mona, root, alice, publishes_nothing, audited):
    lift_sanction(mona, suspend_user(root, alice.user_id, WHY, ahead(days=3)).id)
    ban = ban_user(root, alice.user_id, WHY)
    with publishes_nothing(), audited("sanction.lift", "permission_denied"), pytest.raises(Forbidden):
        lift_sanction(mona, ban.id)


def test_nobody_lifts_their_own(root, alice, publishes_nothing):
    sanction = mute_user(root, alice.user_id, WHY, ahead(hours=1))
    with publishes_nothing(), pytest.raises(Forbidden):
        lift_sanction(alice, sanction.id)


def test_a_stranger_learns_nothing_of_a_sanction(root, alice, bob, publishes_nothing):
    sanction = mute_user(root, alice.user_id, WHY, ahead(hours=1))
    with publishes_nothing(), pytest.raises(SanctionNotFound) as theirs:
        lift_sanction(bob, sanction.id)
    with publishes_nothing(), pytest.raises(SanctionNotFound) as nobodys:
        lift_sanction(bob, uuid4())
    assert theirs.value.as_dict() == nobodys.value.as_dict()


def test_a_bad_reason_lifts_nothing(root, alice, publishes_nothing):
    sanction = mute_user(root, alice.user_id, WHY, ahead(hours=1))
    with publishes_nothing(), pytest.raises(ReasonInvalid):
        lift_sanction(root, sanction.id, "x")


# Replay.


def test_a_replay_closes_only_who_is_still_shut_out(root, alice):
    sanction = suspend_user(root, alice.user_id, WHY, ahead(days=1))
    entries = list(StreamEntry.objects.filter(type="user_sanctioned"))
    assert load(entries)[0].effects == (Close(alice.user_id, 4011),)
    lift_sanction(root, sanction.id)
    assert load(entries)[0].effects == ()


def test_a_replay_takes_the_same_statements_for_many(root, alice, django_assert_num_queries):
    for _ in range(5):
        warn_user(root, alice.user_id, WHY)
    entries = list(StreamEntry.objects.filter(type="user_sanctioned"))
    with django_assert_num_queries(1):
        assert len({delivery.seq for delivery in load(entries)}) == 5


def test_a_sanction_that_is_gone_leaves_a_placeholder(root, alice):
    warn_user(root, alice.user_id, WHY)
    Sanction.objects.all().delete()
    (delivery,) = load(list(StreamEntry.objects.filter(type="user_sanctioned")))
    assert delivery.type == "unavailable"


def test_a_person_who_is_gone_leaves_a_placeholder(alice):
    entries = list(StreamEntry.objects.filter(type="user_registered"))
    User.objects.filter(pk=alice.user_id).delete()
    assert [delivery.type for delivery in load(entries)] == ["unavailable"]
