"""The routes of rooms: each runs the command of the same name."""

from lairchat.core.rest import ActorView, endpoint
from rooms import commands
from rooms.shapes import OpenedAnswer


class Rooms(ActorView):
    get = endpoint(commands.list_rooms)
    post = endpoint(commands.create_room, status=201)


class Room(ActorView):
    get = endpoint(commands.get_room)
    patch = endpoint(commands.update_room)
    delete = endpoint(commands.delete_room)


class Archive(ActorView):
    post = endpoint(commands.archive_room)


class Unarchive(ActorView):
    post = endpoint(commands.unarchive_room)


class Join(ActorView):
    post = endpoint(commands.join_room)


class Leave(ActorView):
    post = endpoint(commands.leave_room)


class Transfer(ActorView):
    post = endpoint(commands.transfer_ownership)


class Settings(ActorView):
    put = endpoint(commands.set_notifications)


class Members(ActorView):
    get = endpoint(commands.list_members)


class Member(ActorView):
    delete = endpoint(commands.kick_member)


class MemberRole(ActorView):
    put = endpoint(commands.change_member_role)


class Bans(ActorView):
    post = endpoint(commands.ban_member)


class Ban(ActorView):
    delete = endpoint(commands.unban_member)


class Mutes(ActorView):
    post = endpoint(commands.mute_member)


class Mute(ActorView):
    delete = endpoint(commands.unmute_member)


def _opened_status(answer: OpenedAnswer) -> int:
    return 201 if answer.is_new else 200


class Direct(ActorView):
    post = endpoint(commands.open_direct_room, status=_opened_status)


class Invitations(ActorView):
    get = endpoint(commands.list_invitations)
    post = endpoint(commands.invite_to_room, status=201)


class Invitation(ActorView):
    delete = endpoint(commands.revoke_invitation)


class Accept(ActorView):
    post = endpoint(commands.accept_invitation)


class Decline(ActorView):
    post = endpoint(commands.decline_invitation)
