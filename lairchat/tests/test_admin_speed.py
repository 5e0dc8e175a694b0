"""Every page of the desk costs the same statements for few rows and for many, and not many of them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit, presence
from accounts.models import AuditEntry, Sanction, User, UserSession
from chat.models import Message
from lairchat.core.admin import list_of, page_of
from lairchat.core.admin_lists import COUNT_MAX, CappedPaginator
from lairchat.testing.cast import fill
from lairchat.testing.desk import Desk
from rooms.models import Membership, Room, RoomSanction

pytestmark = pytest.mark.django_db

FEW, MANY, AT_MOST = 10, 200, 20
LISTS = [User, UserSession, Sanction, RoomSanction, Room, Membership, Message, AuditEntry]


def grow(root, room, count, name):
    """Many rows of each kind, straight into the tables: for counting statements, not for rules."""
    now = timezone.now()
    extra = Room.objects.create(name=f"{name} hall", name_folded=f"{name} hall")
    people = User.objects.bulk_create(
        User(username=f"{name}{n}", username_folded=f"{name}{n}", email=f"{name}{n}@example.org") for n in range(count)
    )
    Membership.objects.bulk_create(Membership(room=extra, user=user, joined_seq=1, rev=1) for user in people)
    UserSession.objects.bulk_create(UserSession(user=user, kind="api", expire_date=now) for user in people)
    Sanction.objects.bulk_create(Sanction(user=user, by=root.user, kind="warn", reason="be kind") for user in people)
    RoomSanction.objects.bulk_create(
        RoomSanction(user=user, by=root.user, room=room, kind="kick", reason="be kind", ends_at=now) for user in people
    )
    Room.objects.bulk_create(
        Room(name=f"{name} {n}", name_folded=f"{name} {n}", owner=user) for n, user in enumerate(people)
    )
    Message.objects.bulk_create(
        Message(room=extra, author=user, seq=n, rev=n, nonce=f"{n}", digest="", content="hello")
        for n, user in enumerate(people, start=1)
    )
    for user in people[:60]:
        audit.record(root, "user.warn", user, room_id=room.id, reason="be kind")


def statements(desk, address):
    presence.forget()  # else who is online is read at most once a second, and counted here now and then
    with CaptureQueriesContext(connection) as captured:
        assert desk.get(address).status == 200
    return len(captured)


@pytest.mark.parametrize("viewer", ["root", "mona"])
def test_every_list_takes_the_same_statements_for_few_rows_and_for_many(request, root, plaza, viewer):
    desk = Desk(request.getfixturevalue(viewer))
    lists = [model for model in LISTS if desk.list(model).status == 200]
    grow(root, plaza, FEW, "few")
    before = {model: statements(desk, list_of(model)) for model in lists}
    grow(root, plaza, MANY, "many")
    after = {model: statements(desk, list_of(model)) for model in lists}
    assert after == before
    assert max(after.values()) <= AT_MOST


def test_pages_take_the_same_statements_whatever_belongs_to_them(root, plaza, bob):
    desk = Desk(root)
    pages = ["/admin/", "/admin/numbers", page_of(bob.user), page_of(plaza)]
    grow(root, plaza, FEW, "few")
    before = [statements(desk, address) for address in pages]
    grow(root, plaza, MANY, "many")
    fill(plaza, members=MANY)
    assert [statements(desk, address) for address in pages] == before
    assert max(before) <= AT_MOST


def test_a_search_takes_no_more_statements_for_many_rows(root, plaza):
    desk = Desk(root)
    grow(root, plaza, FEW, "few")
    before = [statements(desk, f"{list_of(model)}?q=few1") for model in LISTS]
    grow(root, plaza, MANY, "many")
    assert [statements(desk, f"{list_of(model)}?q=few1") for model in LISTS] == before


def test_counting_stops(django_assert_num_queries, plaza):
    with django_assert_num_queries(1) as captured:
        assert CappedPaginator(User.objects.order_by("-pk"), 50).count == 2
    assert f"LIMIT {COUNT_MAX + 1}" in captured[0]["sql"]


def test_beyond_what_is_counted_a_list_says_more(root, plaza, monkeypatch):
    monkeypatch.setattr("lairchat.core.admin_lists.COUNT_MAX", 100)
    fill(plaza, members=MANY)
    assert "100+ people" in Desk(root).list(User)
