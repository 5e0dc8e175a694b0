"""The routes of rooms, as a program uses them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import UserSession
from accounts.roles import SiteRole
from accounts.tokens import session_token
from lairchat.core import log
from lairchat.core.commands import table
from rooms.actions.invitations import invite_to_room
from rooms.models import Room
from rooms.tests.evidence import UNKNOWN, role_of, set_role


class Program:
    """Somebody's client, signed in by its token."""

    def __init__(self, actor):
        session = UserSession.objects.get(pk=actor.session_id)
        self.headers = {"Authorization": f"Bearer {session_token(session, actor.person)}"}

    def call(self, method, path, body=None, status=200):
        response = getattr(Client(), method)(
            f"/api/v1/{path}", "" if body is None else body, content_type="application/json", headers=self.headers
        )
        assert response.status_code == status, response.content
        return response.json()

    def get(self, path, status=200, **query):
        response = Client().get(f"/api/v1/{path}", query, headers=self.headers)
        assert response.status_code == status, response.content
        return response.json()


@pytest.fixture
def as_alice(alice):
    return Program(alice)


@pytest.fixture
def as_bob(bob):
    return Program(bob)


@pytest.fixture
def as_mallory(mallory):
    return Program(mallory)


def refused(answer):
    return answer["error"]["code"]


class TestRooms:
    def test_a_room_is_made_read_changed_and_deleted(self, as_alice, as_mallory):
        made = as_alice.call("post", "rooms", {"name": "Tea", "topic": "Oolong"}, status=201)
        room = made["room"]
        assert (room["name"], room["privacy"], room["settings"]["public"]) == ("Tea", "public", True)
        assert made["item"]["membership"]["role"] == "owner"
        read = as_mallory.get(f"rooms/{room['id']}")
        assert (read["room"], read["membership"], read["member_count"]) == (room, None, 1)
        changed = as_alice.call("patch", f"rooms/{room['id']}", {"topic": "Sencha", "settings": {"max_members": 7}})
        assert (changed["room"]["topic"], changed["room"]["max_members"]) == ("Sencha", 7)
        assert changed["room"]["rev"] > room["rev"]
        assert as_alice.call("delete", f"rooms/{room['id']}") == {"success": True}
        assert refused(as_mallory.get(f"rooms/{room['id']}", status=404)) == "room_not_found"

    @pytest.mark.parametrize(
        ("settings", "privacy"),
        [
            ({"public": False}, "private"),
            ({"is_private": True}, "private"),
            ({"private": True}, "private"),
            ({"public": True}, "public"),
            ({"private": False}, "public"),
            ({"max_members": None}, "public"),
            (None, "public"),
        ],
    )
    def test_the_originals_settings_are_honoured(self, as_alice, settings, privacy):
        made = as_alice.call("post", "rooms", {"name": "Tea", "settings": settings}, status=201)
        assert made["room"]["privacy"] == privacy
        assert made["room"]["settings"]["is_private"] == (privacy == "private")

    def test_a_limit_of_null_takes_it_away_and_a_missing_one_keeps_it(self, as_alice, plaza):
        as_alice.call("patch", f"rooms/{plaza.id}", {"max_members": 9})
        assert as_alice.call("patch", f"rooms/{plaza.id}", {"topic": "x"})["room"]["max_members"] == 9
        assert as_alice.call("patch", f"rooms/{plaza.id}", {"max_members": None})["room"]["max_members"] is None

    def test_a_private_room_and_an_unknown_one_have_the_same_answer(self, as_mallory, den):
        answers = [as_mallory.get(f"rooms/{room_id}", status=404) for room_id in (den.id, UNKNOWN, "nonsense")]
        for answer in answers:
            answer["error"].pop("request_id")
        assert answers[0] == answers[1] == answers[2]

    def test_rooms_are_listed_by_name_with_a_real_total(self, as_alice, as_mallory, plaza, den):
        for name in ("Beta", "alpha"):
            as_alice.call("post", "rooms", {"name": name}, status=201)
        listed = as_mallory.get("rooms", limit=2)
        assert [line["room"]["name"] for line in listed["rooms"]] == ["alpha", "Beta"]
        assert (listed["has_more"], listed["total_count"]) == (True, 3)
        rest = as_mallory.get("rooms", limit=2, offset=2)
        assert [(line["room"]["name"], line["member_count"], line["is_member"]) for line in rest["rooms"]] == [
            ("plaza", 2, False)
        ]
        assert not rest["has_more"]
        assert len(as_alice.get("rooms", joined_only="true")["rooms"]) == 4

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"offset": "-1"}, {"limit": "many"}])
    def test_a_wrong_page_is_refused(self, as_alice, query):
        answer = Client().get("/api/v1/rooms", query, headers=as_alice.headers)
        assert answer.status_code in (400, 422)
        assert refused(answer.json()) == "validation_failed"

    def test_a_room_is_archived_and_opened_again(self, as_alice, plaza):
        assert as_alice.call("post", f"rooms/{plaza.id}/archive")["room"]["archived_at"] is not None
        assert refused(as_alice.call("patch", f"rooms/{plaza.id}", {"topic": "x"}, status=409)) == "room_closed"
        assert as_alice.call("post", f"rooms/{plaza.id}/unarchive")["room"]["archived_at"] is None

    def test_who_is_not_signed_in_reads_nothing(self, db):
        for path in ("rooms", f"rooms/{UNKNOWN}", "invitations"):
            answer = Client().get(f"/api/v1/{path}")
            assert answer.status_code == 401
            assert refused(answer.json()) == "missing_token"


