"""A client that draws: what one person's program would show, built from one read and the frames after it (D9).

It reads a room when it gains it or is told to (`reset`), and from then on believes its frames alone. `drawn` is what it
shows; `read` is what a program that just started would show. The two must be equal.
"""

from collections import deque
from typing import Any

from lairchat.testing.clients import Client
from lairchat.testing.rest import Rest

Json = dict[str, Any]


class Shown:
    """One room as one person sees it."""

    def __init__(self, item: Json, messages: list[Json], members: list[Json], as_of: int) -> None:
        self.room: Json = item["room"]
        self.item = {name: item[name] for name in ("notifications", "favourite")}
        self.counted = {name: item[name] for name in ("read_seq", "unread", "mentions", "counted_to")}
        self.messages: dict[str, Json] = {message["id"]: message for message in messages}
        self.members: dict[str, Json] = {member["user_id"]: member["membership"] for member in members}
        self.as_of = as_of  # frames up to here are in what was read

    def unread(self, me: str) -> int:
        """As docs/protocol/websocket.md, "Counting unread messages" has it."""
        counted_to, read_seq = self.counted["counted_to"], self.counted["read_seq"]
        others = [message for message in self.messages.values() if message["author"] != me]
        fresh = sum(message["seq"] > counted_to and message["deleted_at"] is None for message in others)
        gone = sum(
            read_seq < message["seq"] <= counted_to < message["rev"] and message["deleted_at"] is not None
            for message in others
        )
        return min(100, self.counted["unread"] + fresh - gone)

    def mentions(self, me: str) -> int | None:
        """None where a message was changed since the count: then only the server knows."""
        counted_to, read_seq = self.counted["counted_to"], self.counted["read_seq"]
        if any(read_seq < message["seq"] <= counted_to < message["rev"] for message in self.messages.values()):
            return None
        fresh = [message for message in self.messages.values() if message["seq"] > counted_to]
        return min(100, self.counted["mentions"] + sum(me in message["mentions"] for message in fresh))

    def drawn(self, me: str) -> Json:
        return {
            "room": self.room,
            "item": self.item,
            "read_seq": self.counted["read_seq"],
            "unread": self.unread(me),
            "mentions": self.mentions(me),
            "messages": self.messages,
            "members": self.members,
        }


def shown(rest: Rest, item: Json) -> Shown:
    """Read a room whole; `item` is its line of the sidebar, or of the frame that told of it."""
    room_id = item["room"]["id"]
    messages, as_of = _messages(rest, room_id)
    return Shown(item, messages, _members(rest, room_id), as_of)


def _messages(rest: Rest, room_id: str) -> tuple[list[Json], int]:
    """All of them, oldest first, and the position before the first page was read."""
    messages: list[Json] = []
    as_of = None
    before = ""
    while True:
        answer = rest.call("GET", f"/messages?target_type=room&target_id={room_id}&limit=100{before}")
        assert answer.status == 200, answer
        messages += answer.body["messages"]
        as_of = answer.body["as_of"]["seq"] if as_of is None else as_of
        if not answer.body["has_older"]:
            return messages[::-1], as_of
        before = f"&before={messages[-1]['seq']}"


def _members(rest: Rest, room_id: str) -> list[Json]:
    members: list[Json] = []
    cursor = ""
    while True:
        answer = rest.call("GET", f"/rooms/{room_id}/members?limit=100{cursor}")
        assert answer.status == 200, answer
        members += answer.body["members"]
        if answer.body["next_cursor"] is None:
            return members
        cursor = f"&cursor={answer.body['next_cursor']}"


class Fresh:
    """Everything one person sees, read by REST at once."""

    def __init__(self, rest: Rest) -> None:
        answer = rest.call("GET", "/sidebar")
        assert answer.status == 200, answer
        self.positions: dict[str, int] = answer.body["positions"]
        self.me: str = answer.body["me"]["id"]
        self.rooms = {item["room"]["id"]: shown(rest, item) for item in answer.body["rooms"]}
        self.invitations: dict[str, Json] = {each["id"]: each for each in answer.body["invitations"]}


