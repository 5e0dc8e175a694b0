"""`manage.py seed_demo`: a team to try the chat out, made the way people make one."""

from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, Max, Min

from accounts import audit, passwords
from accounts.models import User
from accounts.roles import SiteRole
from chat.actions.messages import digest_of
from chat.commands import get_sidebar
from chat.models import Message, Reaction, ReadReceipt
from lairchat import config
from lairchat.core.commands import Nothing
from lairchat.core.models import Stream, StreamEntry
from lairchat.demo import bulk
from lairchat.testing import cast
from rooms.models import Room

pytestmark = pytest.mark.django_db

PASSWORD = "a password for trying out"


def seed(*arguments: str) -> str:
    said = StringIO()
    call_command("seed_demo", "--password", PASSWORD, *arguments, stdout=said)
    return said.getvalue()


def entries_are_whole() -> bool:
    """Each stream's entries are exactly 1…head (D3)."""
    kept = StreamEntry.objects.values_list("stream").annotate(Count("seq"), Min("seq"), Max("seq"))
    bounds = {name: (count, first, last) for name, count, first, last in kept}
    heads = Stream.objects.exclude(head=0).exclude(name=audit.STREAM).values_list("name", "head")
    return bounds == {name: (head, 1, head) for name, head in heads}


def test_a_team_with_rooms_and_talk_appears() -> None:
    said = seed("--messages", "150")
    assert (User.objects.count(), Room.objects.count(), Message.objects.count()) == (20, 12, 150)
    assert Message.objects.exclude(reply_to=None).exists()
    assert Reaction.objects.exists()
    assert ReadReceipt.objects.exists()
    assert entries_are_whole()
    assert all(user.username in said for user in User.objects.all())
    assert {SiteRole.ADMIN, SiteRole.MODERATOR} < {user.site_role for user in User.objects.all()}


def test_everybody_printed_can_sign_in_with_the_password_printed() -> None:
    said = seed("--messages", "0")
    assert PASSWORD in said
    assert all(passwords.matches(PASSWORD, user.password) for user in User.objects.all()[:3])


def test_times_lie_in_the_last_weeks_and_never_go_back_within_a_room() -> None:
    seed("--messages", "80", "--days", "10")
    for room in Room.objects.all():
        times = list(Message.objects.filter(room=room).order_by("seq").values_list("created_at", flat=True))
        assert times == sorted(times)
        assert all(room.created_at < time for time in times)


def test_the_same_seed_says_the_same_things() -> None:
    seed("--messages", "60", "--seed", "7")
    first = list(Message.objects.order_by("id").values_list("author__username", "content"))
    for model in (Room, User):
        model.objects.all().delete()
    Stream.objects.exclude(name=audit.STREAM).delete()  # the staff log cannot be emptied
    seed("--messages", "60", "--seed", "7")
    again = list(Message.objects.order_by("id").values_list("author__username", "content"))
    assert again == first


def test_a_server_with_people_is_left_alone(alice: Any) -> None:
    with pytest.raises(CommandError, match="already has people"):
        seed("--messages", "10")
    assert User.objects.count() == 1
    seed("--messages", "10", "--among-people")
    assert User.objects.count() == 21
    with pytest.raises(CommandError, match="already there"):
        seed("--messages", "10", "--among-people")


def test_limits_are_in_force_again_afterwards() -> None:
    seed("--messages", "0")
    assert config.current().limits_on


def test_bulk_rows_are_as_the_actions_would_have_left_them(alice: Any, bob: Any, den: Any) -> None:
    authors = [alice.person.id, bob.person.id]
    bulk.load([bulk.Talk(den.id, authors, ["hello", "good morning"], 300)], Random(3))
    assert Message.objects.filter(room=den).count() == 300
    assert entries_are_whole()
    for message in Message.objects.filter(room=den):
        entry = StreamEntry.objects.get(stream=den.stream, seq=message.seq)
        assert (entry.type, entry.refs) == ("message_received", {"message": str(message.id)})
        assert message.digest == digest_of(message.content, message.reply_to_id)
        assert message.rev == message.seq
    [item] = [item for item in get_sidebar(bob, Nothing()).rooms if item.room.id == den.id]
    assert item.unread == 100
    assert item.counted_to == Stream.objects.get(name=den.stream).head


def test_what_was_loaded_in_bulk_can_be_answered_and_repeated(alice: Any, den: Any) -> None:
    from chat.actions.messages import send_message

    bulk.load([bulk.Talk(den.id, [alice.person.id], ["hello"], 20)], Random(3))
    last = Message.objects.filter(room=den).order_by("-seq")[0]
    sent = send_message(alice, den.id, "an answer", reply_to=last.id)
    assert sent.message.seq == last.seq + 1
    again = send_message(cast.again(alice), den.id, last.content, reply_to=last.reply_to_id, nonce=last.nonce)
    assert (again.message.id, again.duplicate) == (last.id, True)