class TestMembers:
    def test_people_come_and_go(self, as_mallory, plaza):
        joined = as_mallory.call("post", f"rooms/{plaza.id}/join")
        assert joined["membership"]["role"] == "member"
        assert joined["item"]["counted_to"] == joined["membership"]["rev"]
        assert refused(as_mallory.call("post", f"rooms/{plaza.id}/join", status=409)) == "already_member"
        assert as_mallory.call("post", f"rooms/{plaza.id}/leave") == {"success": True}
        assert refused(as_mallory.call("post", f"rooms/{plaza.id}/leave", status=403)) == "not_room_member"

    def test_members_are_listed_in_pages_with_a_position(self, as_mallory, as_alice, plaza):
        page = as_mallory.get(f"rooms/{plaza.id}/members", limit=1)
        member = page["members"][0]
        assert (member["username"], member["role"], member["is_online"], page["total"]) == ("alice", "owner", False, 2)
        assert member["user"]["email"] == ""
        assert page["as_of"] == {
            "epoch": log.epoch(),
            "stream": plaza.stream,
            "seq": log.heads([plaza.stream])[plaza.stream],
        }
        rest = as_mallory.get(f"rooms/{plaza.id}/members", cursor=page["next_cursor"])
        assert [line["username"] for line in rest["members"]] == ["bob"]
        assert rest["next_cursor"] is None

    @pytest.mark.parametrize("cursor", ["x", "1", "1.2.3", "-1.0", "9" * 30 + ".1"])
    def test_a_cursor_of_ones_own_making_is_refused(self, as_alice, plaza, cursor):
        as_alice.get(f"rooms/{plaza.id}/members", cursor=cursor, status=400)

    def test_strangers_do_not_see_who_is_in_a_private_room(self, as_mallory, den):
        assert refused(as_mallory.get(f"rooms/{den.id}/members", status=404)) == "room_not_found"

    def test_a_rank_is_changed(self, as_alice, bob, plaza):
        answer = as_alice.call("put", f"rooms/{plaza.id}/members/{bob.person.id}/role", {"role": "moderator"})
        assert (answer["member"]["username"], answer["member"]["role"]) == ("bob", "moderator")
        assert answer["membership"]["role"] == "moderator"

    def test_a_room_is_handed_over(self, as_alice, bob, plaza):
        answer = as_alice.call("post", f"rooms/{plaza.id}/transfer", {"user_id": str(bob.person.id)})
        assert answer["room"]["owner"] == str(bob.person.id)

    def test_a_member_is_kicked(self, as_alice, as_bob, bob, plaza):
        path = f"rooms/{plaza.id}/members/{bob.person.id}"
        assert refused(as_bob.call("delete", path, status=403)) == "permission_denied"
        assert as_alice.call("delete", path, {"reason": "noise"}) == {"success": True}
        assert role_of(bob, plaza) is None

    def test_bans_and_mutes_come_and_go(self, as_alice, as_bob, bob, plaza):
        until = (timezone.now() + timedelta(hours=1)).isoformat()
        body = {"user_id": str(bob.person.id), "reason": "noise", "until": until}
        muted = as_alice.call("post", f"rooms/{plaza.id}/mutes", body)["sanction"]
        assert (muted["kind"], muted["scope"], muted["room_id"]) == ("mute", "room", str(plaza.id))
        lifted = as_alice.call("delete", f"rooms/{plaza.id}/mutes/{bob.person.id}")["sanction"]
        assert lifted["id"] == muted["id"]
        assert lifted["lifted_at"] is not None
        as_alice.call("post", f"rooms/{plaza.id}/bans", body)
        assert refused(as_bob.call("post", f"rooms/{plaza.id}/join", status=403)) == "banned_from_room"
        as_alice.call("delete", f"rooms/{plaza.id}/bans/{bob.person.id}")
        as_bob.call("post", f"rooms/{plaza.id}/join")

    def test_ones_own_settings(self, as_bob, den):
        answer = as_bob.call("put", f"rooms/{den.id}/settings", {"notifications": "nothing", "favourite": True})
        assert (answer["item"]["notifications"], answer["item"]["favourite"]) == ("nothing", True)


