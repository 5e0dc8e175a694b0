import pytest

from accounts import audit
from accounts.actions import registration
from accounts.actions.registration import (
    check_setup_code,
    create_admin,
    create_first_admin,
    register_user,
    setup_code,
)
from accounts.actor import Actor, Visitor
from accounts.errors import (
    EmailInvalid,
    EmailTaken,
    PasswordTooWeak,
    SetupCodeWrong,
    SetupDone,
    UsernameInvalid,
    UsernameTaken,
)
from accounts.events import UserRegistered
from accounts.models import SetupCode, User
from accounts.roles import SiteRole
from accounts.tests.crowd import at_once
from lairchat.core.errors import Forbidden, RateLimited
from lairchat.core.log import user_stream

GOOD = "correct horse battery"
DOOR = Visitor("rest", "192.0.2.7")


def test_somebody_registers_and_is_a_user(db, publishes):
    with publishes(UserRegistered) as event:
        user = register_user(DOOR, "Carol", "Carol@Example.org", GOOD)
    assert (user.username, user.email, user.role) == ("Carol", "carol@example.org", SiteRole.USER)
    assert event.event.stream() == user_stream(user.id)
    assert event.payload()["user"].email == "carol@example.org"


@pytest.mark.promise("S4")
def test_the_password_is_kept_as_argon2id_with_our_cost(db):
    user = register_user(DOOR, "carol", "carol@example.org", GOOD)
    assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("name", ["al", "x" * 33, "_carol", "ca rol", "carol!", "ca\u200brol", "a\u0300\u0301", "ﷺabc"])
def test_a_name_that_cannot_be_one_is_refused(db, publishes_nothing, name):
    with publishes_nothing(), pytest.raises(UsernameInvalid):
        register_user(DOOR, name, "carol@example.org", GOOD)


@pytest.mark.parametrize("name", ["abc", "x" * 32, "Zoë_99", "名前x"])
def test_a_name_at_the_bounds_is_taken(db, name):
    assert register_user(DOOR, name, "carol@example.org", GOOD).username == name


@pytest.mark.parametrize(
    "email",
    [
        "",
        "carol",
        "@example.org",
        "carol@",
        "a@b@c.org",
        "carol@example",
        "carol@.",
        "c rol@example.org",
        "c\u202e@a.org",
    ],
)
def test_an_address_that_cannot_be_one_is_refused(db, publishes_nothing, email):
    with publishes_nothing(), pytest.raises(EmailInvalid):
        register_user(DOOR, "carol", email, GOOD)


def test_an_address_may_have_254_bytes(db, publishes_nothing):
    with publishes_nothing(), pytest.raises(EmailInvalid):
        register_user(DOOR, "carol", "x" * 243 + "@example.org", GOOD)
    assert register_user(DOOR, "carol", "x" * 242 + "@example.org", GOOD)


@pytest.mark.parametrize(
    "password", ["1234567", "password1", "my carol 99", "I like Lair Chat", "x" * 1025, "abcdefg\ud800h"]
)
@pytest.mark.promise("S4")
def test_a_weak_password_is_refused(db, publishes_nothing, password):
    with publishes_nothing(), pytest.raises(PasswordTooWeak):
        register_user(DOOR, "carol", "carol@example.org", password)


@pytest.mark.parametrize("via", ["web", "cli", "admin"])
def test_pages_want_ten_characters_where_programs_give_eight(db, via):
    register_user(Visitor("rest"), "carol", "carol@example.org", "8 chars!")
    with pytest.raises(PasswordTooWeak):
        register_user(Visitor(via), "dave", "dave@example.org", "9 chars!!")
    register_user(Visitor(via), "dave", "dave@example.org", "10 chars!!")


def test_the_first_thing_that_is_wrong_is_told(alice):
    with pytest.raises(UsernameInvalid):
        register_user(DOOR, "_", "no", "no")
    with pytest.raises(EmailInvalid):
        register_user(DOOR, "alice", "no", "no")
    with pytest.raises(PasswordTooWeak):
        register_user(DOOR, "alice", "alice@example.org", "no")
    with pytest.raises(UsernameTaken):
        register_user(DOOR, "alice", "alice@example.org", GOOD)
    with pytest.raises(EmailTaken):
        register_user(DOOR, "carol", "alice@example.org", GOOD)


@pytest.mark.parametrize("name", ["Alice", "ALICE", "ａlice"])
def test_a_name_is_taken_in_whatever_form(alice, publishes_nothing, name):
    with publishes_nothing(), pytest.raises(UsernameTaken):
        register_user(DOOR, name, "carol@example.org", GOOD)


