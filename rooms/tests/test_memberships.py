"""Coming, going, ranks, and how a room behaves for one person."""

import pytest

from accounts.models import User
from accounts.roles import SiteRole
from lairchat.core import log
from lairchat.core.errors import Forbidden, Invalid
from lairchat.core.events import Join, Leave
from lairchat.core.log import user_stream
from lairchat.testing.cast import bring_in
from rooms.actions.invitations import invite_to_room
from rooms.actions.memberships import (
    change_member_role,
    join_room,
    leave_room,
    set_notifications,
    transfer_ownership,
)
from rooms.actions.rooms import archive_room, create_room, open_direct_room, update_room
from rooms.actions.sanctions import ban_member
from rooms.errors import (
    AlreadyMember,
    BannedFromRoom,
    LastOwner,
    NotRoomMember,
    RoomClosed,
    RoomFull,
    RoomNotFound,
    RoomPrivate,
)
from rooms.events import (
    InvitationAnswered,
    MemberRoleChanged,
    RoomGained,
    RoomLost,
    RoomSettingsChanged,
    RoomUpdated,
    UserJoinedRoom,
    UserLeftRoom,
)
from rooms.models import Room
from rooms.tests.evidence import UNKNOWN, audited, membership_of, role_of, set_role, stored


@pytest.fixture
def announcements(alice):
    """A system room: everybody reads, staff writes."""
    room = create_room(alice, "announcements").room
    Room.objects.filter(pk=room.pk).update(kind=Room.Kind.SYSTEM)
    return stored(room)


class TestJoining:
    def test_anybody_joins_a_public_room(self, mallory, plaza, recording):
        with recording() as published:
            membership = join_room(mallory, plaza.id)
        joined, gained = sorted(published.events, key=lambda event: event.type, reverse=True)
        assert (type(joined), type(gained)) == (UserJoinedRoom, RoomGained)
        assert joined.seq == membership.joined_seq == membership.rev == log.heads([plaza.stream])[plaza.stream]
        assert joined.payload()["user"].username == "mallory"
        assert gained.effects() == [Join(mallory.person.id, plaza.stream, after=membership.joined_seq)]
        item = gained.payload()["item"]
        assert (item.unread, item.read_seq, item.counted_to) == (0, membership.joined_seq, membership.joined_seq)
        assert role_of(mallory, plaza) == "member"

    def test_nobody_joins_twice(self, bob, plaza, publishes_nothing):
        with publishes_nothing(), pytest.raises(AlreadyMember):
            join_room(bob, plaza.id)

    def test_a_protected_room_needs_an_invitation(self, alice, mallory, plaza, publishes_nothing):
        update_room(alice, plaza.id, privacy="protected")
        with publishes_nothing(), pytest.raises(RoomPrivate):
            join_room(mallory, plaza.id)
        invite_to_room(alice, plaza.id, mallory.person.id)
        assert join_room(mallory, plaza.id).room == plaza

    def test_a_private_room_does_not_exist_for_strangers_but_for_the_invited(self, alice, mallory, den, publishes):
        with pytest.raises(RoomNotFound):
            join_room(mallory, den.id)
        invitation = invite_to_room(alice, den.id, mallory.person.id)
        with publishes(InvitationAnswered, on=user_stream(mallory.person.id)):
            join_room(mallory, den.id)
        assert stored(invitation).status == "accepted"

    def test_an_invitation_that_ran_out_opens_nothing(self, alice, mallory, den):
        invitation = invite_to_room(alice, den.id, mallory.person.id)
        type(invitation).objects.filter(pk=invitation.pk).update(expires_at=invitation.created_at)
        with pytest.raises(RoomNotFound):
            join_room(mallory, den.id)

    def test_an_administrator_does_not_join_private_rooms_either(self, root, den):
        with pytest.raises(RoomNotFound):
            join_room(root, den.id)

    def test_a_site_guest_joins_nothing_unasked_and_stays_a_guest(self, alice, person, plaza):
        gwen = person("gwen", SiteRole.GUEST)
        with pytest.raises(RoomNotFound):
            join_room(gwen, plaza.id)
        invite_to_room(alice, plaza.id, gwen.person.id)
        assert join_room(gwen, plaza.id).role == "guest"

    def test_an_unknown_room_is_not_found(self, mallory):
        with pytest.raises(RoomNotFound):
            join_room(mallory, UNKNOWN)

    def test_who_is_banned_stays_out(self, alice, mallory, plaza, publishes_nothing):
        ban_member(alice, plaza.id, mallory.person.id, reason="noise")
        with publishes_nothing(), pytest.raises(BannedFromRoom):
            join_room(mallory, plaza.id)

    def test_a_full_room_takes_nobody(self, alice, mallory, plaza, publishes_nothing):
        update_room(alice, plaza.id, max_members=2)
        with publishes_nothing(), pytest.raises(RoomFull):
            join_room(mallory, plaza.id)
        update_room(alice, plaza.id, max_members=3)
        join_room(mallory, plaza.id)

    def test_a_closed_room_takes_nobody(self, alice, mallory, plaza, publishes_nothing):
        archive_room(alice, plaza.id)
        with publishes_nothing(), pytest.raises(RoomClosed):
            join_room(mallory, plaza.id)

    def test_joining_takes_the_same_queries_in_a_big_room(
        self, alice, mallory, person, plaza, fill, django_assert_num_queries
    ):
        update_room(alice, plaza.id, max_members=1000)
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as small:
            join_room(mallory, plaza.id)
        carol = person("carol")
        fill(plaza, members=200)
        with django_assert_num_queries(len(small)):
            join_room(carol, plaza.id)


