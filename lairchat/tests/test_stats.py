"""The original's numbers, over REST and for Prometheus."""

from django.test import Client

from accounts.models import UserSession
from accounts.tokens import session_token


def numbers_for(person):
    session = UserSession.objects.get(pk=person.session_id)
    token = session_token(session, person.person)
    return Client(headers={"authorization": f"Bearer {token}"}).get("/api/v1/admin/stats")


def test_an_administrator_reads_the_numbers(root, alice, bob, den):
    assert numbers_for(root).json() == {"stats": {"total_users": 3, "total_rooms": 1, "online_users": 0}}


def test_nobody_else_does(mona, alice):
    for person in (mona, alice):
        answer = numbers_for(person)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


def test_the_same_numbers_are_metrics(root, den, client):
    text = client.get("/metrics").content.decode()
    assert "lair_chat_total_users 3.0" in text
    assert "lair_chat_total_rooms 1.0" in text
    assert "lair_chat_online_users 0.0" in text