def test_an_address_registers_so_many_and_no_more(db, settings):
    for number in range(20):
        with pytest.raises(UsernameInvalid):
            register_user(DOOR, "_", f"{number}", GOOD)
    with pytest.raises(RateLimited):
        register_user(DOOR, "carol", "carol@example.org", GOOD)
    register_user(Visitor("rest", "192.0.2.8"), "carol", "carol@example.org", GOOD)


def test_somebody_signed_in_does_not_register(alice, publishes_nothing):
    with publishes_nothing(), pytest.raises(Forbidden):
        register_user(alice, "carol", "carol@example.org", GOOD)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_want_one_name_at_once_one_gets_it():
    outcomes = at_once(
        lambda: register_user(DOOR, "carol", "carol1@example.org", GOOD),
        lambda: register_user(DOOR, "Carol", "carol2@example.org", GOOD),
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["User", "UsernameTaken"]
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "email", "error"),
    [("Carol", "other@example.org", UsernameTaken), ("other", "carol@example.org", EmailTaken)],
)
def test_a_word_taken_while_the_password_was_hashed_is_told(db, publishes_nothing, name, email, error):
    late = registration._prepared(DOOR, name, email, GOOD, SiteRole.USER)
    register_user(DOOR, "carol", "carol@example.org", GOOD)
    with publishes_nothing(), pytest.raises(error):
        registration._register_user(DOOR, late)


# The first administrator (must-hold 9).


@pytest.mark.promise("S18")
def test_the_set_up_code_makes_one_administrator(db, publishes, audited):
    code = setup_code()
    with publishes(UserRegistered), audited("admin.create") as entries:
        root = create_first_admin(Visitor("web"), code, "root", "root@example.org", GOOD)
    assert root.role == SiteRole.ADMIN
    assert entries[0].new == {"role": "admin"}


@pytest.mark.parametrize("wrong", ["", "guess", "\ud800"])
@pytest.mark.promise("S18")
def test_without_the_code_nobody_becomes_administrator(db, publishes_nothing, wrong):
    setup_code()
    with publishes_nothing(), pytest.raises(SetupCodeWrong):
        create_first_admin(Visitor("web"), wrong, "root", "root@example.org", GOOD)
    assert not User.objects.exists()


def test_before_a_code_is_made_none_is_right(db):
    with pytest.raises(SetupCodeWrong):
        check_setup_code("")


def test_a_newer_code_takes_the_place_of_the_older(db):
    older = setup_code()
    newer = setup_code()
    with pytest.raises(SetupCodeWrong):
        check_setup_code(older)
    check_setup_code(newer)


def test_the_code_itself_is_stored_nowhere(db):
    code = setup_code()
    assert code not in SetupCode.objects.get().hash


def test_the_code_works_once(db, publishes_nothing):
    code = setup_code()
    create_first_admin(Visitor("web"), code, "root", "root@example.org", GOOD)
    with publishes_nothing(), pytest.raises(SetupDone):
        create_first_admin(Visitor("web"), code, "root2", "root2@example.org", GOOD)
    assert setup_code() is None
    assert not SetupCode.objects.exists()


def test_a_refused_form_leaves_the_code_good(db):
    code = setup_code()
    with pytest.raises(PasswordTooWeak):
        create_first_admin(Visitor("web"), code, "root", "root@example.org", "short")
    create_first_admin(Visitor("web"), code, "root", "root@example.org", GOOD)


def test_guessing_at_the_code_has_a_limit(db):
    setup_code()
    for _ in range(30):
        with pytest.raises(SetupCodeWrong):
            create_first_admin(DOOR, "guess", "root", "root@example.org", GOOD)
    with pytest.raises(RateLimited):
        create_first_admin(DOOR, "guess", "root", "root@example.org", GOOD)


@pytest.mark.django_db(transaction=True)
def test_of_two_with_the_code_at_once_one_becomes_administrator():
    code = setup_code()
    outcomes = at_once(
        lambda: create_first_admin(Visitor("web"), code, "root1", "root1@example.org", GOOD),
        lambda: create_first_admin(Visitor("web"), code, "root2", "root2@example.org", GOOD),
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SetupDone", "User"]
    assert User.objects.filter(role=SiteRole.ADMIN).count() == 1


def test_the_operator_makes_administrators_from_the_command_line(db, audited):
    code = setup_code()
    with audited("admin.create") as entries:
        create_admin(Actor.system("cli"), "root", "root@example.org", GOOD)
    assert (entries[0].actor_id, entries[0].via) == (None, "cli")
    with pytest.raises(SetupDone):
        check_setup_code(code)


def test_nobody_else_makes_administrators(root, publishes_nothing):
    with publishes_nothing(), pytest.raises(Forbidden):
        create_admin(root, "root2", "root2@example.org", GOOD)


def test_the_log_of_all_this_holds(db):
    create_admin(Actor.system("cli"), "root", "root@example.org", GOOD)
    assert audit.verify() is None
