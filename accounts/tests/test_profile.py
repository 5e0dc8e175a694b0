import pytest

from accounts.actions.profile import update_profile
from accounts.errors import AccountDisabled, EmailInvalid, EmailTaken
from accounts.events import ProfileUpdated
from accounts.models import User
from accounts.tests.crowd import at_once
from lairchat.core.errors import Invalid
from lairchat.core.log import user_stream
from lairchat.testing.cast import again


def test_somebody_says_who_they_are(alice, publishes):
    with publishes(ProfileUpdated, on=user_stream(alice.user_id)) as event:
        user = update_profile(
            alice,
            display_name=" Alice Ä. ",
            bio="two\nlines ",
            timezone="Europe/Berlin",
            language="de-CH",
            email="New@Example.org",
        )
    assert (user.display_name, user.bio, user.timezone) == ("Alice Ä.", "two\nlines", "Europe/Berlin")
    assert (user.language, user.email) == ("de-CH", "new@example.org")
    assert event.payload()["user"].email == "new@example.org"
    assert again(alice).person.updated_at > alice.person.updated_at


def test_what_is_not_given_stays_and_an_empty_word_clears(alice):
    update_profile(alice, display_name="Alice", bio="hello")
    user = update_profile(alice, bio="")
    assert (user.display_name, user.bio) == ("Alice", "")


def test_the_same_words_change_nothing(alice, publishes_nothing):
    with publishes_nothing():
        update_profile(alice, email="ALICE@example.org", display_name="")
        update_profile(alice)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", "x" * 65),
        ("display_name", "a\u202eb"),
        ("display_name", "a\x07b"),
        ("bio", "x" * 501),
        ("bio", "a\x00b"),
        ("timezone", "Mars/Olympus"),
        ("timezone", ""),
        ("language", "english please"),
        ("language", "de-" + "x" * 14),
    ],
)
def test_words_that_cannot_be_are_refused_by_name(alice, publishes_nothing, field, value):
    with publishes_nothing(), pytest.raises(Invalid) as refusal:
        update_profile(alice, **{field: value})
    assert refusal.value.details == {"field": field}


def test_one_bad_word_changes_none(alice, publishes_nothing):
    with publishes_nothing(), pytest.raises(EmailInvalid):
        update_profile(alice, display_name="Alice", email="no")
    assert again(alice).person.display_name == ""


def test_an_address_of_somebody_else_is_taken(alice, bob, publishes_nothing):
    with publishes_nothing(), pytest.raises(EmailTaken):
        update_profile(alice, email="Bob@example.org")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_one_address_at_once_one_gets_it(person):
    alice, bob = person("alice"), person("bob")
    outcomes = at_once(*[lambda who=who: update_profile(who, email="us@example.org") for who in (alice, bob)])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EmailTaken", "User"]


def test_a_disabled_account_says_nothing(alice, publishes_nothing):
    User.objects.filter(pk=alice.user_id).update(is_active=False)
    with publishes_nothing(), pytest.raises(AccountDisabled):
        update_profile(alice, bio="hello")
