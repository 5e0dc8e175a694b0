"""The routes of people, their own settings and what staff do; each runs the command of the same name."""

from accounts import commands
from accounts.shapes import SanctionAnswer, SanctionInput
from lairchat.core.commands import Command
from lairchat.core.rest import ActorView, endpoint


class Me(ActorView):
    get = endpoint(commands.get_current_user)
    patch = endpoint(commands.update_profile)


class Sessions(ActorView):
    get = endpoint(commands.list_sessions)
    delete = endpoint(commands.end_sessions)


class Session(ActorView):
    delete = endpoint(commands.end_session)


class People(ActorView):
    get = endpoint(commands.list_users)


class Person(ActorView):
    get = endpoint(commands.get_user)


commands.impose.command = Command("impose", SanctionInput, SanctionAnswer, commands.impose)  # type: ignore[attr-defined]


class Sanctions(ActorView):
    post = endpoint(commands.impose, status=201)


class LiftSanction(ActorView):
    post = endpoint(commands.lift_sanction)


class Role(ActorView):
    put = endpoint(commands.change_role)


class SessionsOfUser(ActorView):
    delete = endpoint(commands.end_user_sessions)
