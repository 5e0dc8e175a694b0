from .messages import Mention, Message, Revision
from .reactions import Reaction
from .receipts import ReadReceipt

__all__ = ["Mention", "Message", "Reaction", "ReadReceipt", "Revision"]
