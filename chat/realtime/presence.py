"""Who is online, told to the people they share a room with. Announced, never logged.

This process knows its own connections; other processes' people come with their heartbeat rows (D10).
"""

import asyncio
import logging
from uuid import UUID

from django.db import InterfaceError, OperationalError

from accounts.queries import users_by_ids
from chat.queries import people_sharing_a_room
from chat.realtime.connection import Connection
from chat.realtime.hub import AGAIN_SECONDS, Hub, hub
from lairchat.core import lane, processes
from lairchat.core.events import Delivery, encode

logger = logging.getLogger(__name__)


class Presence:
    """Turns comings and goings of accounts, here and elsewhere, into `user_online` and `user_offline`."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.elsewhere: dict[UUID, str] = {}
        hub.watchers.append(self.changed_here)

    def changed_here(self, connection: Connection, is_online: bool) -> None:
        """The account's first connection of this process opened, or its last one closed."""
        if connection.user_id in self.elsewhere:
            return
        self._tell(connection.user_id, connection.username)

    def _tell(self, user_id: UUID, username: str) -> None:
        self.hub._start(self._tell_those_concerned(user_id, username))

    async def _tell_those_concerned(self, user_id: UUID, username: str) -> None:
        here = await self._concerned(user_id)
        # Asked now: of a quick going and coming back, the two answers may come in either order.
        is_online = user_id in self.hub.by_user or user_id in self.elsewhere
        type_ = "user_online" if is_online else "user_offline"
        frame = encode(type_, f"user:{user_id}", None, {"user_id": user_id, "username": username})
        self.hub.arrive([Delivery("", None, type_, frame, key=f"presence:{user_id}", users=tuple(here - {user_id}))])

    async def _concerned(self, user_id: UUID) -> set[UUID]:
        """Who is connected here and shares a room; asked until the database answers, since nobody tells it again."""
        while True:
            try:
                return await lane.run(people_sharing_a_room, user_id, list(self.hub.by_user))
            except (OperationalError, InterfaceError) as error:
                logger.warning("who shares a room with somebody could not be read: %s", error)
                await asyncio.sleep(AGAIN_SECONDS)

    async def watch_elsewhere(self) -> None:
        """With each heartbeat: whom other processes hold, and who has left them."""
        while True:
            await asyncio.sleep(processes.BEAT_SECONDS / 2)
            try:
                now = await lane.run(_online_elsewhere)
            except (OperationalError, InterfaceError) as error:  # away: presence is volatile, and goes on later
                logger.warning("presence of other processes could not be read: %s", error)
                continue
            before, self.elsewhere = self.elsewhere, now
            for user_id in (now.keys() ^ before.keys()) - self.hub.by_user.keys():
                self._tell(user_id, now.get(user_id) or before[user_id])


def _online_elsewhere() -> dict[UUID, str]:
    """Ids and names of the people connected to other living processes; two statements."""
    others = [process for process in processes.living() if process.id != processes.own_id()]
    ids = {UUID(user_id) for process in others for user_id in process.online}
    return {user.id: user.username for user in users_by_ids(ids).values()}


presence = Presence(hub)
