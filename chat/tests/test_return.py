"""Somebody is removed and comes back while their process does not hear of it: heads and hints may tell in any order."""

import pytest

from chat.actions.messages import send_message
from chat.tests.listening import Listener, until
from lairchat.core import events, lane, log
from lairchat.testing.cast import bring_in
from rooms.actions.sanctions import kick_member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("first", ["user", "room"])
@pytest.mark.promise("D11")
async def test_who_comes_back_hears_nothing_of_the_time_between(alice, bob, den, hub, first):
    listener = await Listener(bob).listen()
    own = log.user_stream(bob.person.id)
    before = {name: hub.streams[name].position for name in (own, den.stream)}
    events.outlets.remove(hub.deliver)  # from here on it happens in another process
    await lane.run(kick_member, alice, den.id, bob.person.id)
    secret = (await lane.run(send_message, alice, den.id, "while he is out")).message
    await lane.run(bring_in, alice, den, bob)
    welcome = (await lane.run(send_message, alice, den.id, "welcome back")).message
    events.outlets.append(hub.deliver)

    for stream in sorted(before, key=lambda name: not name.startswith(first)):
        hub.arrive(await lane.run(missed, stream, before[stream]))
    await hub.compare_heads()
    await until(lambda: welcome.seq in listener.seqs(den.stream), "the welcome is heard")
    assert secret.seq not in listener.seqs(den.stream)
    after = (await lane.run(send_message, alice, den.id, "and live again")).message
    await until(lambda: after.seq in listener.seqs(den.stream), "he hears what is said now")


def missed(stream: str, after: int) -> list[events.Delivery]:
    return events.load(log.entries(stream, after, 1 << 40, 100))
