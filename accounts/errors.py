"""What can be wrong with accounts; codes and texts of the original where it has them (protocol-v1.md, 6.3)."""

from lairchat.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class UserNotFound(NotFound):
    code = "user_not_found"
    message = "User not found"


class UsernameInvalid(Invalid):
    code = "username_invalid"


class EmailInvalid(Invalid):
    code = "email_invalid"


class PasswordTooWeak(Invalid):
    code = "password_too_weak"


class IncorrectPassword(Invalid):
    code = "incorrect_password"
    message = "Current password incorrect"


class UsernameTaken(Conflict):
    code = "username_taken"
    message = "Username already taken"


class EmailTaken(Conflict):
    code = "email_taken"
    message = "Email already registered"


class InvalidCredentials(Unauthenticated):
    code = "invalid_credentials"
    message = "Invalid credentials"


class SessionNotFound(Unauthenticated):
    code = "session_not_found"
    message = "Session not found or expired"


class SessionExpired(Unauthenticated):
    code = "session_expired"
    message = "Session expired"


class AccountDisabled(Forbidden):
    """Suspended, banned or deactivated."""

    code = "account_disabled"
    message = "This account is disabled"


class Muted(Forbidden):
    code = "muted"
    message = "You are muted"
