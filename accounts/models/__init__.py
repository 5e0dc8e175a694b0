from .access import LoginAttempt, SetupCode
from .audit import AuditDetail, AuditEntry, AuditHead
from .sanctions import Sanction, SanctionShape
from .sessions import UserSession
from .users import User

__all__ = [
    "AuditDetail",
    "AuditEntry",
    "AuditHead",
    "LoginAttempt",
    "Sanction",
    "SanctionShape",
    "SetupCode",
    "User",
    "UserSession",
]
