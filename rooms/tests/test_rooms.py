"""Making, changing, closing and deleting rooms."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import UserNotFound
from accounts.models import AuditEntry
from accounts.roles import SiteRole
from lairchat import config
from lairchat.core import log
from lairchat.core.errors import Forbidden, Invalid, RateLimited
from lairchat.core.events import Join, Leave
from lairchat.core.log import room_stream, user_stream
from rooms.actions.invitations import invite_to_room
from rooms.actions.memberships import join_room
from rooms.actions.rooms import (
    archive_room,
    create_room,
    delete_room,
    open_direct_room,
    unarchive_room,
    update_room,
)
from rooms.errors import NotRoomMember, RoomClosed, RoomNameInvalid, RoomNameTaken, RoomNotFound
from rooms.events import InvitationAnswered, RoomDeleted, RoomGained, RoomLost, RoomUpdated, UserJoinedRoom
from rooms.models import Invitation, Membership, Room
from rooms.tests.evidence import UNKNOWN, audited, role_of, set_role, stored


class TestCreating:
    def test_whoever_makes_a_room_owns_it(self, alice, publishes):
        with publishes(RoomGained, on=user_stream(alice.person.id)) as gained:
            membership = create_room(alice, "  Tea Room ", topic="Oolong", description="We\nbrew", max_members=5)
        room = membership.room
        assert (room.name, room.topic, room.description, room.max_members) == ("Tea Room", "Oolong", "We\nbrew", 5)
        assert (room.kind, room.privacy, room.owner) == ("channel", "public", alice.person)
        assert role_of(alice, room) == "owner"
        assert gained.event.effects() == [Join(alice.person.id, room_stream(room.id), after=1)]
        assert gained.payload()["item"].room.id == room.id

    def test_the_room_is_told_of_its_first_member(self, alice, publishes):
        with publishes(UserJoinedRoom) as joined:
            membership = create_room(alice, "tea")
        assert joined.event.stream() == room_stream(membership.room_id)
        assert joined.event.seq == membership.joined_seq == membership.rev == 1

    def test_a_site_guest_makes_no_rooms(self, person, publishes_nothing):
        gwen = person("gwen", SiteRole.GUEST)
        with publishes_nothing(), pytest.raises(Forbidden):
            create_room(gwen, "tea")

    @pytest.mark.parametrize("name", ["", "   ", "x" * 65, "é" * 33, "a\u202eb", "a\nb", "\ufdfa" * 8])
    def test_a_name_must_be_readable_and_short(self, alice, name, publishes_nothing):
        with publishes_nothing(), pytest.raises(RoomNameInvalid):
            create_room(alice, name)

    def test_a_name_of_64_bytes_is_good(self, alice):
        assert create_room(alice, "é" * 32).room.name == "é" * 32

    @pytest.mark.parametrize("name", ["plaza", "PLAZA", "ｐlaza"])
    def test_a_listed_name_is_given_once_however_it_is_written(self, bob, plaza, name, publishes_nothing):
        with publishes_nothing(), pytest.raises(RoomNameTaken):
            create_room(bob, name, privacy="protected")

    def test_a_private_name_is_free_so_that_no_refusal_tells_of_one(self, mallory, den):
        assert create_room(mallory, "den").room.name == "den"
        assert create_room(mallory, "den", privacy="private").room.privacy == "private"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"privacy": "secret"},
            {"max_members": 0},
            {"max_members": Room.MEMBERS_MAX + 1},
            {"topic": "x" * 251},
            {"topic": "two\nlines"},
            {"description": "x" * 1001},
            {"description": "nul\x00"},
        ],
    )
    def test_wrong_values_are_refused_by_name(self, alice, wrong, publishes_nothing):
        with publishes_nothing(), pytest.raises(Invalid) as refusal:
            create_room(alice, "tea", **wrong)
        assert refusal.value.details["field"] == next(iter(wrong))

    def test_a_temporary_room_ends_later_not_before(self, alice, publishes_nothing):
        end = timezone.now() + timedelta(hours=1)
        assert create_room(alice, "tea", expires_at=end).room.expires_at == end
        for wrong in (timezone.now() - timedelta(seconds=1), end.replace(tzinfo=None)):
            with publishes_nothing(), pytest.raises(Invalid):
                create_room(alice, "coffee", expires_at=wrong)

    def test_rooms_are_made_only_so_often(self, alice, bob):
        window = config.current().limits.rooms
        for number in range(window.count):
            create_room(alice, f"tea {number}")
        with pytest.raises(RateLimited):
            create_room(alice, "one more")
        assert create_room(bob, "one more").room.owner == bob.person

    def test_the_database_keeps_listed_names_apart_when_the_look_before_was_too_early(self, alice, plaza, monkeypatch):
        from rooms.actions import rooms as actions

        # What two makers at once would see: both look before either writes.
        monkeypatch.setattr(actions, "_refuse_taken_name", lambda room: None)
        with pytest.raises(RoomNameTaken):
            create_room(alice, "Plaza")
        other = create_room(alice, "garden").room
        with pytest.raises(RoomNameTaken):
            update_room(alice, other.id, name="plaza")


class TestChanging:
    def test_the_owner_changes_everything_and_the_room_is_told_once(self, alice, plaza, publishes):
        before = log.heads([plaza.stream])[plaza.stream]
        with publishes(RoomUpdated, on=plaza.stream) as updated:
            room = update_room(
                alice,
                plaza.id,
                name="Square",
                topic="Weather",
                description="Outside",
                privacy="protected",
                mode="read_only",
                max_members=9,
            )
        now = stored(plaza)
        assert (now.name, now.topic, now.description, now.privacy) == ("Square", "Weather", "Outside", "protected")
        assert (now.mode, now.max_members, now.name_folded) == ("read_only", 9, "square")
        assert now.rev == room.rev == updated.event.seq == before + 1
        assert updated.payload()["room"].name == "Square"
        assert updated.payload()["changed_by"] == alice.person.id

    def test_nothing_is_told_if_nothing_changes(self, alice, plaza, publishes_nothing):
        with publishes_nothing():
            assert update_room(alice, plaza.id, name="plaza", topic="").rev == stored(plaza).rev

    @pytest.mark.parametrize("change", [{"name": "x"}, {"topic": "x"}, {"description": "x"}, {"mode": "read_only"}])
    def test_a_moderator_of_the_room_changes_name_topic_and_mode(
        self, bob, plaza, change, publishes, publishes_nothing
    ):
        with publishes_nothing(), pytest.raises(Forbidden):
            update_room(bob, plaza.id, **change)
        set_role(bob, plaza, "moderator")
        with publishes(RoomUpdated):
            update_room(bob, plaza.id, **change)

    @pytest.mark.parametrize("change", [{"privacy": "private"}, {"max_members": 3}])
    def test_only_owners_change_privacy_and_limits(self, alice, bob, root, plaza, change, publishes_nothing):
        set_role(bob, plaza, "moderator")
        with publishes_nothing():
            with pytest.raises(Forbidden):
                update_room(bob, plaza.id, **change)
            with pytest.raises(NotRoomMember):
                update_room(root, plaza.id, **change)
        update_room(alice, plaza.id, **change)

    def test_one_right_that_is_missing_refuses_the_whole_change(self, bob, plaza):
        set_role(bob, plaza, "moderator")
        with pytest.raises(Forbidden):
            update_room(bob, plaza.id, topic="new", max_members=3)
        assert stored(plaza).topic == ""

    def test_site_moderators_set_the_mode_of_listed_rooms_only(self, mona, root, plaza, den):
        assert update_room(mona, plaza.id, mode="read_only").mode == "read_only"
        with pytest.raises(RoomNotFound):
            update_room(mona, den.id, mode="read_only")
        assert update_room(root, den.id, mode="read_only").mode == "read_only"

    def test_a_stranger_is_told_to_join_a_listed_room_and_nothing_of_a_private_one(self, mallory, plaza, den):
        with pytest.raises(NotRoomMember):
            update_room(mallory, plaza.id, topic="x")
        with pytest.raises(RoomNotFound):
            update_room(mallory, den.id, topic="x")
        with pytest.raises(RoomNotFound):
            update_room(mallory, UNKNOWN, topic="x")

    def test_a_room_may_change_the_writing_of_its_own_name(self, alice, plaza):
        assert update_room(alice, plaza.id, name="Plaza").name == "Plaza"

    def test_another_rooms_name_is_taken(self, alice, plaza):
        other = create_room(alice, "garden").room
        with pytest.raises(RoomNameTaken):
            update_room(alice, other.id, name="plaza")

    def test_a_private_room_needs_a_free_name_to_be_listed(self, alice, den, mallory):
        create_room(mallory, "den")
        with pytest.raises(RoomNameTaken):
            update_room(alice, den.id, privacy="public")
        assert update_room(alice, den.id, privacy="public", name="den of alice").privacy == "public"

    def test_opening_a_private_room_marks_where_later_joiners_begin(self, alice, den):
        room = update_room(alice, den.id, privacy="protected")
        assert room.opened_seq == room.rev
        opened = room.opened_seq
        assert update_room(alice, den.id, privacy="public").opened_seq == opened

    def test_a_change_of_privacy_is_written_down(self, alice, den):
        update_room(alice, den.id, privacy="public", topic="not written down")
        entry = audited("room.update")
        assert (entry.room_id, entry.old, entry.new) == (den.id, {"privacy": "private"}, {"privacy": "public"})

    def test_a_topic_is_nobody_elses_business(self, alice, den):
        update_room(alice, den.id, topic="not written down")
        assert not AuditEntry.objects.filter(action="room.update").exists()

    def test_a_refused_change_is_written_down(self, bob, plaza):
        with pytest.raises(Forbidden):
            update_room(bob, plaza.id, privacy="private")
        assert audited("room.update", outcome="permission_denied").actor_id == bob.person.id

    def test_a_closed_room_stays_as_it_is(self, alice, plaza, publishes_nothing):
        archive_room(alice, plaza.id)
        with publishes_nothing(), pytest.raises(RoomClosed):
            update_room(alice, plaza.id, topic="x")

    def test_the_people_of_a_direct_room_change_nothing_about_it(self, alice, bob):
        room = open_direct_room(alice, [bob.person.id]).room
        for change in ({"name": "x"}, {"topic": "x"}, {"privacy": "public"}, {"mode": "read_only"}):
            with pytest.raises(Forbidden):
                update_room(alice, room.id, **change)

    def test_an_unknown_mode_is_refused(self, alice, plaza):
        with pytest.raises(Invalid):
            update_room(alice, plaza.id, mode="loud")

    def test_a_limit_can_be_taken_away(self, alice, plaza):
        update_room(alice, plaza.id, max_members=2)
        assert update_room(alice, plaza.id, max_members=None).max_members is None


class TestArchiving:
    def test_an_archived_room_is_closed_until_it_is_opened_again(self, alice, plaza, publishes):
        with publishes(RoomUpdated) as archived:
            assert archive_room(alice, plaza.id).is_closed()
        assert archived.payload()["room"].archived_at is not None
        with publishes(RoomUpdated) as opened:
            assert not unarchive_room(alice, plaza.id).is_closed()
        assert opened.payload()["room"].archived_at is None
        assert audited("room.archive").room_id == audited("room.unarchive").room_id == plaza.id

    def test_twice_is_once(self, alice, plaza, publishes_nothing):
        archive_room(alice, plaza.id)
        with publishes_nothing():
            archive_room(alice, plaza.id)
        unarchive_room(alice, plaza.id)
        with publishes_nothing():
            unarchive_room(alice, plaza.id)

    @pytest.mark.parametrize("act", [archive_room, unarchive_room, delete_room])
    def test_owners_and_administrators_may_and_nobody_else(self, act, bob, mona, mallory, root, plaza, den):
        set_role(bob, plaza, "moderator")
        with pytest.raises(Forbidden):
            act(bob, plaza.id)
        with pytest.raises(NotRoomMember):
            act(mona, plaza.id)
        for stranger in (mona, mallory):
            with pytest.raises(RoomNotFound):
                act(stranger, den.id)
        act(root, den.id)
        act(root, plaza.id)

    def test_a_reason_is_written_down(self, root, plaza):
        update_room(root, plaza.id, mode="read_only", reason="too hot")
        archive_room(root, plaza.id, reason="no use")
        unarchive_room(root, plaza.id, reason="in use")
        delete_room(root, plaza.id, reason="at an end")
        names = ["room.update", "room.archive", "room.unarchive", "room.delete"]
        assert [audited(name).detail.reason for name in names] == ["too hot", "no use", "in use", "at an end"]

    def test_a_refusal_is_written_down(self, bob, plaza):
        with pytest.raises(Forbidden):
            archive_room(bob, plaza.id)
        assert audited("room.archive", outcome="permission_denied").room_id == plaza.id

    def test_a_temporary_room_is_over_at_its_end(self, alice, plaza):
        Room.objects.filter(pk=plaza.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        with pytest.raises(RoomClosed):
            update_room(alice, plaza.id, topic="x")


class TestDeleting:
    def test_everybody_loses_the_room_and_nobody_finds_it(self, alice, bob, mallory, plaza, recording):
        with recording() as published:
            delete_room(alice, plaza.id)
        ends = [event for event in published.events if type(event) is RoomDeleted]
        lost = {event.user_id for event in published.events if type(event) is RoomLost}
        assert len(ends) == 1
        assert ends[0].effects() == [Leave(None, plaza.stream)]
        assert ends[0].payload() == {"room_id": plaza.id, "room_name": "plaza", "deleted_by": alice.person.id}
        assert lost == {alice.person.id, bob.person.id}
        assert all(event.reason == "deleted" for event in published.events if type(event) is RoomLost)
        for actor in (alice, bob, mallory):
            with pytest.raises(RoomNotFound):
                update_room(actor, plaza.id, topic="x")
        assert audited("room.delete").actor_id == alice.person.id

    def test_its_end_is_the_last_entry_of_its_stream(self, alice, plaza, publishes):
        with publishes(RoomDeleted) as deleted:
            delete_room(alice, plaza.id)
        assert deleted.event.seq == log.heads([plaza.stream])[plaza.stream] == stored(plaza).rev

    def test_its_name_is_free_again(self, alice, plaza):
        delete_room(alice, plaza.id)
        assert create_room(alice, "plaza").room.id != plaza.id

    def test_open_invitations_fall(self, alice, mallory, den, publishes):
        invitation = invite_to_room(alice, den.id, mallory.person.id)
        with publishes(InvitationAnswered, on=user_stream(mallory.person.id)) as answered:
            delete_room(alice, den.id)
        assert stored(invitation).status == Invitation.Status.CANCELLED
        assert answered.event.seq == stored(invitation).rev

    def test_somebody_with_an_old_invitation_gets_two_frames_in_two_places(self, alice, mallory, plaza, recording):
        invitation = invite_to_room(alice, plaza.id, mallory.person.id)
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now())
        join_room(mallory, plaza.id)
        with recording() as published:
            delete_room(alice, plaza.id)
        seqs = [event.seq for event in published.events if event.stream() == user_stream(mallory.person.id)]
        head = log.heads([user_stream(mallory.person.id)])[user_stream(mallory.person.id)]
        assert sorted(seqs) == [head - 1, head]

    def test_an_unknown_room_is_not_found(self, root):
        with pytest.raises(RoomNotFound):
            delete_room(root, UNKNOWN)

    def test_a_deleted_room_is_not_deleted_again(self, alice, root, plaza):
        delete_room(alice, plaza.id)
        for actor in (alice, root):
            with pytest.raises(RoomNotFound):
                delete_room(actor, plaza.id)

    def test_a_big_room_takes_a_query_for_hundreds_not_for_each(
        self, alice, plaza, fill, django_assert_max_num_queries
    ):
        fill(plaza, members=400)
        with django_assert_max_num_queries(30):
            delete_room(alice, plaza.id)


class TestDirectRooms:
    def test_two_people_always_find_the_same_room(self, alice, bob, recording):
        with recording() as published:
            opened = open_direct_room(alice, [bob.person.id])
        assert opened.is_new
        gained = [event for event in published.events if type(event) is RoomGained]
        assert {event.user_id for event in gained} == {alice.person.id, bob.person.id}
        for event in gained:
            assert [user.username for user in event.payload()["item"].people] == ["alice", "bob"]
        again = open_direct_room(bob, [alice.person.id, bob.person.id])
        assert (again.room, again.is_new) == (opened.room, False)
        assert again.membership.user == bob.person
        assert (opened.room.kind, opened.room.privacy, opened.room.name) == ("direct", "private", "")

    def test_finding_it_again_publishes_nothing_and_spends_nothing(self, alice, bob, publishes_nothing):
        open_direct_room(alice, [bob.person.id])
        with publishes_nothing():
            for _ in range(config.current().limits.rooms.count + 1):
                open_direct_room(alice, [bob.person.id])

    def test_alone_it_is_a_notebook(self, alice):
        opened = open_direct_room(alice, [])
        assert Membership.objects.filter(room=opened.room).count() == 1
        assert open_direct_room(alice, [alice.person.id]).room == opened.room

    def test_three_have_a_room_of_their_own(self, alice, bob, mallory):
        pair = open_direct_room(alice, [bob.person.id]).room
        three = open_direct_room(alice, [bob.person.id, mallory.person.id]).room
        assert three != pair
        assert Membership.objects.filter(room=three).count() == 3

    def test_ten_people_are_the_most(self, alice, person):
        people = [person(f"friend{number}").person.id for number in range(10)]
        assert open_direct_room(alice, people[:9]).is_new
        with pytest.raises(Invalid):
            open_direct_room(alice, people)

    def test_nobody_meets_who_does_not_exist(self, alice, bob, publishes_nothing):
        with publishes_nothing(), pytest.raises(UserNotFound):
            open_direct_room(alice, [bob.person.id, UNKNOWN])

    def test_nobody_meets_who_is_deactivated(self, alice, bob):
        bob.person.is_active = False
        bob.person.save(update_fields=["is_active"])
        with pytest.raises(UserNotFound):
            open_direct_room(alice, [bob.person.id])

    def test_a_site_guest_meets_only_people_of_its_rooms(self, alice, bob, mallory, person, den):
        from lairchat.testing.cast import bring_in

        gwen = person("gwen", SiteRole.GUEST)
        with pytest.raises(UserNotFound):
            open_direct_room(gwen, [bob.person.id])
        bring_in(alice, den, gwen)
        assert open_direct_room(gwen, [bob.person.id]).is_new
        with pytest.raises(UserNotFound):
            open_direct_room(gwen, [mallory.person.id])

    def test_a_stranger_does_not_know_of_it(self, alice, bob, mallory, root):
        from rooms.queries import room_for

        room = open_direct_room(alice, [bob.person.id]).room
        for stranger in (mallory, root):
            with pytest.raises(RoomNotFound):
                room_for(stranger, room.id)
            with pytest.raises(RoomNotFound):
                delete_room(stranger, room.id)
