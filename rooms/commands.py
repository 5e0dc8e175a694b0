"""What a program may ask of rooms: checked input in, the answer's form out."""

import re

from msgspec import UNSET, UnsetType

from accounts.actor import Actor
from accounts.presence import online_ids
from lairchat.core.commands import Done, command
from lairchat.core.errors import Invalid
from lairchat.core.forms import page_limit, search_text
from lairchat.core.snapshot import as_of
from rooms import queries, sidebar
from rooms.actions import invitations, memberships, sanctions
from rooms.actions import rooms as actions
from rooms.models import Membership, Room
from rooms.shapes import (
    ChangeMemberRoleInput,
    CreateRoomInput,
    EnteredAnswer,
    InvitationAnswer,
    InvitationInput,
    InvitationOutput,
    InvitationsAnswer,
    InviteToRoomInput,
    ItemAnswer,
    KickMemberInput,
    LiftRoomSanctionInput,
    ListedRoomOutput,
    ListInvitationsInput,
    ListMembersInput,
    ListRoomsInput,
    MemberAnswer,
    MemberInput,
    MemberOutput,
    MembersAnswer,
    MembershipOutput,
    OpenDirectRoomInput,
    OpenedAnswer,
    RoomAnswer,
    RoomDetails,
    RoomInput,
    RoomOutput,
    RoomSanctionAnswer,
    RoomSanctionOutput,
    RoomsAnswer,
    RoomSettingsInput,
    SanctionMemberInput,
    SetNotificationsInput,
    SidebarItem,
    UpdateRoomInput,
)


@command("create_room", takes=CreateRoomInput, gives=ItemAnswer)
def create_room(actor: Actor, data: CreateRoomInput) -> ItemAnswer:
    """Make a channel of one's own."""
    wanted = data.settings or RoomSettingsInput()
    membership = actions.create_room(
        actor,
        data.name,
        description=data.description or "",
        topic=data.topic or "",
        privacy=data.privacy or _privacy(wanted) or Room.Privacy.PUBLIC,
        max_members=None if wanted.max_members is UNSET else wanted.max_members,
        expires_at=data.expires_at,
    )
    return ItemAnswer(RoomOutput.of(membership.room), SidebarItem.gained(membership, ()))


def _privacy(settings: RoomSettingsInput) -> str | None:
    """What a client of the original asks for with two values; None if it asks for nothing."""
    if settings.private or settings.is_private or settings.public is False:
        return Room.Privacy.PRIVATE
    if settings.public or settings.private is False or settings.is_private is False:
        return Room.Privacy.PUBLIC
    return None


@command("update_room", takes=UpdateRoomInput, gives=RoomAnswer)
def update_room(actor: Actor, data: UpdateRoomInput) -> RoomAnswer:
    """Change what is given of a room; what is not given stays."""
    wanted = data.settings or RoomSettingsInput()
    max_members: int | UnsetType | None = wanted.max_members if data.max_members is UNSET else data.max_members
    room = actions.update_room(
        actor,
        data.room_id,
        name=data.name,
        topic=data.topic,
        description=data.description,
        privacy=data.privacy or _privacy(wanted),
        mode=data.mode,
        max_members=max_members,
    )
    return RoomAnswer(RoomOutput.of(room))


@command("archive_room", takes=RoomInput, gives=RoomAnswer)
def archive_room(actor: Actor, data: RoomInput) -> RoomAnswer:
    """Close a room; it can still be read."""
    return RoomAnswer(RoomOutput.of(actions.archive_room(actor, data.room_id)))


@command("unarchive_room", takes=RoomInput, gives=RoomAnswer)
def unarchive_room(actor: Actor, data: RoomInput) -> RoomAnswer:
    """Open an archived room again."""
    return RoomAnswer(RoomOutput.of(actions.unarchive_room(actor, data.room_id)))


@command("delete_room", takes=RoomInput)
def delete_room(actor: Actor, data: RoomInput) -> Done:
    """End a room for everybody in it."""
    actions.delete_room(actor, data.room_id)
    return Done()


@command("join_room", takes=RoomInput, gives=EnteredAnswer)
def join_room(actor: Actor, data: RoomInput) -> EnteredAnswer:
    """Become a member of a public room, or of one the person is invited to."""
    return _entered(memberships.join_room(actor, data.room_id))


