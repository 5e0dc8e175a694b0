"""Two people at the same time: one order of events comes out, and no promise breaks."""

import pytest

from lairchat.core.models import StreamEntry
from rooms.actions.invitations import accept_invitation, decline_invitation, invite_to_room
from rooms.actions.memberships import change_member_role, join_room, leave_room
from rooms.actions.rooms import create_room, delete_room, open_direct_room, update_room
from rooms.actions.sanctions import ban_member
from rooms.models import Invitation, Membership, Room
from rooms.tests.evidence import outcomes_of, stored

pytestmark = pytest.mark.django_db(transaction=True)


def seqs(room):
    return list(StreamEntry.objects.filter(stream=room.stream).order_by("seq").values_list("seq", flat=True))


def test_the_last_place_is_taken_once(alice, person, plaza):
    update_room(alice, plaza.id, max_members=3)
    people = [person(f"guest{number}") for number in range(4)]
    outcomes = outcomes_of(*(lambda actor=actor: join_room(actor, plaza.id) for actor in people))
    assert sorted(outcomes) == ["done", "room_full", "room_full", "room_full"]
    assert Membership.objects.filter(room=plaza).count() == 3


def test_one_person_joins_once(mallory, plaza):
    outcomes = outcomes_of(*[lambda: join_room(mallory, plaza.id)] * 3)
    assert sorted(outcomes) == ["already_member", "already_member", "done"]


def test_everybody_who_joins_at_once_gets_a_place_of_their_own_in_the_order(person, plaza):
    people = [person(f"guest{number}") for number in range(4)]
    assert outcomes_of(*(lambda actor=actor: join_room(actor, plaza.id) for actor in people)) == ["done"] * 4
    assert seqs(plaza) == list(range(1, len(seqs(plaza)) + 1))
    places = Membership.objects.filter(room=plaza).values_list("joined_seq", flat=True)
    assert len(set(places)) == 6


def test_an_invitation_is_answered_once(alice, mallory, den):
    invitation = invite_to_room(alice, den.id, mallory.person.id)
    outcomes = outcomes_of(
        lambda: accept_invitation(mallory, invitation.id), lambda: decline_invitation(mallory, invitation.id)
    )
    assert sorted(outcomes) == ["done", "invitation_used"]
    is_member = Membership.objects.filter(room=den, user=mallory.person).exists()
    assert is_member == (stored(invitation).status == Invitation.Status.ACCEPTED)


def test_two_who_invite_the_same_person_send_one_invitation(alice, bob, mallory, den):
    change_member_role(alice, den.id, bob.person.id, "moderator")
    outcomes = outcomes_of(
        *(lambda actor=actor: invite_to_room(actor, den.id, mallory.person.id) for actor in (alice, bob))
    )
    assert sorted(outcomes) == ["already_invited", "done"]


def test_two_who_write_to_each_other_first_meet_in_one_room(alice, bob):
    outcomes = outcomes_of(
        lambda: open_direct_room(alice, [bob.person.id]), lambda: open_direct_room(bob, [alice.person.id])
    )
    assert outcomes == ["done", "done"]
    room = Room.objects.get(kind=Room.Kind.DIRECT)
    assert Membership.objects.filter(room=room).count() == 2


def test_a_name_is_given_once(alice, bob):
    outcomes = outcomes_of(*(lambda actor=actor: create_room(actor, "tea") for actor in (alice, bob)))
    assert sorted(outcomes) == ["done", "room_name_taken"]


def test_of_two_owners_one_stays(alice, bob, plaza):
    change_member_role(alice, plaza.id, bob.person.id, "owner")
    outcomes = outcomes_of(lambda: leave_room(alice, plaza.id), lambda: leave_room(bob, plaza.id))
    assert sorted(outcomes) == ["done", "last_owner"]


def test_nobody_slips_in_past_a_ban(alice, mallory, plaza):
    outcomes = outcomes_of(
        lambda: join_room(mallory, plaza.id), lambda: ban_member(alice, plaza.id, mallory.person.id, reason="noise")
    )
    assert outcomes[1] == "done"
    assert outcomes[0] in ("done", "banned_from_room")
    assert not Membership.objects.filter(room=plaza, user=mallory.person).exists()


def test_nobody_joins_a_room_that_is_gone(alice, mallory, plaza):
    outcomes = outcomes_of(lambda: join_room(mallory, plaza.id), lambda: delete_room(alice, plaza.id))
    assert outcomes[1] == "done"
    assert outcomes[0] in ("done", "room_not_found")
    last = StreamEntry.objects.filter(stream=plaza.stream).latest("seq")
    assert last.type == "room_deleted"
