"""Reading rooms by right: what somebody may not know of is answered like what does not exist."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from accounts.roles import Permission
from lairchat.core import log
from lairchat.core.log import room_stream
from lairchat.core.prepared import Prepared
from lairchat.core.text import fold
from rooms import policy
from rooms.errors import InvitationNotFound, RoomNotFound, SanctionNotFound
from rooms.models import Invitation, Membership, Room, RoomSanction
from rooms.roles import RoomRole


def room_for(actor: Actor, room_id: UUID, *, lock: bool = False) -> Room:
    """The room, if the actor may know of it. `lock` orders everything read from now on against its changes.

    Raises RoomNotFound: unknown, deleted, private or direct without the actor, or a site guest outside.
    """
    return room_and_membership(actor, room_id, lock=lock)[0]


def room_and_membership(actor: Actor, room_id: UUID, *, lock: bool = False) -> tuple[Room, Membership | None]:
    """The room and the actor's own membership, in one statement after the lock. Raises RoomNotFound like `room_for`."""
    room, membership = _found(actor, room_id, lock=lock)
    if not policy.may_know(actor, room, membership):
        raise RoomNotFound()
    return room, membership


def room_to_moderate(actor: Actor, room_id: UUID, *, lock: bool = False) -> tuple[Room, Membership | None]:
    """The same for acts that admins may do in any channel, private ones too (rights, note 2)."""
    room, membership = _found(actor, room_id, lock=lock)
    if room.deleted_at is None and policy.is_room_staff(actor, room, Permission.ROOM_MANAGE):
        return room, membership
    if not policy.may_know(actor, room, membership):
        raise RoomNotFound()
    return room, membership


_FOUND = Prepared(
    "SELECT {0}, {1} FROM rooms_room AS t0"
    " LEFT JOIN rooms_membership AS t1 ON t1.room_id = t0.id AND t1.user_id = %s WHERE t0.id = %s",
    Room,
    Membership,
)


def _found(actor: Actor, room_id: UUID, *, lock: bool) -> tuple[Room, Membership | None]:
    if lock:
        log.lock(room_stream(room_id))
    found = _FOUND.first(actor.user_id, room_id)
    if found is None:
        raise RoomNotFound()
    room: Room = found[0]
    membership: Membership | None = found[1]
    if membership is not None:
        membership.room, membership.user = room, actor.person
    return room, membership


_ROOMS = Prepared("SELECT {0} FROM rooms_room AS t0 WHERE t0.id IN (VALUES {wanted})", Room)
_MEMBERSHIPS = Prepared(
    "WITH wanted (room_id, user_id) AS (VALUES {wanted}) SELECT {0} FROM wanted"
    " CROSS JOIN rooms_membership AS t0 WHERE t0.room_id = wanted.room_id AND t0.user_id = wanted.user_id",
    Membership,
)


def rooms_and_memberships(
    actors: Sequence[Actor], room_ids: Sequence[UUID]
) -> list[tuple[Room, Membership | None] | RoomNotFound]:
    """For each actor the room beside it and their own membership, or RoomNotFound like `room_for`; two statements.

    The caller holds the locks.
    """
    rooms: dict[UUID, Room] = {room.id: room for (room,) in _ROOMS.each([[id_] for id_ in set(room_ids)])}
    pairs = {(room_id, actor.user_id) for actor, room_id in zip(actors, room_ids, strict=True) if actor.user_id}
    memberships = {(row.room_id, row.user_id): row for (row,) in _MEMBERSHIPS.each(list(pairs))}
    found: list[tuple[Room, Membership | None] | RoomNotFound] = []
    for actor, room_id in zip(actors, room_ids, strict=True):
        room, membership = rooms.get(room_id), memberships.get((room_id, actor.user_id))
        if room is None or not policy.may_know(actor, room, membership):
            found.append(RoomNotFound())
            continue
        if membership is not None:
            membership.room, membership.user = room, actor.person
        found.append((room, membership))
    return found


def known_to_staff(actor: Actor) -> QuerySet[Room]:
    """Rooms whose names stand on the desk: for administrators all but direct ones, for moderators no private ones.

    Deleted ones are among them: the desk says what became of a room.
    """
    rooms = Room.objects.exclude(kind=Room.Kind.DIRECT)
    return rooms if actor.allows(Permission.ROOM_MANAGE) else rooms.exclude(privacy=Room.Privacy.PRIVATE)


