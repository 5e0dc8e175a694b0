"""Keeping order in a room."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.actor import Actor
from accounts.errors import UserNotFound
from accounts.models import User
from lairchat.core.errors import Forbidden, Invalid
from lairchat.core.events import Leave
from lairchat.core.log import user_stream
from rooms.actions.invitations import invite_to_room
from rooms.actions.memberships import join_room, leave_room
from rooms.actions.rooms import open_direct_room
from rooms.actions.sanctions import (
    ban_member,
    kick_member,
    lift_room_sanction,
    mute_member,
    unban_member,
    unmute_member,
)
from rooms.errors import BannedFromRoom, LastOwner, NotRoomMember, RoomNotFound, SanctionNotFound, SanctionOver
from rooms.events import InvitationAnswered, MemberMuted, RoomLost, UserLeftRoom
from rooms.models import RoomSanction
from rooms.tests.evidence import UNKNOWN, audited, membership_of, set_role, stored


def soon(**length):
    return timezone.now() + timedelta(**length)


def kick(actor, room, target):
    return kick_member(actor, room.id, target.person.id, reason="noise")


def mute(actor, room, target):
    return mute_member(actor, room.id, target.person.id, reason="noise", until=soon(hours=1))


def ban(actor, room, target):
    return ban_member(actor, room.id, target.person.id, reason="noise")


ACTS = [kick, mute, ban]


class TestWhoMay:
    """One set-up for all three: bob is a member, and who acts upon him differs."""

    @pytest.mark.parametrize("act", ACTS)
    def test_the_owner_and_the_moderators_of_the_room(self, act, alice, bob, mallory, plaza):
        join_room(mallory, plaza.id)
        act(alice, plaza, mallory)
        set_role(bob, plaza, "moderator")
        act(alice, plaza, bob)

    @pytest.mark.parametrize("act", ACTS)
    def test_moderators_act_on_members_only(self, act, alice, bob, mallory, plaza, publishes_nothing):
        join_room(mallory, plaza.id)
        set_role(mallory, plaza, "moderator")
        for rank in ("moderator", "owner"):
            set_role(bob, plaza, rank)
            with publishes_nothing(), pytest.raises(Forbidden):
                act(mallory, plaza, bob)
        set_role(bob, plaza, "member")
        act(mallory, plaza, bob)

    @pytest.mark.parametrize("act", ACTS)
    @pytest.mark.parametrize("rank", ["guest", "member"])
    def test_members_act_on_nobody(self, act, rank, bob, mallory, plaza, publishes_nothing):
        join_room(mallory, plaza.id)
        set_role(mallory, plaza, rank)
        with publishes_nothing(), pytest.raises(Forbidden):
            act(mallory, plaza, bob)

    @pytest.mark.parametrize("act", ACTS)
    def test_strangers_learn_no_more_than_they_knew(self, act, bob, mallory, plaza, den, publishes_nothing):
        with publishes_nothing():
            with pytest.raises(NotRoomMember):
                act(mallory, plaza, bob)
            with pytest.raises(RoomNotFound):
                act(mallory, den, bob)

    @pytest.mark.parametrize("act", ACTS)
    def test_nobody_acts_on_themselves(self, act, alice, root, plaza, publishes_nothing):
        join_room(root, plaza.id)
        with publishes_nothing():
            for actor in (alice, root):
                with pytest.raises(Forbidden):
                    act(actor, plaza, actor)

    @pytest.mark.parametrize("act", ACTS)
    def test_site_moderators_in_listed_rooms_and_administrators_everywhere(self, act, bob, mona, root, plaza, den):
        with pytest.raises(RoomNotFound):
            act(mona, den, bob)
        act(mona, plaza, bob)
        act(root, den, bob)

    @pytest.mark.parametrize("act", ACTS)
    def test_moderators_never_act_on_staff_but_owners_and_administrators_do(
        self, act, alice, bob, mona, person, root, plaza, publishes_nothing
    ):
        join_room(mona, plaza.id)
        other = person("max")
        User.objects.filter(pk=other.person.pk).update(role="moderator")
        other.person.refresh_from_db()
        set_role(bob, plaza, "moderator")
        with publishes_nothing():
            for moderator in (bob, other):
                with pytest.raises(Forbidden):
                    act(moderator, plaza, mona)
        act(alice, plaza, mona)
        if membership_of(mona, plaza) is not None:
            act(root, plaza, mona)

    @pytest.mark.parametrize("act", ACTS)
    def test_nobody_is_put_out_of_a_direct_conversation(self, act, alice, bob, root, publishes_nothing):
        room = open_direct_room(alice, [bob.person.id]).room
        with publishes_nothing():
            with pytest.raises(Forbidden):
                act(alice, room, bob)
            with pytest.raises(RoomNotFound):
                act(root, room, bob)

    @pytest.mark.parametrize("act", ACTS)
    def test_the_system_keeps_order_too(self, act, bob, plaza):
        act(Actor.system(), plaza, bob)
        assert RoomSanction.objects.get(room=plaza).by is None

    @pytest.mark.parametrize(("act", "name"), [(kick, "member.kick"), (mute, "member.mute"), (ban, "member.ban")])
    def test_done_and_refused_are_written_down(self, act, name, alice, bob, mallory, plaza):
        with pytest.raises(NotRoomMember):
            act(mallory, plaza, bob)
        refusal = audited(name, outcome="not_room_member")
        assert (refusal.actor_id, refusal.room_id, refusal.detail.reason) == (mallory.person.id, plaza.id, "noise")
        act(alice, plaza, bob)
        entry = audited(name)
        assert (entry.actor_id, entry.target_id, entry.room_id) == (alice.person.id, str(bob.person.id), plaza.id)
        assert entry.detail.reason == "noise"


class TestKicking:
    def test_who_is_kicked_is_told_and_may_come_back(self, alice, bob, plaza, publishes):
        with (
            publishes(UserLeftRoom, on=plaza.stream) as left,
            publishes(RoomLost, on=user_stream(bob.person.id)) as lost,
        ):
            kick(alice, plaza, bob)
        assert left.payload()["reason"] == lost.payload()["reason"] == "kicked"
        assert left.event.effects() == [Leave(bob.person.id, plaza.stream)]
        row = RoomSanction.objects.get(room=plaza, user=bob.person)
        assert (row.kind, row.reason, row.ends_at) == ("kick", "noise", row.starts_at)
        join_room(bob, plaza.id)

    def test_no_reason_is_needed_but_a_short_one_is_none(self, alice, bob, plaza):
        with pytest.raises(Invalid):
            kick_member(alice, plaza.id, bob.person.id, reason="x")
        kick_member(alice, plaza.id, bob.person.id)

    def test_who_is_not_in_is_not_kicked(self, alice, mallory, plaza, publishes_nothing):
        with publishes_nothing(), pytest.raises(NotRoomMember):
            kick(alice, plaza, mallory)

    def test_the_last_owner_stays_whoever_acts(self, alice, root, plaza, publishes_nothing):
        with publishes_nothing():
            for act in (kick, ban):
                with pytest.raises(LastOwner):
                    act(root, plaza, alice)
        assert not RoomSanction.objects.exists()

    def test_kicking_takes_the_same_queries_in_a_big_room(self, alice, bob, mallory, plaza, fill):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        join_room(mallory, plaza.id)
        kick(alice, plaza, mallory)  # the first entry of the log also signs its head
        with CaptureQueriesContext(connection) as small:
            kick(alice, plaza, bob)
        join_room(bob, plaza.id)
        fill(plaza, members=200)
        with CaptureQueriesContext(connection) as big:
            kick(alice, plaza, bob)
        assert len(big) == len(small)


class TestMuting:
    def test_who_is_muted_and_until_when_is_known_to_the_room(self, alice, bob, plaza, publishes):
        until = soon(hours=1)
        with publishes(MemberMuted, on=plaza.stream) as muted:
            sanction = mute_member(alice, plaza.id, bob.person.id, reason="noise", until=until)
        membership = membership_of(bob, plaza)
        assert membership.is_muted()
        assert membership.muted_until == sanction.ends_at == until
        assert membership.rev == muted.event.seq
        assert muted.payload() == {
            "room_id": plaza.id,
            "user_id": bob.person.id,
            "muted_until": until,
            "rev": muted.event.seq,
        }

    def test_leaving_and_coming_back_does_not_end_it(self, alice, bob, plaza):
        mute(alice, plaza, bob)
        leave_room(bob, plaza.id)
        assert join_room(bob, plaza.id).is_muted()

    def test_it_ends_by_itself(self, alice, bob, plaza):
        mute(alice, plaza, bob)
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            assert not membership_of(bob, plaza).is_muted()
            leave_room(bob, plaza.id)
            assert join_room(bob, plaza.id).muted_until is None

    def test_the_longest_of_several_counts(self, alice, bob, plaza):
        long = mute_member(alice, plaza.id, bob.person.id, reason="noise", until=soon(days=2))
        mute(alice, plaza, bob)
        assert membership_of(bob, plaza).muted_until == long.ends_at

    @pytest.mark.parametrize("length", [{"seconds": 50}, {"days": 28, "minutes": 1}, {"hours": -1}])
    def test_it_lasts_from_a_minute_to_28_days(self, alice, bob, plaza, length, publishes_nothing):
        with publishes_nothing(), pytest.raises(Invalid):
            mute_member(alice, plaza.id, bob.person.id, reason="noise", until=soon(**length))

    def test_it_has_an_end_and_a_reason(self, alice, bob, plaza, publishes_nothing):
        with publishes_nothing():
            for wrong in (None, soon(hours=1).replace(tzinfo=None)):
                with pytest.raises(Invalid):
                    mute_member(alice, plaza.id, bob.person.id, reason="noise", until=wrong)
            for reason in ("", "  x ", "x" * 501, "bell\x07bell"):
                with pytest.raises(Invalid):
                    mute_member(alice, plaza.id, bob.person.id, reason=reason, until=soon(hours=1))

    def test_who_is_not_in_is_not_muted(self, alice, mallory, plaza, publishes_nothing):
        with publishes_nothing(), pytest.raises(NotRoomMember):
            mute(alice, plaza, mallory)


class TestBanning:
    def test_who_is_banned_is_out_and_stays_out(self, alice, bob, plaza, publishes):
        with publishes(UserLeftRoom) as left, publishes(RoomLost) as lost:
            ban(alice, plaza, bob)
        assert left.payload()["reason"] == lost.payload()["reason"] == "banned"
        with pytest.raises(BannedFromRoom):
            join_room(bob, plaza.id)

    def test_a_ban_may_end(self, alice, bob, plaza):
        ban_member(alice, plaza.id, bob.person.id, reason="noise", until=soon(days=3))
        with time_machine.travel(timezone.now() + timedelta(days=4)):
            join_room(bob, plaza.id)

    def test_its_end_is_to_come(self, alice, bob, plaza, publishes_nothing):
        with publishes_nothing():
            for wrong in (soon(seconds=-1), soon(days=1).replace(tzinfo=None)):
                with pytest.raises(Invalid):
                    ban_member(alice, plaza.id, bob.person.id, reason="noise", until=wrong)

    def test_a_stranger_can_be_banned_before_coming(self, alice, mallory, plaza, publishes_nothing):
        with publishes_nothing():
            ban(alice, plaza, mallory)
        with pytest.raises(BannedFromRoom):
            join_room(mallory, plaza.id)

    def test_an_open_invitation_falls(self, alice, mallory, den, publishes):
        invitation = invite_to_room(alice, den.id, mallory.person.id)
        with publishes(InvitationAnswered, on=user_stream(mallory.person.id)):
            ban(alice, den, mallory)
        assert stored(invitation).status == "cancelled"

    def test_nobody_is_banned_who_does_not_exist(self, alice, plaza):
        with pytest.raises(UserNotFound):
            ban_member(alice, plaza.id, UNKNOWN, reason="noise")


class TestLifting:
    def test_a_lifted_mute_is_told_to_the_room(self, alice, bob, plaza, publishes):
        sanction = mute(alice, plaza, bob)
        with publishes(MemberMuted, on=plaza.stream) as unmuted:
            lifted = lift_room_sanction(alice, sanction.id, reason="quiet again")
        assert unmuted.payload()["muted_until"] is None
        assert not membership_of(bob, plaza).is_muted()
        assert lifted.lifted_by == alice.person
        assert not stored(sanction).is_in_force()
        entry = audited("room_sanction.lift")
        assert (entry.target_id, entry.old["sanction"]) == (str(bob.person.id), str(sanction.id))
        assert entry.detail.reason == "quiet again"

    def test_a_mute_of_somebody_outside_is_lifted_silently(self, alice, bob, plaza, publishes_nothing):
        sanction = mute(alice, plaza, bob)
        leave_room(bob, plaza.id)
        with publishes_nothing():
            lift_room_sanction(alice, sanction.id)
        assert not join_room(bob, plaza.id).is_muted()

    def test_another_mute_that_lasts_still_counts(self, alice, bob, plaza):
        long = mute_member(alice, plaza.id, bob.person.id, reason="noise", until=soon(days=2))
        short = mute(alice, plaza, bob)
        lift_room_sanction(alice, long.id)
        assert membership_of(bob, plaza).muted_until == short.ends_at

    def test_a_lifted_ban_lets_people_back_in(self, alice, bob, plaza):
        sanction = ban(alice, plaza, bob)
        lift_room_sanction(alice, sanction.id)
        join_room(bob, plaza.id)

    def test_what_is_over_is_not_lifted(self, alice, bob, plaza, publishes_nothing):
        kick(alice, plaza, bob)
        over = RoomSanction.objects.get(kind="kick")
        lifted = ban(alice, plaza, bob)
        lift_room_sanction(alice, lifted.id)
        with publishes_nothing():
            for sanction in (over, lifted):
                with pytest.raises(SanctionOver):
                    lift_room_sanction(alice, sanction.id)

    def test_nobody_lifts_their_own(self, alice, bob, plaza):
        set_role(bob, plaza, "moderator")
        sanction = mute(alice, plaza, bob)
        with pytest.raises(Forbidden):
            lift_room_sanction(bob, sanction.id)
        assert audited("room_sanction.lift", outcome="permission_denied").actor_id == bob.person.id

    def test_members_lift_nothing_and_strangers_know_of_nothing(self, alice, bob, mallory, plaza, den):
        muted, hidden = mute(alice, plaza, bob), mute(alice, den, bob)
        with pytest.raises(NotRoomMember):
            lift_room_sanction(mallory, muted.id)
        join_room(mallory, plaza.id)
        with pytest.raises(Forbidden):
            lift_room_sanction(mallory, muted.id)
        for unknown in (hidden.id, UNKNOWN):
            with pytest.raises(SanctionNotFound):
                lift_room_sanction(mallory, unknown)

    def test_all_bans_of_a_person_are_lifted_together(self, alice, bob, plaza):
        ban(alice, plaza, bob)
        ban(alice, plaza, bob)
        assert unban_member(alice, plaza.id, bob.person.id).kind == "ban"
        join_room(bob, plaza.id)
        with pytest.raises(SanctionNotFound):
            unban_member(alice, plaza.id, bob.person.id)

    def test_all_mutes_of_a_person_are_lifted_together(self, alice, bob, plaza):
        mute(alice, plaza, bob)
        mute(alice, plaza, bob)
        unmute_member(alice, plaza.id, bob.person.id)
        assert not membership_of(bob, plaza).is_muted()
        with pytest.raises(SanctionNotFound):
            unmute_member(alice, plaza.id, bob.person.id)

    @pytest.mark.parametrize("act", [unban_member, unmute_member])
    def test_who_may_not_keep_order_does_not_learn_who_is_banned(self, act, bob, mallory, plaza, den):
        with pytest.raises(Forbidden):
            act(bob, plaza.id, mallory.person.id)
        with pytest.raises(NotRoomMember):
            act(mallory, plaza.id, bob.person.id)
        with pytest.raises(RoomNotFound):
            act(mallory, den.id, bob.person.id)