class TestLeaving:
    def test_who_leaves_is_told_last(self, bob, plaza, publishes):
        with (
            publishes(UserLeftRoom, on=plaza.stream) as left,
            publishes(RoomLost, on=user_stream(bob.person.id)) as lost,
        ):
            leave_room(bob, plaza.id)
        assert left.event.effects() == [Leave(bob.person.id, plaza.stream)]
        assert left.payload() == {
            "room_id": plaza.id,
            "user_id": bob.person.id,
            "reason": "left",
            "rev": log.heads([plaza.stream])[plaza.stream],
        }
        assert lost.payload() == {"room_id": plaza.id, "reason": "left"}
        assert membership_of(bob, plaza) is None

    def test_a_return_is_newer_than_the_leave(self, bob, plaza, publishes):
        with publishes(UserLeftRoom) as left:
            leave_room(bob, plaza.id)
        assert join_room(bob, plaza.id).rev > left.payload()["rev"]

    def test_the_last_owner_stays(self, alice, bob, plaza, publishes_nothing):
        with publishes_nothing(), pytest.raises(LastOwner):
            leave_room(alice, plaza.id)
        change_member_role(alice, plaza.id, bob.person.id, "owner")
        leave_room(alice, plaza.id)

    def test_an_owner_who_cannot_act_does_not_count(self, alice, bob, plaza):
        change_member_role(alice, plaza.id, bob.person.id, "owner")
        User.objects.filter(pk=bob.person.pk).update(is_active=False)
        with pytest.raises(LastOwner):
            leave_room(alice, plaza.id)

    def test_a_stranger_cannot_leave(self, mallory, plaza, den, publishes_nothing):
        with publishes_nothing():
            with pytest.raises(NotRoomMember):
                leave_room(mallory, plaza.id)
            with pytest.raises(RoomNotFound):
                leave_room(mallory, den.id)

    def test_the_people_of_a_direct_room_are_fixed(self, alice, bob, publishes_nothing):
        room = open_direct_room(alice, [bob.person.id]).room
        with publishes_nothing(), pytest.raises(Forbidden):
            leave_room(bob, room.id)

    def test_nobody_leaves_a_system_room(self, bob, announcements):
        join_room(bob, announcements.id)
        with pytest.raises(Forbidden):
            leave_room(bob, announcements.id)


