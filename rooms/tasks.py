"""The upkeep of rooms: what had an end, and reached it."""

from accounts.actor import Actor
from lairchat.core.upkeep import chore
from rooms import queries
from rooms.actions.invitations import expire_invitation
from rooms.actions.rooms import archive_room

BATCH = 100


@chore("end temporary rooms", every="expiry_seconds")
def end_rooms() -> int:
    """Nobody could write any more; now the room says so, to everybody who is in it."""
    ended = queries.rooms_past_their_end(BATCH)
    for room_id in ended:
        archive_room(Actor.system(), room_id, reason="It was to end now.")
    return len(ended)


@chore("end invitations", every="expiry_seconds")
def end_invitations() -> int:
    """Nobody could accept any more; now they leave the lists of those who were invited."""
    ended = queries.invitations_past_their_end(BATCH)
    for invitation_id in ended:
        expire_invitation(Actor.system(), invitation_id)
    return len(ended)
