"""F7: the wall clock jumps while people talk; order, resume and what they hear do not notice."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.actor import Actor
from chat.actions.messages import send_message
from chat.models import Message
from chat.realtime.hub import Hub
from chat.tests.listening import Listener, until
from chat.tests.test_resume import come_back, gone, say, texts
from rooms.models import Room

pytestmark = pytest.mark.django_db(transaction=True)

JUMPS = [timedelta(hours=20), timedelta(hours=-1), timedelta(hours=2), timedelta(hours=-3), timedelta(seconds=-1)]


@pytest.mark.promise("F7")
async def test_a_clock_that_jumps_changes_no_order_and_no_replay(hub: Hub, alice: Actor, bob: Actor, den: Room) -> None:
    staying = await Listener(alice).listen()
    coming_and_going = await Listener(bob).listen()
    said: list[str] = []
    seqs = []
    for number, jump in enumerate(JUMPS):
        resume = await gone(hub, coming_and_going)
        with time_machine.travel(datetime.now(UTC) + jump, tick=True):
            said += [f"{number} in another time", f"{number} and again"]
            seqs += await say(alice, den, *said[-2:])
            coming_and_going = await come_back(coming_and_going, resume)
            coming_and_going.check()
            assert texts(coming_and_going) == said[-2:]
            assert coming_and_going.resets == []
        said.append(f"{number} in this time")
        seqs += await say(alice, den, said[-1])
        await until(lambda: texts(coming_and_going)[-1] == said[-1], "bob hears what is said now")  # noqa: B023
    await until(lambda: len(texts(staying)) == len(said), "alice hears everything")
    staying.check()
    assert texts(staying) == said
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


@pytest.mark.promise("F7")
@pytest.mark.parametrize("jump", JUMPS)
def test_a_message_is_never_older_than_the_one_before_it(alice: Actor, den: Room, jump: timedelta) -> None:
    with time_machine.travel(datetime.now(UTC) + jump, tick=True):
        send_message(alice, den.id, "there")
    send_message(alice, den.id, "and here")
    moments = list(Message.objects.filter(room=den).order_by("seq").values_list("created_at", flat=True))
    assert moments == sorted(moments)