class TestRanks:
    def test_the_owner_promotes_and_the_room_is_told(self, alice, bob, plaza, publishes):
        with publishes(MemberRoleChanged, on=plaza.stream) as changed:
            membership = change_member_role(alice, plaza.id, bob.person.id, "moderator")
        assert membership.role == role_of(bob, plaza) == "moderator"
        assert changed.payload() == {
            "room_id": plaza.id,
            "user_id": bob.person.id,
            "username": "bob",
            "old_role": "member",
            "new_role": "moderator",
            "changed_by": alice.person.id,
            "rev": stored(membership).rev,
        }
        entry = audited("member_role.change")
        assert (entry.old, entry.new, entry.target_id) == ("member", "moderator", str(bob.person.id))

    def test_the_originals_word_for_a_moderator_is_understood(self, alice, bob, plaza):
        assert change_member_role(alice, plaza.id, bob.person.id, "admin").role == "moderator"

    def test_an_unknown_rank_is_refused(self, alice, bob, plaza, publishes_nothing):
        with publishes_nothing(), pytest.raises(Invalid):
            change_member_role(alice, plaza.id, bob.person.id, "king")

    def test_the_same_rank_is_no_news(self, alice, bob, plaza, publishes_nothing):
        with publishes_nothing():
            assert change_member_role(alice, plaza.id, bob.person.id, "member").role == "member"

    @pytest.mark.parametrize("rank", ["member", "moderator"])
    def test_lower_ranks_promote_nobody(self, bob, mallory, plaza, rank, publishes_nothing):
        join_room(mallory, plaza.id)
        set_role(bob, plaza, rank)
        with publishes_nothing(), pytest.raises(Forbidden):
            change_member_role(bob, plaza.id, mallory.person.id, "moderator")
        assert audited("member_role.change", outcome="permission_denied").actor_id == bob.person.id

    def test_owners_do_not_act_on_each_other_but_step_down_themselves(self, alice, bob, plaza, publishes_nothing):
        change_member_role(alice, plaza.id, bob.person.id, "owner")
        with publishes_nothing(), pytest.raises(Forbidden):
            change_member_role(alice, plaza.id, bob.person.id, "member")
        assert change_member_role(alice, plaza.id, alice.person.id, "member").role == "member"

    def test_the_last_owner_stays_owner(self, alice, plaza, publishes_nothing):
        with publishes_nothing(), pytest.raises(LastOwner):
            change_member_role(alice, plaza.id, alice.person.id, "member")

    def test_staff_gives_ranks_only_where_no_active_owner_is_left(self, alice, bob, mona, root, den):
        with pytest.raises(NotRoomMember):
            change_member_role(root, den.id, bob.person.id, "owner")
        User.objects.filter(pk=alice.person.pk).update(is_active=False)
        with pytest.raises(RoomNotFound):
            change_member_role(mona, den.id, bob.person.id, "owner")
        assert change_member_role(root, den.id, bob.person.id, "owner").role == "owner"
        with pytest.raises(NotRoomMember):
            change_member_role(root, den.id, bob.person.id, "member")

    def test_a_stranger_is_not_ranked_and_ranks_nobody(self, alice, bob, mallory, plaza, den):
        with pytest.raises(NotRoomMember):
            change_member_role(alice, plaza.id, mallory.person.id, "moderator")
        with pytest.raises(NotRoomMember):
            change_member_role(mallory, plaza.id, bob.person.id, "moderator")
        with pytest.raises(RoomNotFound):
            change_member_role(mallory, den.id, bob.person.id, "moderator")

    def test_a_site_guest_is_a_guest_everywhere(self, alice, person, plaza, publishes_nothing):
        gwen = person("gwen", SiteRole.GUEST)
        invite_to_room(alice, plaza.id, gwen.person.id)
        join_room(gwen, plaza.id)
        with publishes_nothing():
            with pytest.raises(Forbidden):
                change_member_role(alice, plaza.id, gwen.person.id, "member")
            with pytest.raises(Forbidden):
                transfer_ownership(alice, plaza.id, gwen.person.id)

    def test_nobody_has_a_rank_in_a_direct_room(self, alice, bob):
        room = open_direct_room(alice, [bob.person.id]).room
        with pytest.raises(Forbidden):
            change_member_role(alice, room.id, bob.person.id, "owner")