def _entered(membership: Membership) -> EnteredAnswer:
    return EnteredAnswer(
        RoomOutput.of(membership.room), MembershipOutput.of(membership), SidebarItem.gained(membership, ())
    )


@command("leave_room", takes=RoomInput)
def leave_room(actor: Actor, data: RoomInput) -> Done:
    """Go out of a room."""
    memberships.leave_room(actor, data.room_id)
    return Done()


@command("open_direct_room", takes=OpenDirectRoomInput, gives=OpenedAnswer)
def open_direct_room(actor: Actor, data: OpenDirectRoomInput) -> OpenedAnswer:
    """Find or make the conversation of these people and oneself."""
    opened = actions.open_direct_room(actor, data.user_ids)
    return OpenedAnswer(RoomOutput.of(opened.room), sidebar.item_of(opened.membership), opened.is_new)


@command("change_member_role", takes=ChangeMemberRoleInput, gives=MemberAnswer)
def change_member_role(actor: Actor, data: ChangeMemberRoleInput) -> MemberAnswer:
    """Give a member another rank."""
    membership = memberships.change_member_role(actor, data.room_id, data.user_id, data.role)
    return MemberAnswer(MembershipOutput.of(membership), MemberOutput.of(membership, online_ids()))


@command("transfer_ownership", takes=MemberInput, gives=RoomAnswer)
def transfer_ownership(actor: Actor, data: MemberInput) -> RoomAnswer:
    """Hand a room to another member."""
    return RoomAnswer(RoomOutput.of(memberships.transfer_ownership(actor, data.room_id, data.user_id)))


@command("kick_member", takes=KickMemberInput)
def kick_member(actor: Actor, data: KickMemberInput) -> Done:
    """Put a member out; they may come back."""
    sanctions.kick_member(actor, data.room_id, data.user_id, reason=data.reason or "")
    return Done()


@command("mute_member", takes=SanctionMemberInput, gives=RoomSanctionAnswer)
def mute_member(actor: Actor, data: SanctionMemberInput) -> RoomSanctionAnswer:
    """Let a member only read for a while."""
    sanction = sanctions.mute_member(actor, data.room_id, data.user_id, reason=data.reason, until=data.until)
    return RoomSanctionAnswer(RoomSanctionOutput.of(sanction))


@command("ban_member", takes=SanctionMemberInput, gives=RoomSanctionAnswer)
def ban_member(actor: Actor, data: SanctionMemberInput) -> RoomSanctionAnswer:
    """Keep somebody out of a room."""
    sanction = sanctions.ban_member(actor, data.room_id, data.user_id, reason=data.reason, until=data.until)
    return RoomSanctionAnswer(RoomSanctionOutput.of(sanction))


@command("lift_room_sanction", takes=LiftRoomSanctionInput, gives=RoomSanctionAnswer)
def lift_room_sanction(actor: Actor, data: LiftRoomSanctionInput) -> RoomSanctionAnswer:
    """End a mute or a ban before its time."""
    return RoomSanctionAnswer(RoomSanctionOutput.of(sanctions.lift_room_sanction(actor, data.sanction_id)))


@command("unban_member", takes=MemberInput, gives=RoomSanctionAnswer)
def unban_member(actor: Actor, data: MemberInput) -> RoomSanctionAnswer:
    """Lift whatever keeps somebody out of a room."""
    return RoomSanctionAnswer(RoomSanctionOutput.of(sanctions.unban_member(actor, data.room_id, data.user_id)))


@command("unmute_member", takes=MemberInput, gives=RoomSanctionAnswer)
def unmute_member(actor: Actor, data: MemberInput) -> RoomSanctionAnswer:
    """Lift whatever keeps somebody silent in a room."""
    return RoomSanctionAnswer(RoomSanctionOutput.of(sanctions.unmute_member(actor, data.room_id, data.user_id)))


@command("set_notifications", takes=SetNotificationsInput, gives=ItemAnswer)
def set_notifications(actor: Actor, data: SetNotificationsInput) -> ItemAnswer:
    """Choose how loud a room is for oneself, and whether it is a favourite."""
    membership = memberships.set_notifications(
        actor, data.room_id, notifications=data.notifications, favourite=data.favourite
    )
    return ItemAnswer(RoomOutput.of(membership.room), sidebar.item_of(membership))