def active_owner_rooms(room_ids: Collection[UUID]) -> set[UUID]:
    """Those of the rooms that have an owner whose account is in use; one statement."""
    owners = Membership.objects.filter(room__in=room_ids, role=RoomRole.OWNER)
    return set(owners.filter(user__is_active=True, user__banned_at=None).values_list("room_id", flat=True))


def membership_for(user_id: UUID, room_id: UUID) -> Membership | None:
    """The person's membership with its room and account; None outside and in deleted rooms."""
    memberships = Membership.objects.select_related("room", "user")
    return memberships.filter(user=user_id, room=room_id, room__deleted_at=None).first()


def direct_membership(user_id: UUID, direct_key: str) -> Membership | None:
    """The person's membership in the direct room with this key, if the room exists."""
    memberships = Membership.objects.select_related("room", "user")
    return memberships.filter(user=user_id, room__direct_key=direct_key).first()


def room_to_enter(actor: Actor, room_id: UUID) -> tuple[Room, Membership | None, Invitation | None]:
    """The room locked, with the actor's membership and open invitation: whoever is invited may know of the room.

    Raises RoomNotFound.
    """
    room, membership = _found(actor, room_id, lock=True)
    invitation = pending_invitation(room_id, actor.person.id)
    if invitation is not None and invitation.is_expired():
        invitation = None
    is_invited = invitation is not None and room.deleted_at is None
    if not is_invited and not policy.may_know(actor, room, membership):
        raise RoomNotFound()
    return room, membership, invitation


def pending_invitation(room_id: UUID, user_id: UUID) -> Invitation | None:
    """The one invitation of the person that waits for an answer, expired or not."""
    return _invitations().filter(room=room_id, invitee=user_id, status=Invitation.Status.PENDING).first()


def invitation_to(user_id: UUID, invitation_id: UUID) -> Invitation:
    """The person's own invitation. Raises InvitationNotFound: unknown, or another person's."""
    found = _invitations().filter(pk=invitation_id, invitee=user_id).first()
    if found is None:
        raise InvitationNotFound()
    return found


def invitation(invitation_id: UUID) -> Invitation:
    """Anybody's invitation: the caller decides who may see it. Raises InvitationNotFound."""
    found = _invitations().filter(pk=invitation_id).first()
    if found is None:
        raise InvitationNotFound()
    return found


def invitation_room_id(invitation_id: UUID) -> UUID:
    """Which room an invitation leads to: to lock it first. Raises InvitationNotFound."""
    room_id = Invitation.objects.filter(pk=invitation_id).values_list("room_id", flat=True).first()
    if room_id is None:
        raise InvitationNotFound()
    return room_id


def open_invitations(user_id: UUID) -> QuerySet[Invitation]:
    """Invitations the person can answer, newest first."""
    waiting = _invitations().filter(invitee=user_id, status=Invitation.Status.PENDING, room__deleted_at=None)
    return waiting.filter(expires_at__gt=timezone.now()).order_by("-id")


def rooms_past_their_end(limit: int) -> list[UUID]:
    """Temporary rooms whose end has come and that nobody has archived."""
    open_rooms = Room.objects.filter(archived_at=None, deleted_at=None, expires_at__lte=timezone.now())
    return list(open_rooms.values_list("id", flat=True).order_by("expires_at")[:limit])


def invitations_past_their_end(limit: int) -> list[UUID]:
    """Invitations that wait for an answer which can no longer be given."""
    waiting = Invitation.objects.filter(status=Invitation.Status.PENDING, expires_at__lte=timezone.now())
    return list(waiting.values_list("id", flat=True).order_by("expires_at")[:limit])


def invitations_into(room_id: UUID) -> list[Invitation]:
    """Those that wait for an answer, expired or not."""
    return list(_invitations().filter(room=room_id, status=Invitation.Status.PENDING))


def _invitations() -> QuerySet[Invitation]:
    return Invitation.objects.select_related("room", "inviter", "invitee")


def sanction(sanction_id: UUID) -> RoomSanction:
    """The room sanction with the person; the caller decides who may see it. Raises SanctionNotFound."""
    found = RoomSanction.objects.select_related("user").filter(pk=sanction_id).first()
    if found is None:
        raise SanctionNotFound()
    return found