class TestHandingOver:
    def test_the_owner_hands_over_and_becomes_a_moderator(self, alice, bob, plaza, recording):
        with recording() as published:
            room = transfer_ownership(alice, plaza.id, bob.person.id)
        kinds = [type(event) for event in published.events]
        assert kinds.count(MemberRoleChanged) == 2
        assert kinds.count(RoomUpdated) == 1
        assert (role_of(alice, plaza), role_of(bob, plaza)) == ("moderator", "owner")
        assert room.owner_id == stored(plaza).owner_id == bob.person.id
        assert stored(plaza).rev == log.heads([plaza.stream])[plaza.stream]
        assert audited("ownership.transfer").new == str(bob.person.id)

    def test_one_does_not_hand_over_to_oneself(self, alice, plaza, publishes_nothing):
        with publishes_nothing(), pytest.raises(Forbidden):
            transfer_ownership(alice, plaza.id, alice.person.id)

    def test_only_owners_hand_over(self, alice, bob, mallory, plaza, publishes_nothing):
        set_role(bob, plaza, "moderator")
        with publishes_nothing():
            with pytest.raises(Forbidden):
                transfer_ownership(bob, plaza.id, alice.person.id)
            with pytest.raises(NotRoomMember):
                transfer_ownership(mallory, plaza.id, bob.person.id)
            with pytest.raises(NotRoomMember):
                transfer_ownership(alice, plaza.id, mallory.person.id)
        assert audited("ownership.transfer", outcome="permission_denied").actor_id == bob.person.id

    def test_an_administrator_finds_a_new_owner_for_a_room_without_one(self, alice, bob, root, den):
        User.objects.filter(pk=alice.person.pk).update(is_active=False)
        assert transfer_ownership(root, den.id, bob.person.id).owner_id == bob.person.id
        assert role_of(bob, den) == "owner"

    def test_who_owns_it_already_is_handed_nothing(self, alice, bob, root, plaza, publishes_nothing):
        set_role(bob, plaza, "owner")
        User.objects.update(is_active=False)
        with publishes_nothing():
            for actor in (alice, root):
                with pytest.raises(Forbidden):
                    transfer_ownership(actor, plaza.id, bob.person.id)

    def test_a_deactivated_person_is_handed_nothing(self, alice, bob, plaza, publishes_nothing):
        User.objects.filter(pk=bob.person.pk).update(is_active=False)
        with publishes_nothing():
            with pytest.raises(Forbidden):
                transfer_ownership(alice, plaza.id, bob.person.id)
            with pytest.raises(Forbidden):
                change_member_role(alice, plaza.id, bob.person.id, "owner")


class TestSettings:
    def test_ones_own_settings_are_told_to_oneself(self, bob, den, publishes):
        with publishes(RoomSettingsChanged, on=user_stream(bob.person.id)) as changed:
            membership = set_notifications(bob, den.id, notifications="mentions", favourite=True)
        assert (membership.notifications, membership.favourite) == ("mentions", True)
        assert stored(membership).settings_rev == changed.event.seq
        assert changed.payload() == {
            "room_id": den.id,
            "notifications": "mentions",
            "favourite": True,
            "rev": changed.event.seq,
        }

    def test_what_is_not_given_stays(self, bob, den, publishes_nothing):
        set_notifications(bob, den.id, notifications="nothing")
        assert set_notifications(bob, den.id, favourite=True).notifications == "nothing"
        with publishes_nothing():
            set_notifications(bob, den.id, favourite=True)

    def test_an_unknown_level_is_refused(self, bob, den, publishes_nothing):
        with publishes_nothing(), pytest.raises(Invalid):
            set_notifications(bob, den.id, notifications="loud")

    def test_only_members_have_settings(self, mallory, plaza, den, publishes_nothing):
        with publishes_nothing():
            with pytest.raises(NotRoomMember):
                set_notifications(mallory, plaza.id, favourite=True)
            with pytest.raises(RoomNotFound):
                set_notifications(mallory, den.id, favourite=True)


def test_somebody_let_in_by_their_host_is_a_member(alice, mallory, den):
    bring_in(alice, den, mallory)
    assert role_of(mallory, den) == "member"
