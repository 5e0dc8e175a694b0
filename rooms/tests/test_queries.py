"""Reading rooms by right, in few statements."""

import pytest

from accounts.actor import Actor
from accounts.errors import UserNotFound
from accounts.queries import user_for
from accounts.roles import SiteRole
from lairchat.testing.cast import bring_in
from rooms import queries, sidebar
from rooms.actions.memberships import join_room, leave_room
from rooms.actions.rooms import create_room, delete_room, open_direct_room, update_room
from rooms.errors import InvitationNotFound, RoomNotFound, SanctionNotFound
from rooms.tests.evidence import UNKNOWN


def names(page):
    return [line.room.name for line in page[0]]


class TestOneRoom:
    def test_room_and_membership_are_one_statement(self, alice, mallory, plaza, django_assert_num_queries):
        with django_assert_num_queries(1):
            room, membership = queries.room_and_membership(alice, plaza.id)
        assert membership.role == "owner"
        assert membership.room is room
        assert membership.user is alice.user
        with django_assert_num_queries(1):
            assert queries.room_and_membership(mallory, plaza.id) == (plaza, None)

    def test_the_system_has_no_membership(self, den):
        assert queries.room_and_membership(Actor.system(), den.id) == (den, None)

    def test_unknown_hidden_and_deleted_rooms_have_one_answer(self, alice, mallory, root, person, plaza, den):
        direct = open_direct_room(alice, []).room
        gwen = person("gwen", SiteRole.GUEST)
        gone = create_room(alice, "gone").room
        delete_room(alice, gone.id)
        cases = [(mallory, UNKNOWN), (mallory, den.id), (root, den.id), (mallory, direct.id), (gwen, plaza.id)]
        answers = set()
        for actor, room_id in [*cases, (alice, gone.id)]:
            with pytest.raises(RoomNotFound) as refusal:
                queries.room_for(actor, room_id)
            answers.add(str(refusal.value.as_dict()))
        assert len(answers) == 1

    def test_administrators_find_private_rooms_only_to_keep_order(self, mona, root, den, alice):
        assert queries.room_to_moderate(root, den.id) == (den, None)
        with pytest.raises(RoomNotFound):
            queries.room_to_moderate(mona, den.id)
        delete_room(alice, den.id)
        with pytest.raises(RoomNotFound):
            queries.room_to_moderate(root, den.id)

    def test_what_is_not_there_is_not_found(self):
        for find, error in [
            (queries.invitation, InvitationNotFound),
            (queries.invitation_room_id, InvitationNotFound),
            (queries.sanction, SanctionNotFound),
            (queries.sanction_room_id, SanctionNotFound),
        ]:
            with pytest.raises(error):
                find(UNKNOWN)

    @pytest.fixture(autouse=True)
    def _database(self, db):
        return db


class TestWhoseRooms:
    def test_a_deleted_room_is_no_longer_anybodys(self, alice, bob, den, plaza):
        assert set(queries.streams_for(bob.person.id)) == {den.stream, plaza.stream}
        delete_room(alice, den.id)
        assert queries.streams_for(bob.person.id) == [plaza.stream]
        assert [held.room for held in queries.memberships_of(bob.person.id)] == [plaza]
        assert queries.membership_for(bob.person.id, den.id) is None

    def test_people_who_share_a_room(self, alice, bob, mallory, den):
        others = [bob.person.id, mallory.person.id]
        assert queries.people_sharing_a_room(alice.person.id, others) == {bob.person.id}

    def test_a_site_guest_sees_the_people_of_its_rooms(self, alice, bob, mallory, person, den):
        gwen = person("gwen", SiteRole.GUEST)
        bring_in(alice, den, gwen)
        assert user_for(gwen, bob.person.id) == bob.person
        with pytest.raises(UserNotFound):
            user_for(gwen, mallory.person.id)

    def test_the_people_of_direct_rooms_come_in_one_statement(
        self, alice, bob, mallory, den, django_assert_num_queries
    ):
        pair = open_direct_room(alice, [bob.person.id]).room
        three = open_direct_room(alice, [bob.person.id, mallory.person.id]).room
        with django_assert_num_queries(1):
            people = queries.direct_people([pair.id, three.id, den.id])
        assert people[pair.id] == [alice.person, bob.person]
        assert people[three.id] == [alice.person, bob.person, mallory.person]
        assert people[den.id] == []
        with django_assert_num_queries(0):
            assert queries.direct_people([]) == {}

    def test_a_sidebar_of_many_rooms_is_one_statement_more_than_its_rooms(
        self, alice, bob, django_assert_num_queries, monkeypatch
    ):
        monkeypatch.setattr(sidebar, "_counters", [])  # what the messages' app adds is its own
        held = [open_direct_room(alice, [bob.person.id]).membership, create_room(alice, "tea")]
        with django_assert_num_queries(1):
            items = sidebar.items_of(alice.person.id, held)
        assert [[user.username for user in item.people] for item in items] == [["alice", "bob"], []]


