"""Asking people in, and their answers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import UserNotFound
from accounts.roles import SiteRole
from lairchat import config
from lairchat.core import limits
from lairchat.core.errors import Forbidden, Invalid, RateLimited
from lairchat.core.log import user_stream
from rooms.actions.invitations import accept_invitation, decline_invitation, invite_to_room, revoke_invitation
from rooms.actions.memberships import join_room, leave_room
from rooms.actions.rooms import archive_room, delete_room, open_direct_room, update_room
from rooms.actions.sanctions import ban_member
from rooms.errors import (
    AlreadyInvited,
    AlreadyMember,
    BannedFromRoom,
    InvitationExpired,
    InvitationNotFound,
    InvitationUsed,
    NotRoomMember,
    RoomClosed,
    RoomFull,
    RoomNotFound,
)
from rooms.events import InvitationAnswered, InvitationReceived, RoomGained
from rooms.models import Invitation
from rooms.tests.evidence import UNKNOWN, membership_of, role_of, set_role, stored

ANSWERS = [accept_invitation, decline_invitation, revoke_invitation]


@pytest.fixture
def invitation(alice, mallory, den):
    """Mallory is asked into the den."""
    return invite_to_room(alice, den.id, mallory.person.id, message="Come in")


def run_out(invitation):
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


class TestInviting:
    def test_the_invited_person_is_told_who_asks_where_to(self, alice, mallory, den, publishes):
        with publishes(InvitationReceived, on=user_stream(mallory.person.id)) as received:
            invitation = invite_to_room(alice, den.id, mallory.person.id, message=" Come in ")
        shown = received.payload()["invitation"]
        assert (shown.room_name, shown.inviter_name, shown.invitee_name) == ("den", "alice", "mallory")
        assert (shown.message, shown.status, shown.responded_at) == ("Come in", "pending", None)
        assert shown.rev == invitation.rev == received.event.seq
        assert timedelta(days=6, hours=23) < shown.expires_at - timezone.now() <= timedelta(days=7)

    @pytest.mark.parametrize("rank", ["guest", "member"])
    def test_members_do_not_invite_but_moderators_do(self, bob, mallory, den, rank, publishes_nothing):
        set_role(bob, den, rank)
        with publishes_nothing(), pytest.raises(Forbidden):
            invite_to_room(bob, den.id, mallory.person.id)
        set_role(bob, den, "moderator")
        assert invite_to_room(bob, den.id, mallory.person.id).inviter == bob.person

    def test_nobody_invites_from_outside_not_even_staff(self, mona, root, mallory, plaza, den, publishes_nothing):
        with publishes_nothing():
            for outsider in (mona, root):
                with pytest.raises(NotRoomMember):
                    invite_to_room(outsider, plaza.id, mallory.person.id)
                with pytest.raises(RoomNotFound):
                    invite_to_room(outsider, den.id, mallory.person.id)

    def test_one_does_not_invite_who_is_in_already(self, alice, bob, den, publishes_nothing):
        with publishes_nothing(), pytest.raises(AlreadyMember):
            invite_to_room(alice, den.id, bob.person.id)

    def test_one_invitation_waits_at_a_time(self, alice, mallory, den, invitation, publishes_nothing):
        with publishes_nothing(), pytest.raises(AlreadyInvited):
            invite_to_room(alice, den.id, mallory.person.id)

    def test_an_invitation_that_ran_out_makes_way(self, alice, mallory, den, invitation, publishes):
        run_out(invitation)
        with publishes(InvitationAnswered) as answered, publishes(InvitationReceived):
            again = invite_to_room(alice, den.id, mallory.person.id)
        assert again.id != invitation.id
        assert stored(invitation).status == Invitation.Status.EXPIRED
        assert answered.payload()["invitation"].status == "expired"

    def test_a_declined_person_may_be_asked_again(self, alice, mallory, den, invitation):
        decline_invitation(mallory, invitation.id)
        assert invite_to_room(alice, den.id, mallory.person.id).id != invitation.id

    def test_who_is_banned_is_not_invited(self, alice, mallory, den, publishes_nothing):
        ban_member(alice, den.id, mallory.person.id, reason="noise")
        with publishes_nothing(), pytest.raises(BannedFromRoom):
            invite_to_room(alice, den.id, mallory.person.id)

    def test_nobody_is_invited_who_does_not_exist(self, alice, mallory, den, publishes_nothing):
        mallory.person.is_active = False
        mallory.person.save(update_fields=["is_active"])
        with publishes_nothing():
            for nobody in (UNKNOWN, mallory.person.id):
                with pytest.raises(UserNotFound):
                    invite_to_room(alice, den.id, nobody)

    def test_nobody_is_invited_into_a_closed_or_direct_room(self, alice, bob, mallory, den, publishes_nothing):
        direct = open_direct_room(alice, [bob.person.id]).room
        archive_room(alice, den.id)
        with publishes_nothing():
            with pytest.raises(RoomClosed):
                invite_to_room(alice, den.id, mallory.person.id)
            with pytest.raises(Forbidden):
                invite_to_room(alice, direct.id, mallory.person.id)

    def test_a_message_is_short(self, alice, mallory, den, publishes_nothing):
        with publishes_nothing(), pytest.raises(Invalid):
            invite_to_room(alice, den.id, mallory.person.id, message="x" * 501)

    def test_invitations_are_sent_only_so_often_and_refusals_count(self, alice, mallory, den, invitation):
        limits.forget()
        for _ in range(config.current().limits.invitations.count):
            with pytest.raises(AlreadyInvited):
                invite_to_room(alice, den.id, mallory.person.id)
        with pytest.raises(RateLimited):
            invite_to_room(alice, den.id, mallory.person.id)


class TestAnswering:
    def test_accepting_makes_a_member(self, mallory, den, invitation, publishes):
        with (
            publishes(RoomGained, on=user_stream(mallory.person.id)),
            publishes(InvitationAnswered, on=user_stream(mallory.person.id)) as answered,
        ):
            membership = accept_invitation(mallory, invitation.id)
        assert (membership.room, membership.role) == (den, "member")
        now = stored(invitation)
        assert now.status == Invitation.Status.ACCEPTED
        assert now.responded_at is not None
        assert now.rev == answered.event.seq > invitation.rev

    def test_declining_makes_none(self, mallory, den, invitation, publishes):
        with publishes(InvitationAnswered):
            decline_invitation(mallory, invitation.id)
        assert stored(invitation).status == Invitation.Status.DECLINED
        assert membership_of(mallory, den) is None

    @pytest.mark.parametrize("answer", [accept_invitation, decline_invitation])
    def test_other_peoples_invitations_do_not_exist(self, alice, bob, root, invitation, answer, publishes_nothing):
        with publishes_nothing():
            for other in (alice, bob, root):
                with pytest.raises(InvitationNotFound):
                    answer(other, invitation.id)

    @pytest.mark.parametrize("answer", ANSWERS)
    def test_an_unknown_invitation_is_not_found(self, alice, answer):
        with pytest.raises(InvitationNotFound):
            answer(alice, UNKNOWN)

    @pytest.mark.parametrize("answer", [accept_invitation, decline_invitation])
    def test_one_answers_in_time(self, mallory, den, invitation, answer, publishes_nothing):
        run_out(invitation)
        with publishes_nothing(), pytest.raises(InvitationExpired):
            answer(mallory, invitation.id)

    @pytest.mark.parametrize("first", [accept_invitation, decline_invitation])
    @pytest.mark.parametrize("second", [accept_invitation, decline_invitation])
    def test_one_answers_once(self, mallory, den, invitation, first, second, publishes_nothing):
        first(mallory, invitation.id)
        with publishes_nothing(), pytest.raises(InvitationUsed):
            second(mallory, invitation.id)

    def test_who_is_banned_meanwhile_stays_out(self, alice, mallory, den, invitation, publishes_nothing):
        ban_member(alice, den.id, mallory.person.id, reason="noise")
        assert stored(invitation).status == Invitation.Status.CANCELLED
        with publishes_nothing(), pytest.raises(InvitationUsed):
            accept_invitation(mallory, invitation.id)

    def test_a_full_or_closed_room_takes_nobody(self, alice, mallory, den, invitation, publishes_nothing):
        update_room(alice, den.id, max_members=2)
        with publishes_nothing(), pytest.raises(RoomFull):
            accept_invitation(mallory, invitation.id)
        archive_room(alice, den.id)
        with publishes_nothing(), pytest.raises(RoomClosed):
            accept_invitation(mallory, invitation.id)
        assert stored(invitation).status == Invitation.Status.PENDING

    def test_who_got_in_another_way_is_a_member_already(self, alice, mallory, plaza):
        invitation = invite_to_room(alice, plaza.id, mallory.person.id)
        run_out(invitation)
        join_room(mallory, plaza.id)
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() + timedelta(days=1))
        with pytest.raises(AlreadyMember):
            accept_invitation(mallory, invitation.id)

    def test_a_deleted_room_cannot_be_accepted(self, alice, mallory, den, invitation):
        delete_room(alice, den.id)
        with pytest.raises(InvitationUsed):
            accept_invitation(mallory, invitation.id)

    def test_a_site_guest_comes_in_as_a_guest(self, alice, person, den):
        gwen = person("gwen", SiteRole.GUEST)
        accept_invitation(gwen, invite_to_room(alice, den.id, gwen.person.id).id)
        assert role_of(gwen, den) == "guest"


class TestTakingBack:
    def test_whoever_invited_takes_it_back_also_from_outside(self, alice, bob, mallory, den, publishes):
        set_role(bob, den, "moderator")
        invitation = invite_to_room(bob, den.id, mallory.person.id)
        leave_room(bob, den.id)
        with publishes(InvitationAnswered, on=user_stream(mallory.person.id)) as answered:
            revoke_invitation(bob, invitation.id)
        assert answered.payload()["invitation"].status == "cancelled"
        with pytest.raises(InvitationUsed):
            accept_invitation(mallory, invitation.id)

    def test_whoever_may_invite_takes_others_back(self, alice, bob, mallory, den, invitation, publishes_nothing):
        with publishes_nothing(), pytest.raises(InvitationNotFound):
            revoke_invitation(bob, invitation.id)
        set_role(bob, den, "moderator")
        revoke_invitation(bob, invitation.id)
        assert stored(invitation).status == Invitation.Status.CANCELLED

    def test_nobody_else_knows_of_it(self, mallory, root, invitation, publishes_nothing):
        with publishes_nothing():
            for other in (mallory, root):
                with pytest.raises(InvitationNotFound):
                    revoke_invitation(other, invitation.id)

    def test_what_ran_out_or_was_answered_stays(self, alice, mallory, den, invitation):
        run_out(invitation)
        with pytest.raises(InvitationExpired):
            revoke_invitation(alice, invitation.id)
        again = invite_to_room(alice, den.id, mallory.person.id)
        accept_invitation(mallory, again.id)
        with pytest.raises(InvitationUsed):
            revoke_invitation(alice, again.id)
