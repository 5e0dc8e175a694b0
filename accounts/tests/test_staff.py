from uuid import uuid4

import pytest

from accounts.actions.staff import change_role, deactivate_user, reactivate_user
from accounts.actor import Actor
from accounts.errors import LastAdmin, ReasonInvalid, SessionNotFound, UserNotFound
from accounts.events import ProfileUpdated, StaffChanged
from accounts.models import User
from accounts.queries import live_session
from accounts.roles import SiteRole
from accounts.tests.crowd import at_once
from lairchat.core.errors import Forbidden, Invalid
from lairchat.core.events import Close, load
from lairchat.core.models import StreamEntry
from lairchat.testing.cast import again

SYSTEM = Actor.system()


def types(seen):
    return [event.type for event in seen.events]


def test_an_administrator_makes_a_moderator(root, alice, recording, audited):
    with recording() as seen, audited("role.change") as entries:
        user = change_role(root, alice.user_id, "moderator", "helps out")
    assert user.role == SiteRole.MODERATOR
    assert types(seen) == ["profile_updated", "staff_changed"]
    assert seen.events[0].payload()["user"].role == "moderator"
    assert (entries[0].old, entries[0].new) == ({"role": "user"}, {"role": "moderator"})
    assert live_session(alice.session_id)


@pytest.mark.promise("S3")
def test_a_demotion_ends_all_sign_ins(root, mona, recording):
    with recording() as seen:
        change_role(root, mona.user_id, "user")
    assert types(seen) == ["profile_updated", "staff_changed", "session_ended"]
    with pytest.raises(SessionNotFound):
        live_session(mona.session_id)


def test_staff_learn_nothing_of_guests_and_users(root, alice, recording):
    with recording() as seen:
        change_role(root, alice.user_id, "guest")
    assert types(seen) == ["profile_updated", "session_ended"]


def test_the_same_rank_changes_nothing(root, alice, publishes_nothing, audits_nothing):
    with publishes_nothing(), audits_nothing():
        assert change_role(root, alice.user_id, "user").role == SiteRole.USER


@pytest.mark.parametrize("who", ["mona", "bob"])
def test_nobody_else_changes_ranks(request, alice, publishes_nothing, audited, who):
    actor = request.getfixturevalue(who)
    with publishes_nothing(), audited("role.change", "permission_denied"), pytest.raises(Forbidden):
        change_role(actor, alice.user_id, "moderator")
    assert again(alice).person.role == SiteRole.USER


def test_nobody_changes_their_own_rank(root, person, publishes_nothing):
    person("second", SiteRole.ADMIN)
    with publishes_nothing(), pytest.raises(Forbidden):
        change_role(root, root.user_id, "user")


def test_an_administrator_demotes_another(root, person):
    second = person("second", SiteRole.ADMIN)
    assert change_role(root, second.user_id, "user").role == SiteRole.USER


def test_the_last_administrator_stays_one(root, publishes_nothing, audited):
    with publishes_nothing(), audited("role.change", "last_admin"), pytest.raises(LastAdmin):
        change_role(SYSTEM, root.user_id, "user")


def test_an_administrator_who_is_banned_does_not_count(root, person):
    second = person("second", SiteRole.ADMIN)
    User.objects.filter(pk=second.user_id).update(is_active=False)
    with pytest.raises(LastAdmin):
        change_role(SYSTEM, root.user_id, "user")


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_demote_each_other_leave_one(person):
    first, second = person("first", SiteRole.ADMIN), person("second", SiteRole.ADMIN)
    outcomes = at_once(
        lambda: change_role(first, second.user_id, "user"), lambda: change_role(second, first.user_id, "user")
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Forbidden", "User"]
    assert User.objects.filter(role=SiteRole.ADMIN).count() == 1


def test_there_are_four_ranks(root, alice, publishes_nothing):
    with publishes_nothing(), pytest.raises(Invalid) as refusal:
        change_role(root, alice.user_id, "emperor")
    assert refusal.value.details == {"field": "role"}


def test_a_reason_given_must_be_one(root, alice, publishes_nothing):
    with publishes_nothing(), pytest.raises(ReasonInvalid):
        change_role(root, alice.user_id, "moderator", "x")


def test_nobody_has_no_rank(root, publishes_nothing):
    with publishes_nothing(), pytest.raises(UserNotFound):
        change_role(root, uuid4(), "moderator")


# Switching accounts off and on.


def test_an_account_is_switched_off_and_on(root, alice, recording, audited):
    with recording() as seen, audited("user.deactivate") as entries:
        deactivate_user(root, alice.user_id, "has left the firm")
    assert types(seen) == ["profile_updated", "session_ended"]
    assert list(seen.events[0].effects()) == [Close(alice.user_id, 4011)]
    assert entries[0].new == {"active": False}
    with pytest.raises(SessionNotFound):
        live_session(alice.session_id)
    with recording() as seen, audited("user.reactivate"):
        reactivate_user(root, alice.user_id, "is back again")
    assert types(seen) == ["profile_updated"]
    assert seen.events[0].effects() == ()
    assert again(alice).person.is_usable()


def test_what_is_off_stays_off_and_what_is_on_stays_on(root, alice, publishes_nothing, audits_nothing):
    with publishes_nothing(), audits_nothing():
        reactivate_user(root, alice.user_id, "to be sure")
    deactivate_user(root, alice.user_id, "has left the firm")
    with publishes_nothing(), audits_nothing():
        deactivate_user(root, alice.user_id, "has left the firm")


def test_staff_learn_that_staff_is_switched_off(root, mona, publishes):
    with publishes(StaffChanged):
        deactivate_user(root, mona.user_id, "has left the firm")


@pytest.mark.parametrize("act", [deactivate_user, reactivate_user])
@pytest.mark.parametrize("who", ["mona", "bob"])
def test_nobody_else_switches_accounts(request, alice, publishes_nothing, audited, act, who):
    actor = request.getfixturevalue(who)
    if act is reactivate_user:
        deactivate_user(SYSTEM, alice.user_id, "has left the firm")
    name = f"user.{act.__name__.partition('_')[0]}"
    with publishes_nothing(), audited(name, "permission_denied"), pytest.raises(Forbidden):
        act(actor, alice.user_id, "because I can")


def test_the_last_administrator_stays_on(root, publishes_nothing):
    with publishes_nothing(), pytest.raises(LastAdmin):
        deactivate_user(SYSTEM, root.user_id, "has left the firm")


def test_a_replay_tells_staff_changes_again(root, mona):
    change_role(root, mona.user_id, "user")
    (delivery,) = load(list(StreamEntry.objects.filter(type=StaffChanged.type)))
    assert (delivery.stream, delivery.type) == ("site", "staff_changed")


def test_a_replayed_profile_closes_only_who_is_still_off(root, alice):
    deactivate_user(root, alice.user_id, "has left the firm")
    entries = list(StreamEntry.objects.filter(type=ProfileUpdated.type))
    assert load(entries)[0].effects == (Close(alice.user_id, 4011),)
    reactivate_user(root, alice.user_id, "is back again")
    assert load(entries)[0].effects == ()
