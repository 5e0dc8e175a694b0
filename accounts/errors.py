"""What can be wrong with accounts; codes and texts of the original where it has them (protocol-v1.md, 6.3)."""

from lairchat.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class UserNotFound(NotFound):
    code = "user_not_found"
    message = "User not found"


class UsernameInvalid(Invalid):
    """Too short, too long, or with signs a name cannot have."""

    code = "username_invalid"


class EmailInvalid(Invalid):
    """Not a mail address."""

    code = "email_invalid"


class PasswordTooWeak(Invalid):
    """Too short, too long, common, or containing the account's or the site's name."""

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


class UnknownSession(NotFound):
    """A session to end that is not there, or not one's own. Not a 401: the asker's own session is fine."""

    code = "session_not_found"
    message = "Session not found"


class SanctionNotFound(NotFound):
    code = "sanction_not_found"
    message = "Sanction not found"


class ReasonInvalid(Invalid):
    """An act of staff needs a reason of a bounded length."""

    code = "reason_invalid"


class SanctionEndInvalid(Invalid):
    """A sanction needs an end that is neither past nor too far away."""

    code = "sanction_end_invalid"


class SanctionOver(Conflict):
    code = "sanction_over"
    message = "This sanction is not in force any more"


class LastAdmin(Conflict):
    code = "last_admin"
    message = "The last administrator cannot be demoted or disabled"


class SetupCodeWrong(Forbidden):
    code = "setup_code_wrong"
    message = "This link is not valid any more. Start the server again: it prints a new one."


class SetupDone(Conflict):
    code = "setup_done"
    message = "This site has an administrator already. Sign in."
