"""How accounts and rooms know of each other: whom a guest may see, and who is told of a changed profile."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.queries import register_acquaintances
from rooms.models import Membership


@register_acquaintances
def people_of_shared_rooms(user: User) -> QuerySet[Membership, UUID]:
    """Everybody who is in a room together with this person."""
    own = Membership.objects.filter(user=user, room__deleted_at=None).values("room_id")
    return Membership.objects.filter(room__in=own).values_list("user_id", flat=True)
