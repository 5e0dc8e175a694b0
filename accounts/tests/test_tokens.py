import base64
import json
from datetime import timedelta

import jwt
import pytest
import time_machine
from django.utils import timezone

from accounts import tokens
from accounts.authentication import actor_of_token
from accounts.models import UserSession
from lairchat import config


@pytest.fixture
def session(alice):
    return UserSession.objects.select_related("user").get(id=alice.session_id)


@pytest.fixture
def token(session):
    return tokens.session_token(session, session.user)


def signed(claims, key=None, algorithm="HS256", kid=None):
    backend = tokens.backend()
    headers = {"kid": kid or backend.key_id}
    return jwt.encode(claims, key or config.current().jwt_secret, algorithm=algorithm, headers=headers)


def content(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_says_whose_it_is_and_till_when(session, token):
    claims = tokens.claims_of(token, "session")
    assert (claims.user_id, claims.session_id, claims.kind) == (session.user_id, session.id, "session")
    assert claims.expires_at == int(session.expire_date.timestamp())
    assert content(token).keys() == {"iss", "aud", "sub", "sid", "jti", "typ", "iat", "exp", "username", "role"}


def test_an_access_token_lasts_a_quarter_of_an_hour_and_tells_no_name(session):
    token, expires_at = tokens.access_token(session)
    assert timedelta(minutes=14) < expires_at - timezone.now() <= timedelta(minutes=15)
    assert not content(token).keys() & {"username", "role"}


def test_an_access_token_never_outlives_its_session(session):
    session.expire_date = timezone.now() + timedelta(minutes=1)
    assert tokens.access_token(session)[1] == session.expire_date


def test_no_two_tokens_are_the_same(session):
    assert tokens.session_token(session, session.user) != tokens.session_token(session, session.user)


@pytest.mark.promise("S2")
def test_kinds_are_not_interchangeable(session, token):
    kinds = {
        "session": token,
        "access": tokens.access_token(session)[0],
        "refresh": tokens.refresh_token(session, session.refresh_jti),
    }
    for kind, one in kinds.items():
        assert tokens.claims_of(one, kind).kind == kind
        for other in kinds.keys() - {kind}:
            with pytest.raises(tokens.InvalidToken):
                tokens.claims_of(one, other)


def test_a_refresh_token_opens_nothing(session):
    with pytest.raises(tokens.InvalidToken):
        actor_of_token(tokens.refresh_token(session, session.refresh_jti), via="rest", address="")


@pytest.mark.promise("F7")
def test_thirty_seconds_too_late_is_in_time(session):
    token, expires_at = tokens.access_token(session)
    with time_machine.travel(expires_at + timedelta(seconds=29)):
        assert tokens.claims_of(token, "access")
    with time_machine.travel(expires_at + timedelta(seconds=31)), pytest.raises(tokens.TokenExpired):
        tokens.claims_of(token, "access")


def unsigned(claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


@pytest.mark.parametrize(
    "forge",
    [
        lambda claims: "",
        lambda claims: "abc",
        lambda claims: "a.b.c",
        lambda claims: "\ud800",
        lambda claims: "x" * 100_000,
        lambda claims: unsigned(claims),
        lambda claims: signed(claims, key="another key that is long enough to be one, really"),
        lambda claims: signed(claims, kid="another"),
        lambda claims: signed(claims, algorithm="HS512"),
        lambda claims: signed(claims | {"aud": "another site"}),
        lambda claims: signed(claims | {"iss": "another site"}),
        lambda claims: signed({key: claims[key] for key in claims.keys() - {"aud"}}),
        lambda claims: signed(claims | {"typ": "ticket"}),
        lambda claims: signed({key: claims[key] for key in claims.keys() - {"typ"}}),
        lambda claims: signed(claims | {"nbf": 99999999999}),
    ],
)
def test_a_token_that_is_not_ours_is_refused(token, forge):
    with pytest.raises(tokens.InvalidToken):
        tokens.claims_of(forge(content(token)), "session")


@pytest.mark.parametrize("change", [{"sub": "x"}, {"sid": "x"}, {"sid": str(10**20)}])
def test_claims_that_are_no_ids_are_refused(token, change):
    with pytest.raises(tokens.InvalidClaims):
        tokens.claims_of(signed(content(token) | change), "session")


@pytest.mark.parametrize("missing", ["sid", "exp", "jti"])
@pytest.mark.promise("S2")
def test_claims_that_are_missing_are_refused(token, missing):
    claims = content(token)
    del claims[missing]
    with pytest.raises(tokens.InvalidClaims):
        tokens.claims_of(signed(claims), "session")


def test_the_name_in_a_token_must_be_that_of_its_session(session, bob):
    session.user_id = bob.user_id
    with pytest.raises(tokens.InvalidClaims):
        actor_of_token(tokens.access_token(session)[0], via="rest", address="")


@pytest.mark.promise("S2")
def test_the_key_is_not_the_frameworks(settings):
    assert config.current().jwt_secret != settings.SECRET_KEY


@pytest.mark.promise("F7")
def test_a_token_of_a_clock_that_was_ahead_is_good(alice):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        token = tokens.session_token(UserSession.objects.get(pk=alice.session_id), alice.person)
    with time_machine.travel(now - timedelta(hours=1), tick=False):
        assert tokens.claims_of(token, "session").user_id == alice.person.id