@command("invite_to_room", takes=InviteToRoomInput, gives=InvitationAnswer)
def invite_to_room(actor: Actor, data: InviteToRoomInput) -> InvitationAnswer:
    """Ask somebody into a room."""
    invitation = invitations.invite_to_room(actor, data.room_id, data.user_id, message=data.message or "")
    return InvitationAnswer(InvitationOutput.of(invitation))


@command("accept_invitation", takes=InvitationInput, gives=EnteredAnswer)
def accept_invitation(actor: Actor, data: InvitationInput) -> EnteredAnswer:
    """Join the room of an invitation."""
    return _entered(invitations.accept_invitation(actor, data.invitation_id))


@command("decline_invitation", takes=InvitationInput)
def decline_invitation(actor: Actor, data: InvitationInput) -> Done:
    """Say no to an invitation."""
    invitations.decline_invitation(actor, data.invitation_id)
    return Done()


@command("revoke_invitation", takes=InvitationInput)
def revoke_invitation(actor: Actor, data: InvitationInput) -> Done:
    """Take an invitation back."""
    invitations.revoke_invitation(actor, data.invitation_id)
    return Done()


@command("get_room", takes=RoomInput, gives=RoomDetails)
def get_room(actor: Actor, data: RoomInput) -> RoomDetails:
    """A room, how many are in it, and one's own membership."""
    room, membership = queries.room_and_membership(actor, data.room_id)
    own = None if membership is None else MembershipOutput.of(membership)
    return RoomDetails(RoomOutput.of(room), own, queries.member_counts([room.id])[room.id])


@command("list_rooms", takes=ListRoomsInput, gives=RoomsAnswer)
def list_rooms(actor: Actor, data: ListRoomsInput) -> RoomsAnswer:
    """The channels one may know of, by name."""
    limit = page_limit(data.limit)
    if data.offset < 0:
        raise Invalid("Validation failed: offset - must not be negative", field="offset")
    listed, total = queries.discover(
        actor,
        search=search_text(data.search),
        joined_only=data.joined_only,
        public_only=data.public_only,
        limit=limit,
        offset=data.offset,
    )
    lines = [ListedRoomOutput(RoomOutput.of(line.room), line.member_count, line.is_member) for line in listed]
    return RoomsAnswer(lines, data.offset + len(lines) < total, total)


@command("list_members", takes=ListMembersInput, gives=MembersAnswer)
def list_members(actor: Actor, data: ListMembersInput) -> MembersAnswer:
    """Who is in a room, in the order they came, with the position it was read at."""
    limit = page_limit(data.limit)
    after = _cursor(data.cursor)
    room = queries.room_for(actor, data.room_id)
    position = as_of(room.stream)
    total = queries.member_counts([room.id])[room.id]
    page = queries.members_page(room.id, limit=limit + 1, after=after)
    online = online_ids()
    members = [MemberOutput.of(member, online) for member in page[:limit]]
    next_cursor = f"{page[limit - 1].joined_seq}.{page[limit - 1].id}" if len(page) > limit else None
    return MembersAnswer(members, total, next_cursor, position)


def _cursor(text: str | None) -> tuple[int, int]:
    if text is None:
        return 0, 0
    match = re.fullmatch(r"([0-9]{1,18})\.([0-9]{1,18})", text)
    if match is None:
        raise Invalid("Validation failed: cursor - use the one an answer gave", field="cursor")
    return int(match[1]), int(match[2])


@command("list_invitations", takes=ListInvitationsInput, gives=InvitationsAnswer)
def list_invitations(actor: Actor, data: ListInvitationsInput) -> InvitationsAnswer:
    """Invitations one can answer, newest first."""
    limit = page_limit(data.limit)
    if data.offset < 0:
        raise Invalid("Validation failed: offset - must not be negative", field="offset")
    waiting = queries.open_invitations(actor.person.id)
    page = [InvitationOutput.of(invitation) for invitation in waiting[data.offset : data.offset + limit + 1]]
    return InvitationsAnswer(page[:limit], len(page) > limit)