def sanction_room_id(sanction_id: UUID) -> UUID:
    """Where the sanction holds: to lock that room first. Raises SanctionNotFound."""
    room_id = RoomSanction.objects.filter(pk=sanction_id).values_list("room_id", flat=True).first()
    if room_id is None:
        raise SanctionNotFound()
    return room_id


_JOINED = Prepared(
    "SELECT {0}, {1} FROM rooms_membership AS t0 JOIN rooms_room AS t1 ON t1.id = t0.room_id"
    " WHERE t0.user_id = %s AND t1.deleted_at IS NULL",
    Membership,
    Room,
)


def memberships_of(user_id: UUID) -> list[Membership]:
    """Everything the person is in, with the rooms; one statement."""
    memberships = []
    for membership, room in _JOINED.all(user_id):
        membership.room = room
        memberships.append(membership)
    return memberships


def shared_room_ids(user_id: UUID) -> list[UUID]:
    """Rooms in which others may see this person."""
    return list(Membership.objects.filter(user=user_id, room__deleted_at=None).values_list("room_id", flat=True))


def streams_for(user_id: UUID) -> list[str]:
    """The room streams that the person's connections follow; one statement."""
    return [room_stream(room_id) for room_id in shared_room_ids(user_id)]


def people_sharing_a_room(user_id: UUID, others: Collection[UUID]) -> set[UUID]:
    """Those of `others` who are in a room together with the person; one statement."""
    own = Membership.objects.filter(user=user_id, room__deleted_at=None).values("room_id")
    return set(Membership.objects.filter(room__in=own, user__in=others).values_list("user_id", flat=True))


def direct_people(room_ids: Collection[UUID]) -> dict[UUID, list[User]]:
    """The people of each direct room among the ids, by name; one statement, none for an empty collection."""
    people: dict[UUID, list[User]] = {room_id: [] for room_id in room_ids}
    if not people:
        return people
    memberships = Membership.objects.filter(room__in=room_ids, room__kind=Room.Kind.DIRECT).select_related("user")
    for membership in memberships.order_by("user__username_folded"):
        people[membership.room_id].append(membership.user)
    return people


def member_counts(room_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many people are in each room; one statement."""
    counted = Membership.objects.filter(room__in=room_ids).values_list("room_id").annotate(Count("id")).order_by()
    return dict.fromkeys(room_ids, 0) | dict(counted)


@dataclass(frozen=True, slots=True)
class ListedRoom:
    """One line of the list of rooms."""

    room: Room
    member_count: int
    is_member: bool


def discover(
    actor: Actor,
    *,
    search: str = "",
    joined_only: bool = False,
    public_only: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[ListedRoom], int]:
    """A page of the channels the actor may know of, by name, and how many there are in all; three statements."""
    own = Membership.objects.filter(room=OuterRef("pk"), user=actor.user_id)
    rooms = Room.objects.filter(deleted_at=None).exclude(kind=Room.Kind.DIRECT).annotate(is_own=Exists(own))
    if joined_only or not actor.allows(Permission.DISCOVER_ROOMS):
        rooms = rooms.filter(is_own=True)
    elif not actor.is_system:
        rooms = rooms.filter(Q(is_own=True) | ~Q(privacy=Room.Privacy.PRIVATE))
    if public_only:
        rooms = rooms.filter(privacy=Room.Privacy.PUBLIC)
    if search:
        rooms = rooms.filter(name_folded__contains=fold(search))
    total = rooms.count()
    page = list(rooms.order_by("name_folded", "id")[offset : offset + limit])
    counts = member_counts([room.id for room in page])
    return [ListedRoom(room, counts[room.id], room.is_own) for room in page], total


def members_page(room_id: UUID, *, limit: int, after: tuple[int, int] = (0, 0)) -> list[Membership]:
    """Members with their accounts in the order they came, those behind `after` (joined_seq, id); one statement."""
    joined_seq, key = after
    behind = Q(joined_seq__gt=joined_seq) | Q(joined_seq=joined_seq, id__gt=key)
    memberships = Membership.objects.filter(behind, room=room_id).select_related("user")
    return list(memberships.order_by("joined_seq", "id")[:limit])
