"""What Lair Chat promises, in plain Python: one thing at a time, no database, no socket, nothing of the code it tests.

Written from the guarantees and the table of rights, and held against real processes by `lairchat/tests/test_model.py`.
Every method is one thing a person may do. It changes the model and says what came of it, or raises No with the error's
code and changes nothing. What only the server can choose, the ids, is filled in afterwards by whoever asked it.
"""

import re
from dataclasses import dataclass, field

SITE_RANKS = ("guest", "user", "moderator", "admin")
ROOM_RANKS = ("guest", "member", "moderator", "owner")
COUNT_MAX = 100


class No(Exception):
    """A refusal, by its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Member:
    role: str
    joined: int  # the seq of the entry that let them in
    notifications: str = "all"
    favourite: bool = False


@dataclass(eq=False)
class Said:
    author: str
    content: str
    nonce: str
    reply_to: "Said | None"
    seq: int
    rev: int
    mentions: set[str]
    is_edited: bool = False
    is_deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    id: str = ""


@dataclass(eq=False)
class Invitation:
    room: "Room"
    inviter: str
    invitee: str
    status: str = "pending"
    id: str = ""


@dataclass(eq=False)
class Room:
    kind: str
    privacy: str
    head: int = 0
    opened: int = 0  # the seq at which a private room was last opened to others
    topic: str = ""
    mode: str = "open"
    is_archived: bool = False
    is_deleted: bool = False
    owner: str | None = None
    members: dict[str, Member] = field(default_factory=dict)
    bans: list[str] = field(default_factory=list)  # one entry a ban in force
    mutes: list[str] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    messages: list[Said] = field(default_factory=list)
    invitations: list[Invitation] = field(default_factory=list)
    id: str = ""

    @property
    def is_hidden(self) -> bool:
        return self.kind == "direct" or self.privacy == "private"

    def take(self) -> int:
        """The next position (D3)."""
        self.head += 1
        return self.head

    def pending(self, invitee: str) -> Invitation | None:
        return next((one for one in self.invitations if one.invitee == invitee and one.status == "pending"), None)

    def owners(self) -> set[str]:
        return {name for name, member in self.members.items() if member.role == "owner"}

    # What a person sees of it

    def floor(self, name: str) -> int:
        """Only messages above this are shown to the member (rights, note 14)."""
        return self.opened if self.members[name].joined > self.opened else 0

    def visible(self, name: str) -> list[Said]:
        return [said for said in self.messages if said.seq > self.floor(name)]

    def position(self, name: str) -> int:
        return self.positions.get(name, self.members[name].joined)

    def unread(self, name: str) -> int:
        """D12."""
        above = [said for said in self.visible(name) if said.seq > self.position(name)]
        return min(COUNT_MAX, sum(said.author != name and not said.is_deleted for said in above))

    def mentions(self, name: str) -> int:
        above = [said for said in self.visible(name) if said.seq > self.position(name)]
        return min(COUNT_MAX, sum(name in said.mentions for said in above))


class Model:
    """All rooms, and the site rank of everybody."""

    def __init__(self, ranks: dict[str, str]) -> None:
        self.ranks = ranks
        self.rooms: list[Room] = []
        self._sent: dict[Said, tuple[str, Said | None]] = {}  # what a repeat must equal, whatever was edited since

    # Rights

    def _rank(self, name: str) -> int:
        return SITE_RANKS.index(self.ranks[name])

    def _knows(self, name: str, room: Room) -> bool:
        if room.is_deleted:
            return False
        return name in room.members or (not room.is_hidden and self.ranks[name] != "guest")

    def _known(self, name: str, room: Room, code: str = "room_not_found") -> Member | None:
        if not self._knows(name, room):
            raise No(code)
        return room.members.get(name)

    def _member(self, name: str, room: Room, code: str = "room_not_found") -> Member:
        member = self._known(name, room, code)
        if member is None:
            raise No("not_room_member")
        return member

    def _is_at_least(self, room: Room, member: Member | None, role: str) -> bool:
        """Ranks count in channels; a direct conversation has none."""
        return member is not None and room.kind == "channel" and _room_rank(member.role) >= _room_rank(role)

    def _is_staff_of(self, name: str, room: Room) -> bool:
        """Site moderators, in public and protected rooms (note 11)."""
        return self.ranks[name] == "moderator" and not room.is_hidden

    def _posting(self, name: str, room: Room) -> None:
        member = room.members.get(name)
        if member is None:
            raise No("not_room_member")
        if room.is_archived:
            raise No("room_closed")
        if name in room.mutes:
            raise No("muted")
        if room.mode == "read_only" and not self._is_at_least(room, member, "moderator"):
            raise No("read_only")

    def _keeping(self, name: str, room: Room) -> Member | None:
        """Where somebody may keep order over anybody at all."""
        member = self._known(name, room)
        if not self._is_staff_of(name, room) and not self._is_at_least(room, member, "moderator"):
            raise No("not_room_member" if member is None else "permission_denied")
        return member

    def _over(self, name: str, room: Room, member: Member | None, target: str) -> None:
        """Rules (a) and (c): lower ranks only, and no moderator acts on staff."""
        if target == name:
            raise No("permission_denied")
        if self._is_staff_of(name, room) and self._rank(name) > self._rank(target):
            return
        if not self._is_at_least(room, member, "moderator") or member is None:
            raise No("permission_denied")
        if self.ranks[target] in ("moderator", "admin") and member.role != "owner":
            raise No("permission_denied")
        other = room.members.get(target)
        if other is not None and _room_rank(other.role) >= _room_rank(member.role):
            raise No("permission_denied")

    # Rooms

    def create_room(self, name: str, privacy: str) -> Room:
        room = Room("channel", privacy, owner=name)
        self.rooms.append(room)
        room.members[name] = Member("owner", room.take())
        return room

    def open_direct_room(self, name: str, other: str) -> tuple[Room, bool]:
        """The room, and whether it is new. A site guest meets people of its rooms only (note 15)."""
        people = {name, other}
        known = next((room for room in self.rooms if room.kind == "direct" and room.members.keys() == people), None)
        if known is not None:
            return known, False
        if self.ranks[name] == "guest" and other not in self.met_by(name):
            raise No("user_not_found")
        room = Room("direct", "private")
        self.rooms.append(room)
        for each in sorted(people):
            room.members[each] = Member("guest" if self.ranks[each] == "guest" else "member", room.take())
        return room, True

    def met_by(self, name: str) -> set[str]:
        shared = [room.members for room in self.rooms if name in room.members and not room.is_deleted]
        return {name}.union(*shared)

    def update_room(self, name: str, room: Room, what: str, value: str) -> Room:
        """`what` is topic, mode or privacy."""
        member = self._known(name, room)
        allowed = {
            "topic": self._is_at_least(room, member, "moderator"),
            "mode": self._is_at_least(room, member, "moderator") or self._is_staff_of(name, room),
            "privacy": self._is_at_least(room, member, "owner"),
        }
        if not allowed[what]:
            raise No("not_room_member" if member is None else "permission_denied")
        if room.is_archived:
            raise No("room_closed")
        if getattr(room, what) == value:
            return room
        was_hidden = room.is_hidden
        setattr(room, what, value)
        room.take()
        if was_hidden and not room.is_hidden:
            room.opened = room.head
        return room

    def archive_room(self, name: str, room: Room, *, back: bool = False) -> Room:
        self._owning(name, room)
        if room.is_archived is back:
            room.is_archived = not back
            room.take()
        return room

    def delete_room(self, name: str, room: Room) -> None:
        self._owning(name, room)
        room.take()
        room.is_deleted = True
        for invitation in room.invitations:
            if invitation.status == "pending":
                invitation.status = "cancelled"

    def _owning(self, name: str, room: Room) -> None:
        member = self._known(name, room)
        if not self._is_at_least(room, member, "owner"):
            raise No("not_room_member" if member is None else "permission_denied")

    # Coming and going

    def join_room(self, name: str, room: Room) -> Member:
        invitation = room.pending(name)
        if invitation is None:
            self._known(name, room)
        if name in room.members:
            raise No("already_member")
        if invitation is None and (room.privacy != "public" or room.kind == "direct"):
            raise No("room_private")
        member = self._enter(name, room)
        if invitation is not None:
            invitation.status = "accepted"
        return member

    def _enter(self, name: str, room: Room) -> Member:
        if name in room.members:
            raise No("already_member")
        if name in room.bans:
            raise No("banned_from_room")
        if room.is_archived:
            raise No("room_closed")
        room.positions.pop(name, None)  # nothing from before is unread
        member = room.members[name] = Member("guest" if self.ranks[name] == "guest" else "member", room.take())
        return member

    def _go(self, name: str, room: Room) -> None:
        if room.owners() == {name}:
            raise No("last_owner")
        del room.members[name]
        room.take()

    def leave_room(self, name: str, room: Room) -> None:
        self._member(name, room)
        if room.kind == "direct":
            raise No("permission_denied")
        self._go(name, room)

    def invite_to_room(self, name: str, room: Room, invitee: str) -> Invitation:
        member = self._member(name, room)
        if not self._is_at_least(room, member, "moderator"):
            raise No("permission_denied")
        if room.is_archived:
            raise No("room_closed")
        if invitee in room.members:
            raise No("already_member")
        if invitee in room.bans:
            raise No("banned_from_room")
        if room.pending(invitee) is not None:
            raise No("already_invited")
        invitation = Invitation(room, name, invitee)
        room.invitations.append(invitation)
        return invitation

    def accept_invitation(self, name: str, invitation: Invitation) -> Member:
        self._answerable(name, invitation)
        member = self._enter(name, invitation.room)
        invitation.status = "accepted"
        return member

    def decline_invitation(self, name: str, invitation: Invitation) -> None:
        self._answerable(name, invitation)
        invitation.status = "declined"

    def _answerable(self, name: str, invitation: Invitation) -> None:
        if invitation.invitee != name:
            raise No("invitation_not_found")
        if invitation.status != "pending":
            raise No("invitation_used")

    def revoke_invitation(self, name: str, invitation: Invitation) -> None:
        room = invitation.room
        invites = self._knows(name, room) and self._is_at_least(room, room.members.get(name), "moderator")
        if invitation.inviter != name and not invites:
            raise No("invitation_not_found")
        if invitation.status != "pending":
            raise No("invitation_used")
        invitation.status = "cancelled"

    # Ranks and order

    def change_member_role(self, name: str, room: Room, target: str, role: str) -> Member:
        member = self._known(name, room)
        if not self._is_at_least(room, member, "owner") or member is None:
            raise No("not_room_member" if member is None else "permission_denied")
        other = room.members.get(target)
        if other is None:
            raise No("not_room_member")
        if target != name and _room_rank(other.role) >= _room_rank(member.role):
            raise No("permission_denied")
        if self.ranks[target] == "guest" and role != "guest":
            raise No("permission_denied")
        if other.role == role:
            return other
        if room.owners() == {target}:
            raise No("last_owner")
        other.role = role
        room.take()
        return other

    def transfer_ownership(self, name: str, room: Room, target: str) -> Room:
        member = self._known(name, room)
        if not self._is_at_least(room, member, "owner") or member is None:
            raise No("not_room_member" if member is None else "permission_denied")
        other = room.members.get(target)
        if other is None:
            raise No("not_room_member")
        if other.role == "owner" or self.ranks[target] == "guest":
            raise No("permission_denied")
        other.role, member.role, room.owner = "owner", "moderator", target
        room.head += 3  # two ranks and the room
        return room

    def kick_member(self, name: str, room: Room, target: str) -> None:
        member = self._keeping(name, room)
        if target not in room.members:
            raise No("not_room_member")
        self._over(name, room, member, target)
        self._go(target, room)

    def mute_member(self, name: str, room: Room, target: str) -> None:
        member = self._keeping(name, room)
        if target not in room.members:
            raise No("not_room_member")
        self._over(name, room, member, target)
        room.mutes.append(target)
        room.take()

    def unmute_member(self, name: str, room: Room, target: str) -> None:
        """Each mute in force is lifted, and the room told of each."""
        member = self._keeping(name, room)
        if target not in room.mutes:
            raise No("sanction_not_found")
        self._over(name, room, member, target)
        if target in room.members:
            room.head += room.mutes.count(target)
        room.mutes = [one for one in room.mutes if one != target]

    def ban_member(self, name: str, room: Room, target: str) -> None:
        member = self._keeping(name, room)
        self._over(name, room, member, target)
        if target in room.members:
            self._go(target, room)
        room.bans.append(target)
        invitation = room.pending(target)
        if invitation is not None:
            invitation.status = "cancelled"

    def unban_member(self, name: str, room: Room, target: str) -> None:
        member = self._keeping(name, room)
        if target not in room.bans:
            raise No("sanction_not_found")
        self._over(name, room, member, target)
        room.bans = [one for one in room.bans if one != target]

    # Messages

    def send_message(
        self, name: str, room: Room, content: str, nonce: str, reply_to: Said | None = None
    ) -> tuple[Said, bool]:
        """What is stored, and whether it was there already (D2)."""
        if not content.strip():
            raise No("content_invalid")
        self._known(name, room)
        self._posting(name, room)
        earlier = next((said for said in room.messages if (said.author, said.nonce) == (name, nonce)), None)
        if earlier is not None:
            if self._sent[earlier] != (content, reply_to):
                raise No("nonce_conflict")
            return earlier, True
        if reply_to is not None and reply_to not in room.messages:
            raise No("message_not_found")
        seq = room.take()
        said = Said(name, content, nonce, reply_to, seq, seq, self._mentioned(room, name, content))
        room.messages.append(said)
        self._sent[said] = (content, reply_to)
        return said, False

    def _mentioned(self, room: Room, author: str, content: str) -> set[str]:
        return {name for name in re.findall(r"@(\w+)", content) if name in room.members and name != author}

    def _message(self, name: str, said: Said) -> tuple[Room, Member | None]:
        room = self.room_of(said)
        member = self._known(name, room, "message_not_found")
        if member is not None and said.seq <= room.floor(name):
            raise No("message_not_found")
        return room, member

    def room_of(self, said: Said) -> Room:
        return next(room for room in self.rooms if said in room.messages)

    def get_message(self, name: str, said: Said) -> Said:
        _, member = self._message(name, said)
        if member is None:
            raise No("not_room_member")
        return said

    def edit_message(self, name: str, said: Said, content: str) -> Said:
        room, member = self._message(name, said)
        if member is None:
            raise No("not_room_member")
        if said.is_deleted:
            raise No("message_not_found")
        if said.author != name:
            raise No("not_message_author")
        self._posting(name, room)
        if not content.strip():
            raise No("content_invalid")
        if content != said.content:
            said.content, said.is_edited, said.rev = content, True, room.take()
            said.mentions = self._mentioned(room, name, content)
        return said

    def delete_message(self, name: str, said: Said) -> Said:
        room, member = self._message(name, said)
        author = room.members.get(said.author)
        is_own = member is not None and said.author == name
        over_author = author is None or author.role != "owner" or (member is not None and member.role == "owner")
        in_the_room = self._is_at_least(room, member, "moderator") and over_author
        from_the_site = self.ranks[name] == "moderator" and room.kind == "channel" and room.privacy == "public"
        if not is_own and not in_the_room and not from_the_site:
            raise No("not_room_member" if member is None else "permission_denied")
        if not said.is_deleted:
            said.is_deleted, said.content, said.rev = True, "", room.take()
            said.mentions, said.reactions = set(), {}
        return said

    def add_reaction(self, name: str, said: Said, emoji: str) -> Said:
        room = self._open(name, said)
        if name not in said.reactions.get(emoji, []):
            said.reactions.setdefault(emoji, []).append(name)
            said.rev = room.take()
        return said

    def remove_reaction(self, name: str, said: Said, emoji: str) -> Said:
        room = self._open(name, said)
        if name in said.reactions.get(emoji, []):
            said.reactions[emoji].remove(name)
            said.reactions = {each: names for each, names in said.reactions.items() if names}
            said.rev = room.take()
        return said

    def _open(self, name: str, said: Said) -> Room:
        room, member = self._message(name, said)
        if member is None:
            raise No("not_room_member")
        if said.is_deleted:
            raise No("message_not_found")
        self._posting(name, room)
        return room

    # Reading

    def mark_read(self, name: str, room: Room, seq: int, *, unread: bool) -> int:
        """The position afterwards: forward only, unless it is marked unread (D12)."""
        self._member(name, room)
        target = max(0, min(seq, room.head))
        if target > room.position(name) or (unread and target < room.position(name)):
            room.positions[name] = target
        return room.position(name)

    def set_notifications(self, name: str, room: Room, level: str, favourite: bool) -> Member:
        member = self._member(name, room)
        member.notifications, member.favourite = level, favourite
        return member

    def rooms_of(self, name: str) -> list[Room]:
        return [room for room in self.rooms if name in room.members and not room.is_deleted]

    def invitations_of(self, name: str) -> list[Invitation]:
        every = [one for room in self.rooms for one in room.invitations]
        return [one for one in every if one.invitee == name and one.status == "pending"]


def _room_rank(role: str) -> int:
    return ROOM_RANKS.index(role)