class TestTheList:
    def test_everybody_finds_listed_rooms_and_their_own(self, alice, mallory, person, plaza, den):
        create_room(alice, "Archive", privacy="protected")
        open_direct_room(alice, [mallory.person.id])
        assert names(queries.discover(alice)) == ["Archive", "den", "plaza"]
        assert names(queries.discover(mallory)) == ["Archive", "plaza"]
        assert names(queries.discover(person("gwen", SiteRole.GUEST))) == []
        assert names(queries.discover(Actor.system())) == ["Archive", "den", "plaza"]

    def test_a_site_guest_finds_its_own(self, alice, person, plaza, den):
        gwen = person("gwen", SiteRole.GUEST)
        bring_in(alice, den, gwen)
        assert names(queries.discover(gwen)) == ["den"]

    def test_one_may_ask_for_less(self, alice, mallory, plaza, den):
        create_room(mallory, "Archive", privacy="protected")
        assert names(queries.discover(mallory, joined_only=True)) == ["Archive"]
        assert names(queries.discover(alice, public_only=True)) == ["plaza"]
        assert names(queries.discover(alice, search="PLA")) == ["plaza"]
        assert names(queries.discover(mallory, search="den")) == []

    def test_a_page_knows_how_many_there_are(self, alice):
        for number in range(5):
            create_room(alice, f"room {number}")
        lines, total = queries.discover(alice, limit=2, offset=3)
        assert ([line.room.name for line in lines], total) == (["room 3", "room 4"], 5)

    def test_members_are_counted_in_three_statements(self, alice, mallory, plaza, den, fill, django_assert_num_queries):
        fill(plaza, members=50)
        with django_assert_num_queries(3):
            lines, _ = queries.discover(mallory)
        assert [(line.member_count, line.is_member) for line in lines] == [(52, False)]
        assert [line.is_member for line in queries.discover(alice)[0]] == [True, True]

    def test_deleted_rooms_are_gone(self, alice, plaza):
        delete_room(alice, plaza.id)
        assert queries.discover(alice) == ([], 0)


class TestMembers:
    def test_members_come_in_the_order_they_came_page_by_page(self, alice, mallory, plaza, django_assert_num_queries):
        join_room(mallory, plaza.id)
        with django_assert_num_queries(1):
            first = queries.members_page(plaza.id, limit=2)
            assert [member.user.username for member in first] == ["alice", "bob"]
        rest = queries.members_page(plaza.id, limit=2, after=(first[-1].joined_seq, first[-1].id))
        assert [member.user.username for member in rest] == ["mallory"]

    def test_who_comes_back_stands_last(self, bob, mallory, plaza):
        join_room(mallory, plaza.id)
        leave_room(bob, plaza.id)
        join_room(bob, plaza.id)
        assert [m.user.username for m in queries.members_page(plaza.id, limit=9)] == ["alice", "mallory", "bob"]


def test_a_room_that_was_closed_off_is_not_listed_any_more(alice, mallory, plaza):
    update_room(alice, plaza.id, privacy="private")
    assert queries.discover(mallory) == ([], 0)
