"""The upkeep of accounts: sign-ins that are over, and tries that count no more."""

from accounts.actions.guessing import forget_attempts
from accounts.actions.sessions import forget_sessions
from accounts.actor import Actor
from lairchat.core.upkeep import chore


@chore("forget sign-in attempts", every="clean_seconds")
def attempts() -> int:
    return forget_attempts(Actor.system())


@chore("forget sessions that ended", every="clean_seconds")
def sessions() -> int:
    return forget_sessions(Actor.system())
