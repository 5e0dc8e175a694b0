from .invitations import Invitation
from .memberships import Membership
from .rooms import Room
from .sanctions import RoomSanction

__all__ = ["Invitation", "Membership", "Room", "RoomSanction"]
