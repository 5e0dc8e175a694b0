"""Who sees whom, and who is online."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from accounts import presence, queries
from accounts.actions.profile import update_profile
from accounts.actor import Actor, Visitor
from accounts.errors import UserNotFound
from accounts.models import User
from accounts.roles import PERMISSIONS, Permission, SiteRole
from lairchat.core.models import Process


@pytest.fixture(autouse=True)
def _fresh_presence():
    presence.forget()
    yield
    presence.forget()


def names(page):
    return [user.username for user in page[0]]


def test_people_stand_in_the_directory_by_name(alice, mallory, bob):
    assert names(queries.directory(bob)) == ["alice", "bob", "mallory"]


def test_a_page_says_how_many_there_are(alice, bob, mallory):
    people, total = queries.directory(alice, limit=2, offset=1)
    assert ([user.username for user in people], total) == (["bob", "mallory"], 3)


def test_people_are_found_by_part_of_either_name(alice, bob):
    update_profile(bob, display_name="Robert Ångström")
    assert names(queries.directory(alice, "ALI")) == ["alice"]
    assert names(queries.directory(alice, "robert")) == ["bob"]
    assert names(queries.directory(alice, "nobody")) == []


def test_an_underscore_is_looked_for_as_such(person, alice):
    person("al_ice")
    assert names(queries.directory(alice, "l_i")) == ["al_ice"]


def test_deactivated_people_are_left_out_but_can_be_looked_up(alice, bob):
    User.objects.filter(pk=bob.user_id).update(is_active=False)
    assert names(queries.directory(alice)) == ["alice"]
    assert queries.user_for(alice, bob.user_id)


def test_only_those_online_if_asked(alice, bob):
    assert names(queries.directory(alice, online_ids={bob.user_id})) == ["bob"]
    assert names(queries.directory(alice, online_ids=set())) == []


def test_a_guest_sees_whom_they_share_a_room_with(person, alice, bob, plaza, mallory):
    from lairchat.testing.cast import bring_in

    gus = person("gus")
    bring_in(alice, plaza, gus)
    User.objects.filter(pk=gus.user_id).update(role=SiteRole.GUEST)
    gus = Actor(User.objects.get(pk=gus.user_id), "rest", gus.session_id)
    assert names(queries.directory(gus)) == ["alice", "bob", "gus"]
    assert queries.user_for(gus, bob.user_id)
    with pytest.raises(UserNotFound):
        queries.user_for(gus, mallory.user_id)


def test_nobody_is_not_found(alice):
    with pytest.raises(UserNotFound):
        queries.user_for(alice, uuid4())


def test_many_people_come_in_one_statement(alice, bob, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert set(queries.users_by_ids([alice.user_id, bob.user_id, uuid4()])) == {alice.user_id, bob.user_id}
    with django_assert_num_queries(0):
        assert queries.users_by_ids([]) == {}


def test_a_name_comes_before_an_address(person):
    """Nobody can take a name that is another one's address, but the order is fixed all the same."""
    alice = person("alice")
    assert queries.user_by_identifier("alice") == alice.person
    assert queries.user_by_identifier("alice@example.org") == alice.person
    assert queries.user_by_identifier("nobody") is None


# Presence.


def process(*people, age=0.0):
    online = [str(one.user_id) for one in people]
    beat_at = timezone.now() - timedelta(seconds=age)
    return Process.objects.create(role="all", host="h", pid=1, version="1", online=online, beat_at=beat_at)


def test_people_of_all_live_processes_are_online(alice, bob, mallory):
    process(alice)
    process(bob, alice)
    process(mallory, age=16)
    assert presence.online_ids() == {alice.user_id, bob.user_id}


def test_presence_is_read_once_a_second(alice, bob, django_assert_num_queries):
    process(alice)
    with django_assert_num_queries(1):
        presence.online_ids()
        presence.online_ids()
    process(bob)
    presence.forget()
    assert presence.online_ids() == {alice.user_id, bob.user_id}


def test_a_dead_process_takes_its_people_along(alice):
    process(alice)
    with time_machine.travel(timezone.now() + timedelta(seconds=16)):
        assert presence.online_ids() == set()


# Ranks and actors.


def test_each_rank_may_what_the_lower_may():
    for lower, higher in zip(SiteRole, list(SiteRole)[1:], strict=False):
        assert PERMISSIONS[lower] < PERMISSIONS[higher]
        assert higher.outranks(lower)
        assert not lower.outranks(higher)


def test_a_visitor_may_nothing_and_the_system_everything():
    assert not any(Visitor("web").allows(permission) for permission in Permission)
    assert all(Actor.system().allows(permission) for permission in Permission)
    with pytest.raises(ValueError, match="no account"):
        _ = Actor.system().person


def test_limits_are_kept_by_account_or_address(alice):
    assert alice.limit_key == str(alice.user_id)
    assert Visitor("rest", "2001:db8::1").limit_key == "2001:db8::/64"
    assert Actor.system().limit_key == "system"
    assert Actor.system().user_id is None


def test_the_desk_shows_itself_to_staff_alone(mona, root, alice):
    assert mona.person.is_staff
    assert root.person.has_perm("accounts.view_user")
    assert root.person.has_module_perms("accounts")
    assert not alice.person.is_staff
    assert not alice.person.has_perm("accounts.view_user")


def test_people_and_rows_say_what_they_are(alice):
    assert (str(alice.person), alice.person.shown_name) == ("alice", "alice")
    assert User.objects.get_by_natural_key("ALICE") == alice.person