class TestDirect:
    def test_a_conversation_is_made_once(self, as_alice, as_bob, alice, bob):
        made = as_alice.call("post", "direct", {"user_ids": [str(bob.person.id)]}, status=201)
        assert [user["username"] for user in made["item"]["people"]] == ["alice", "bob"]
        found = as_bob.call("post", "direct", {"user_ids": [str(alice.person.id)]})
        assert found["room"] == made["room"]


class TestInvitations:
    def test_an_invitation_is_sent_seen_and_accepted(self, as_alice, as_mallory, mallory, den):
        body = {"room_id": str(den.id), "user_id": str(mallory.person.id), "message": "Come in"}
        sent = as_alice.call("post", "invitations", body, status=201)["invitation"]
        listed = as_mallory.get("invitations")
        assert listed == {"invitations": [sent], "has_more": False}
        answer = as_mallory.call("post", f"invitations/{sent['id']}/accept")
        assert (answer["room"]["name"], answer["membership"]["role"]) == ("den", "member")
        assert answer["item"]["room"] == answer["room"]
        assert as_mallory.get("invitations")["invitations"] == []

    def test_an_invitation_is_declined_or_taken_back(self, as_alice, as_mallory, alice, mallory, den):
        first = invite_to_room(alice, den.id, mallory.person.id)
        assert as_mallory.call("post", f"invitations/{first.id}/decline") == {"success": True}
        second = invite_to_room(alice, den.id, mallory.person.id)
        assert as_alice.call("delete", f"invitations/{second.id}") == {"success": True}
        assert refused(as_mallory.call("post", f"invitations/{second.id}/accept", status=409)) == "invitation_used"

    def test_the_newest_stands_first_and_the_page_says_if_there_are_more(self, as_alice, as_mallory, alice, mallory):
        for name in ("one", "two", "three"):
            room = as_alice.call("post", "rooms", {"name": name}, status=201)["room"]
            as_alice.call("post", "invitations", {"room_id": room["id"], "user_id": str(mallory.person.id)}, status=201)
        page = as_mallory.get("invitations", limit=2)
        assert [line["room_name"] for line in page["invitations"]] == ["three", "two"]
        assert page["has_more"]
        assert len(as_mallory.get("invitations", offset=2)["invitations"]) == 1
        as_mallory.get("invitations", offset=-1, status=400)

    def test_a_sanction_is_lifted_by_its_id_as_a_command(self, alice, bob, plaza):
        from rooms.actions.sanctions import ban_member
        from rooms.shapes import LiftRoomSanctionInput

        sanction = ban_member(alice, plaza.id, bob.person.id, reason="noise")
        answer = table["lift_room_sanction"].run(alice, LiftRoomSanctionInput(sanction.id))
        assert answer.sanction.lifted_at is not None


def test_a_site_guest_learns_of_no_room_by_any_route(person, plaza):
    as_gwen = Program(person("gwen", SiteRole.GUEST))
    assert as_gwen.get("rooms")["rooms"] == []
    as_gwen.get(f"rooms/{plaza.id}", status=404)
    as_gwen.call("post", f"rooms/{plaza.id}/join", status=404)
    as_gwen.call("post", "rooms", {"name": "x"}, status=403)


def test_a_moderator_of_the_room_may_do_by_rest_what_the_action_lets_them(as_bob, bob, plaza):
    set_role(bob, plaza, "moderator")
    as_bob.call("patch", f"rooms/{plaza.id}", {"mode": "read_only"})
    assert Room.objects.get(pk=plaza.pk).mode == "read_only"
