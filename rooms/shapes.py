"""The forms of rooms on the wire (docs/protocol/websocket.md), and of what is asked of them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from accounts.models import User
from accounts.shapes import UserOutput
from lairchat.core.snapshot import AsOf
from rooms.models import Invitation, Membership, Room, RoomSanction


class RoomSettings(Struct):
    """What clients of the original read of a room."""

    description: str | None
    is_private: bool
    public: bool
    moderated: bool
    max_members: int | None


class RoomOutput(Struct):
    id: UUID
    rev: int
    kind: str
    privacy: str
    name: str
    topic: str
    description: str
    owner: UUID | None
    max_members: int | None
    mode: str
    archived_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    settings: RoomSettings

    @classmethod
    def of(cls, room: Room) -> "RoomOutput":
        return cls(
            id=room.id,
            rev=room.rev,
            kind=room.kind,
            privacy=room.privacy,
            name=room.name,
            topic=room.topic,
            description=room.description,
            owner=room.owner_id,
            max_members=room.max_members,
            mode=room.mode,
            archived_at=room.archived_at,
            expires_at=room.expires_at,
            created_at=room.created_at,
            updated_at=room.updated_at,
            settings=RoomSettings(
                description=room.description or None,
                is_private=room.is_hidden,
                public=not room.is_hidden,
                moderated=False,
                max_members=room.max_members,
            ),
        )


class MembershipOutput(Struct):
    room_id: UUID
    user_id: UUID
    role: str
    joined_at: datetime
    muted_until: datetime | None
    rev: int

    @classmethod
    def of(cls, membership: Membership) -> "MembershipOutput":
        return cls(
            room_id=membership.room_id,
            user_id=membership.user_id,
            role=membership.role,
            joined_at=membership.joined_at,
            muted_until=membership.muted_until,
            rev=membership.rev,
        )


class SidebarItem(Struct):
    """One room as its member's sidebar shows it. `unread` and `mentions` hold at `counted_to`."""

    room: RoomOutput
    membership: MembershipOutput
    notifications: str
    favourite: bool
    people: list[UserOutput]
    read_seq: int
    unread: int
    mentions: int
    counted_to: int
    last_message_at: datetime | None

    @classmethod
    def gained(cls, membership: Membership, people: Iterable[User]) -> "SidebarItem":
        """The room at the moment it was entered: nothing from before counts as unread."""
        return cls(
            room=RoomOutput.of(membership.room),
            membership=MembershipOutput.of(membership),
            notifications=membership.notifications,
            favourite=membership.favourite,
            people=[UserOutput.of(user) for user in people],
            read_seq=membership.joined_seq,
            unread=0,
            mentions=0,
            counted_to=membership.joined_seq,
            last_message_at=None,
        )


class InvitationOutput(Struct):
    id: UUID
    room_id: UUID
    room_name: str
    inviter_id: UUID
    inviter_name: str
    invitee_id: UUID
    invitee_name: str
    message: str | None
    status: str
    created_at: datetime
    expires_at: datetime
    responded_at: datetime | None
    rev: int

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationOutput":
        """Room, inviter and invitee are to be at hand."""
        return cls(
            id=invitation.id,
            room_id=invitation.room_id,
            room_name=invitation.room.name,
            inviter_id=invitation.inviter_id,
            inviter_name=invitation.inviter.username,
            invitee_id=invitation.invitee_id,
            invitee_name=invitation.invitee.username,
            message=invitation.message or None,
            status=invitation.status,
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
            responded_at=invitation.responded_at,
            rev=invitation.rev,
        )


class RoomSanctionOutput(Struct):
    """A Sanction whose scope is a room."""

    id: UUID
    user_id: UUID
    kind: str
    scope: str
    room_id: UUID
    reason: str
    starts_at: datetime
    ends_at: datetime | None
    lifted_at: datetime | None

    @classmethod
    def of(cls, sanction: RoomSanction) -> "RoomSanctionOutput":
        return cls(
            id=sanction.id,
            user_id=sanction.user_id,
            kind=sanction.kind,
            scope="room",
            room_id=sanction.room_id,
            reason=sanction.reason,
            starts_at=sanction.starts_at,
            ends_at=sanction.ends_at,
            lifted_at=sanction.lifted_at,
        )