class Picture(Client):
    """A client whose frames are drawn in the order they came."""

    def __init__(self, port: int, rest: Rest) -> None:
        assert rest.token is not None
        super().__init__(port, rest.token)
        self.rest = rest
        self.rooms: dict[str, Shown] = {}
        self.invitations: dict[str, Json] = {}
        self.answered: dict[str, int] = {}  # invitations off the list, by the rev that took them off
        self._as_of: dict[str, int] = {}  # of the own stream, where the sidebar was read
        self._told: deque[Json] = deque()

    def read_all(self) -> None:
        """Forget everything and read it anew, as a program does when it starts."""
        self._told.clear()
        fresh = Fresh(self.rest)
        self.rooms, self.invitations, self._as_of = fresh.rooms, fresh.invitations, fresh.positions

    def _event(self, frame: Json) -> None:
        super()._event(frame)
        if "seq" in frame:
            self._told.append(frame)

    def _reset(self, frame: Json) -> None:
        super()._reset(frame)
        self._told.append(frame)

    # Drawing

    def draw(self) -> None:
        """Take in what was told since the last time."""
        while self._told:
            frame = self._told.popleft()
            if frame["type"] == "reset":
                self._read_again(frame)
            elif frame["stream"].startswith("room:"):
                room = self.rooms.get(frame["stream"].removeprefix("room:"))
                if room is not None and frame["seq"] > room.as_of:
                    self._draw_in_room(room, frame)
            elif frame["seq"] > self._as_of.get(frame["stream"], 0):
                self._draw_mine(frame)

    def _read_again(self, reset: Json) -> None:
        stream = reset["stream"]
        room_id = stream.removeprefix("room:")
        if reset["reason"] == "no_access":
            self.rooms.pop(room_id, None)
        elif not stream.startswith("room:"):
            self.read_all()
        else:
            self._read_room(room_id)

    def _read_room(self, room_id: str) -> None:
        sidebar = self.rest.call("GET", "/sidebar").body
        item = next((item for item in sidebar["rooms"] if item["room"]["id"] == room_id), None)
        if item is None:  # lost meanwhile: the frame that says so is on its way
            self.rooms.pop(room_id, None)
        else:
            self.rooms[room_id] = shown(self.rest, item)

    def _draw_in_room(self, room: Shown, frame: Json) -> None:
        match frame["type"]:
            case "message_received" | "message_edited" | "message_deleted":
                message = frame["message"]
                held = room.messages.get(message["id"])
                if held is None or message["rev"] > held["rev"]:
                    room.messages[message["id"]] = message
            case "reactions_changed":
                held = room.messages.get(frame["message_id"])
                if held is not None and frame["rev"] > held["rev"]:
                    room.messages[held["id"]] = held | {"rev": frame["rev"], "reactions": frame["reactions"]}
            case "room_updated":
                if frame["room"]["rev"] > room.room["rev"]:
                    room.room = frame["room"]
            case "user_joined_room":
                membership = frame["membership"]
                self._draw_member(room, membership["user_id"], membership)
            case "user_left_room":
                held = room.members.get(frame["user_id"])
                if held is not None and frame["rev"] > held["rev"]:
                    del room.members[frame["user_id"]]
            case "member_role_changed":
                self._draw_member(room, frame["user_id"], {"role": frame["new_role"], "rev": frame["rev"]})
            case "member_muted":
                self._draw_member(room, frame["user_id"], {"muted_until": frame["muted_until"], "rev": frame["rev"]})
            case "room_deleted":
                self.rooms.pop(frame["room_id"], None)

    def _draw_member(self, room: Shown, user_id: str, change: Json) -> None:
        held = room.members.get(user_id)
        if held is None and "joined_at" in change:
            room.members[user_id] = change
        elif held is not None and change["rev"] > held["rev"]:
            room.members[user_id] = held | change

    def _draw_mine(self, frame: Json) -> None:
        match frame["type"]:
            case "room_gained":
                # The frame says how the room is for this person; what was said there before is read.
                self._gained(frame["item"])
            case "room_lost":
                self.rooms.pop(frame["room_id"], None)
            case "room_settings_changed" if frame["room_id"] in self.rooms:
                self.rooms[frame["room_id"]].item = {name: frame[name] for name in ("notifications", "favourite")}
            case "read_position_changed" if frame["room_id"] in self.rooms:
                counted = self.rooms[frame["room_id"]].counted
                counted.update({name: frame[name] for name in counted})
            case "invitation_received":
                invitation = frame["invitation"]
                if invitation["rev"] > self.answered.get(invitation["id"], 0) and invitation["status"] == "pending":
                    self.invitations[invitation["id"]] = invitation
            case "invitation_answered":
                invitation = frame["invitation"]
                self.answered[invitation["id"]] = invitation["rev"]
                self.invitations.pop(invitation["id"], None)

    def _gained(self, item: Json) -> None:
        room_id = item["room"]["id"]
        answer = self.rest.call("GET", f"/rooms/{room_id}")
        if answer.status == 200 and answer.body["membership"] is not None:
            self.rooms[room_id] = shown(self.rest, item)

    # The verdict

    def differences(self, fresh: Fresh) -> list[str]:
        """Where what this client draws is not what a fresh read shows; one sentence each."""
        told = []
        if self.invitations != fresh.invitations:
            told.append(f"invitations: draws {self.invitations}, reads {fresh.invitations}")
        if self.rooms.keys() != fresh.rooms.keys():
            told.append(f"rooms: draws {sorted(self.rooms)}, reads {sorted(fresh.rooms)}")
        for room_id in self.rooms.keys() & fresh.rooms.keys():
            drawn, read = self.rooms[room_id].drawn(fresh.me), fresh.rooms[room_id].drawn(fresh.me)
            for what in drawn:
                if drawn[what] != read[what] and drawn[what] is not None:
                    told.append(f"{what} of {room_id}: draws {drawn[what]}, reads {read[what]}")
        return told
