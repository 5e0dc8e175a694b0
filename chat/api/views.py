"""The routes of messages: each runs the command of the same name."""

from chat import commands
from lairchat.core.rest import ActorView, endpoint


class Messages(ActorView):
    get = endpoint(commands.get_messages)
    post = endpoint(commands.send_message, status=201, headers={"Idempotency-Key": "nonce"})  # D2


class Message(ActorView):
    get = endpoint(commands.get_message)
    patch = endpoint(commands.edit_message)
    delete = endpoint(commands.delete_message)


class Revisions(ActorView):
    get = endpoint(commands.get_revisions)


class Reaction(ActorView):
    put = endpoint(commands.add_reaction)
    delete = endpoint(commands.remove_reaction)


class Read(ActorView):
    post = endpoint(commands.mark_read)


class Receipts(ActorView):
    get = endpoint(commands.get_receipts)


class Typing(ActorView):
    post = endpoint(commands.typing)


class Sidebar(ActorView):
    get = endpoint(commands.get_sidebar)