class RoomSettingsInput(Struct):
    """What clients of the original may ask of a room; `private` and `is_private` say the same."""

    public: bool | None = None
    private: bool | None = None
    is_private: bool | None = None
    max_members: int | UnsetType | None = UNSET


class CreateRoomInput(Struct):
    name: str
    description: str | None = None
    topic: str | None = None
    privacy: str | None = None
    expires_at: datetime | None = None
    settings: RoomSettingsInput | None = None


class UpdateRoomInput(Struct):
    """What is not given stays."""

    room_id: UUID
    name: str | None = None
    topic: str | None = None
    description: str | None = None
    privacy: str | None = None
    mode: str | None = None
    max_members: int | UnsetType | None = UNSET
    settings: RoomSettingsInput | None = None


class RoomInput(Struct):
    room_id: UUID


class OpenDirectRoomInput(Struct):
    user_ids: list[UUID]


class MemberInput(Struct):
    room_id: UUID
    user_id: UUID


class ChangeMemberRoleInput(Struct):
    room_id: UUID
    user_id: UUID
    role: str


class KickMemberInput(Struct):
    room_id: UUID
    user_id: UUID
    reason: str | None = None


class SanctionMemberInput(Struct):
    room_id: UUID
    user_id: UUID
    reason: str
    until: datetime | None = None


class LiftRoomSanctionInput(Struct):
    sanction_id: UUID


class SetNotificationsInput(Struct):
    room_id: UUID
    notifications: str | None = None
    favourite: bool | None = None


class InviteToRoomInput(Struct):
    room_id: UUID
    user_id: UUID
    message: str | None = None


class InvitationInput(Struct):
    invitation_id: UUID


class ListRoomsInput(Struct):
    search: str = ""
    joined_only: bool = False
    public_only: bool = False
    limit: int = 50
    offset: int = 0


class ListMembersInput(Struct):
    room_id: UUID
    limit: int = 50
    cursor: str | None = None


class ListInvitationsInput(Struct):
    limit: int = 50
    offset: int = 0


class RoomAnswer(Struct):
    room: RoomOutput


class ItemAnswer(Struct):
    room: RoomOutput
    item: SidebarItem


class OpenedAnswer(Struct):
    room: RoomOutput
    item: SidebarItem
    is_new: bool


class EnteredAnswer(Struct):
    room: RoomOutput
    membership: MembershipOutput
    item: SidebarItem


class RoomDetails(Struct):
    room: RoomOutput
    membership: MembershipOutput | None
    member_count: int


class ListedRoomOutput(Struct):
    room: RoomOutput
    member_count: int
    is_member: bool


class RoomsAnswer(Struct):
    rooms: list[ListedRoomOutput]
    has_more: bool
    total_count: int


class MemberOutput(Struct):
    """A line of the list of members; the first five are what the original's client needs."""

    user_id: UUID
    username: str
    role: str
    joined_at: datetime
    is_online: bool
    user: UserOutput
    membership: MembershipOutput

    @classmethod
    def of(cls, membership: Membership, online_ids: Collection[UUID]) -> "MemberOutput":
        return cls(
            user_id=membership.user_id,
            username=membership.user.username,
            role=membership.role,
            joined_at=membership.joined_at,
            is_online=membership.user_id in online_ids,
            user=UserOutput.of(membership.user),
            membership=MembershipOutput.of(membership),
        )


class MemberAnswer(Struct):
    membership: MembershipOutput
    member: MemberOutput


class MembersAnswer(Struct):
    members: list[MemberOutput]
    total: int
    next_cursor: str | None
    as_of: AsOf


class InvitationAnswer(Struct):
    invitation: InvitationOutput


class InvitationsAnswer(Struct):
    invitations: list[InvitationOutput]
    has_more: bool


class RoomSanctionAnswer(Struct):
    sanction: RoomSanctionOutput
