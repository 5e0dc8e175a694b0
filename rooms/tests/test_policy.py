"""Who may do what, asked of objects in hand."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actor import Actor
from accounts.errors import AccountDisabled, Muted
from accounts.models import User
from accounts.roles import Permission, SiteRole
from rooms import policy
from rooms.errors import NotRoomMember, ReadOnly, RoomClosed, RoomMuted
from rooms.models import Membership, Room
from rooms.roles import RoomPermission, RoomRole

SOON = timezone.now() + timedelta(days=1)


def actor(role=SiteRole.USER, **fields):
    return Actor(user=User(username="ann", role=role, **fields), via="rest")


def room(**fields):
    return Room(**{"name": "tea"} | fields)


def member(role="member", **fields):
    return Membership(role=role, joined_seq=5, rev=5, **fields)


class TestKnowing:
    @pytest.mark.parametrize("role", list(SiteRole))
    def test_a_deleted_room_is_known_to_nobody(self, role):
        assert not policy.may_know(actor(role), room(deleted_at=SOON), member("owner"))

    @pytest.mark.parametrize("hidden", [{"privacy": "private"}, {"kind": "direct", "privacy": "private"}])
    def test_a_hidden_room_is_known_to_its_members_and_the_system(self, hidden):
        for role in SiteRole:
            assert not policy.may_know(actor(role), room(**hidden), None)
            assert policy.may_know(actor(role), room(**hidden), member())
        assert policy.may_know(Actor.system(), room(**hidden), None)

    @pytest.mark.parametrize("privacy", ["public", "protected"])
    def test_a_listed_room_is_known_to_all_but_guests_and_the_suspended(self, privacy):
        for role in (SiteRole.USER, SiteRole.MODERATOR, SiteRole.ADMIN):
            assert policy.may_know(actor(role), room(privacy=privacy), None)
        assert not policy.may_know(actor(SiteRole.GUEST), room(privacy=privacy), None)
        assert not policy.may_know(actor(is_active=False), room(privacy=privacy), None)

    def test_only_members_read(self):
        assert policy.may_read(member("guest"))
        assert not policy.may_read(None)

    def test_who_joined_before_the_opening_reads_everything_and_later_joiners_begin_there(self):
        assert policy.readable_after(room(opened_seq=9), member()) == 0
        assert policy.readable_after(room(opened_seq=4), member()) == 4
        assert policy.readable_after(room(), member()) == 0


class TestPosting:
    @pytest.mark.parametrize("role", list(RoomRole))
    def test_every_member_posts_in_an_open_room(self, role):
        assert policy.may_post(actor(), room(), member(role))
        assert policy.may_post(actor(SiteRole.GUEST), room(kind="direct"), member(role))

    @pytest.mark.parametrize(
        ("who", "where", "own", "why"),
        [
            (actor(), room(), None, NotRoomMember),
            (actor(SiteRole.ADMIN), room(), None, NotRoomMember),
            (actor(is_active=False), room(), member(), AccountDisabled),
            (actor(banned_at=SOON), room(), member(), AccountDisabled),
            (actor(suspended_until=SOON), room(), member(), AccountDisabled),
            (actor(muted_until=SOON), room(), member("owner"), Muted),
            (actor(), room(), member(muted_until=SOON), RoomMuted),
            (actor(), room(archived_at=SOON), member("owner"), RoomClosed),
            (actor(), room(expires_at=SOON - timedelta(days=2)), member("owner"), RoomClosed),
            (actor(), room(mode="read_only"), member(), ReadOnly),
            (actor(), room(mode="read_only"), member("guest"), ReadOnly),
            (actor(), room(kind="system"), member("owner"), ReadOnly),
            (actor(), room(kind="system"), None, NotRoomMember),
            (actor(SiteRole.MODERATOR, muted_until=SOON), room(kind="system"), None, Muted),
            (actor(SiteRole.ADMIN), room(kind="system", archived_at=SOON), None, RoomClosed),
        ],
    )
    def test_what_stands_against_it_has_a_name(self, who, where, own, why):
        assert policy.why_not_post(who, where, own) is why
        assert not policy.may_post(who, where, own)

    @pytest.mark.parametrize(
        ("who", "where", "own"),
        [
            (actor(), room(expires_at=SOON), member()),
            (actor(), room(mode="read_only"), member("moderator")),
            (actor(), room(mode="read_only"), member("owner")),
            (actor(), room(), member(muted_until=SOON - timedelta(days=2))),
            (actor(SiteRole.MODERATOR), room(kind="system"), None),
            (actor(SiteRole.ADMIN), room(kind="system"), member("guest")),
            (Actor.system(), room(archived_at=SOON), None),
        ],
    )
    def test_otherwise_nothing_does(self, who, where, own):
        assert policy.why_not_post(who, where, own) is None


class TestRanks:
    def test_the_table_of_ranks_only_grows(self):
        from rooms.roles import PERMISSIONS

        for lower, higher in zip(RoomRole, list(RoomRole)[1:], strict=False):
            assert PERMISSIONS[lower] <= PERMISSIONS[higher]
            assert higher.outranks(lower)
            assert not lower.outranks(higher)

    def test_a_direct_conversation_knows_no_ranks(self):
        direct, owner = room(kind="direct"), member("owner")
        assert not policy.may_set_topic(direct, owner)
        assert not policy.may_rename(direct, owner)
        assert not policy.may_configure(direct, owner)
        assert not policy.may_invite(direct, owner)
        assert not policy.may_set_mode(actor(SiteRole.ADMIN), direct, owner)
        assert not policy.may_archive(actor(SiteRole.ADMIN), direct, owner)
        assert not policy.may_leave(direct)
        assert not policy.may_join_freely(actor(), direct)

    def test_a_system_room_has_no_invitations_and_no_settings_of_privacy(self):
        assert not policy.may_invite(room(kind="system"), member("owner"))
        assert not policy.may_configure(room(kind="system"), member("owner"))
        assert policy.may_join_freely(actor(), room(kind="system"))
        assert not policy.may_leave(room(kind="system"))

    def test_site_staff_acts_where_it_may(self):
        light = Permission.SANCTION_LIGHT
        assert policy.is_room_staff(actor(SiteRole.MODERATOR), room(), light)
        assert not policy.is_room_staff(actor(SiteRole.MODERATOR), room(privacy="private"), light)
        assert policy.is_room_staff(actor(SiteRole.ADMIN), room(privacy="private"), light)
        assert not policy.is_room_staff(actor(SiteRole.ADMIN, suspended_until=SOON), room(), light)
        assert not policy.is_room_staff(actor(), room(), light)
        assert not policy.is_room_staff(Actor.system(), room(kind="direct"), light)
        assert policy.is_room_staff(Actor.system(), room(privacy="private"), light)

    def test_on_the_site_administrators_stand_above_everybody(self):
        admin, moderator = actor(SiteRole.ADMIN), actor(SiteRole.MODERATOR)
        assert policy.outranks_on_site(admin, actor(SiteRole.ADMIN).person)
        assert policy.outranks_on_site(Actor.system(), admin.person)
        assert policy.outranks_on_site(moderator, actor().person)
        assert not policy.outranks_on_site(moderator, moderator.person)
        assert not policy.outranks_on_site(moderator, admin.person)

    def test_members_without_the_rank_change_no_roles(self):
        target = member()
        for own in (None, member(), member("moderator")):
            assert not policy.may_change_role_of(actor(), room(), own, target, has_active_owner=True)
            assert not policy.may_change_some_roles(actor(), room(), own, has_active_owner=False)

    def test_guests_hold_one_rank_and_the_deactivated_own_nothing(self):
        guest, gone = actor(SiteRole.GUEST).person, actor(is_active=False).person
        assert [role for role in RoomRole if policy.may_hold_rank(guest, role)] == [RoomRole.GUEST]
        assert not policy.may_hold_rank(gone, RoomRole.OWNER)
        assert policy.may_hold_rank(gone, RoomRole.MEMBER)
        assert all(policy.may_hold_rank(actor().person, role) for role in RoomRole)

    def test_a_rank_allows_what_the_table_says(self):
        assert member("moderator").allows(RoomPermission.SANCTION_MEMBERS)
        assert not member().allows(RoomPermission.SANCTION_MEMBERS)
