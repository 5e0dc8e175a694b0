"""Emoji under messages."""

import pytest

from chat.actions.messages import delete_message, send_message
from chat.actions.reactions import add_reaction, remove_reaction
from chat.errors import EmojiInvalid, MessageNotFound, TooManyReactions
from chat.events import ReactionsChanged
from chat.models import Message, Reaction
from lairchat.core.errors import RateLimited
from rooms.actions.rooms import archive_room
from rooms.errors import NotRoomMember, RoomClosed


@pytest.fixture
def message(alice, den):
    return send_message(alice, den.id, "nice").message


def test_a_reaction_is_told_with_all_that_are_there(alice, bob, den, message, publishes):
    add_reaction(alice, message.id, "👍")
    with publishes(ReactionsChanged, on=den.stream) as event:
        add_reaction(bob, message.id, "👍")
    (shown,) = event.payload()["reactions"]
    assert (shown.emoji, shown.user_ids) == ("👍", [alice.person.id, bob.person.id])
    assert event.payload()["rev"] == event.event.seq == Message.objects.get(pk=message.id).rev


def test_reacting_twice_is_once(bob, message, publishes_nothing):
    first = add_reaction(bob, message.id, "👍")
    with publishes_nothing():
        assert add_reaction(bob, message.id, "👍").reactions == first.reactions


def test_a_reaction_can_be_taken_back_once(bob, message, publishes, publishes_nothing):
    add_reaction(bob, message.id, "👍")
    with publishes(ReactionsChanged):
        assert remove_reaction(bob, message.id, "👍").reactions == []
    with publishes_nothing():
        remove_reaction(bob, message.id, "👍")


@pytest.mark.parametrize("emoji", ["👍", "👍🏽", "❤️", "1️⃣", "🏳️‍🌈", "🇩🇪", "✅"])
def test_every_kind_of_emoji_is_one(bob, message, emoji):
    assert add_reaction(bob, message.id, emoji).reactions[0].emoji == emoji


@pytest.mark.parametrize("emoji", ["", "a", ":smile:", "👍 ", "<b>", "👍\n", "👍" * 33, "1", "\u200d", "\ud83d"])
def test_what_is_no_emoji_is_refused(bob, message, emoji, publishes_nothing):
    with publishes_nothing(), pytest.raises(EmojiInvalid):
        add_reaction(bob, message.id, emoji)


def test_a_message_holds_only_so_many_different_reactions(bob, message, settings):
    user, row = bob.person, Message.objects.get(pk=message.id)
    kinds = [chr(0x1F600 + number) for number in range(Reaction.KINDS_MAX)]
    Reaction.objects.bulk_create(Reaction(message=row, user=user, emoji=emoji) for emoji in kinds)
    with pytest.raises(TooManyReactions):
        add_reaction(bob, message.id, "👍")
    assert add_reaction(bob, message.id, kinds[0]).reactions


def test_strangers_do_not_react(mallory, alice, plaza, message, publishes_nothing):
    public = send_message(alice, plaza.id, "all").message
    with publishes_nothing(), pytest.raises(NotRoomMember):
        add_reaction(mallory, public.id, "👍")
    with publishes_nothing(), pytest.raises(MessageNotFound):
        add_reaction(mallory, message.id, "👍")
    with publishes_nothing(), pytest.raises(MessageNotFound):
        remove_reaction(mallory, message.id, "👍")


def test_nobody_reacts_to_what_is_gone_or_closed(alice, bob, den, message):
    other = send_message(alice, den.id, "other").message
    delete_message(alice, message.id)
    with pytest.raises(MessageNotFound):
        add_reaction(bob, message.id, "👍")
    archive_room(alice, den.id)
    with pytest.raises(RoomClosed):
        add_reaction(bob, other.id, "👍")


def test_reactions_are_limited_and_a_refusal_counts(bob, message):
    for _ in range(5):
        add_reaction(bob, message.id, "👍")
    with pytest.raises(RateLimited):
        remove_reaction(bob, message.id, "👍")
