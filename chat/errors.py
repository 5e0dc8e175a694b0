"""What can be wrong with what is said; codes of the original where it has them (protocol-v1.md, 6.3)."""

from lairchat.core.errors import Conflict, Forbidden, Invalid, NotFound


class ContentInvalid(Invalid):
    """Empty, too long, or with control characters."""

    code = "content_invalid"


class EmojiInvalid(Invalid):
    code = "emoji_invalid"
    message = "That is not an emoji."


class TooManyReactions(Conflict):
    code = "too_many_reactions"
    message = "This message has as many different reactions as it can hold."


class MessageNotFound(NotFound):
    code = "message_not_found"
    message = "Message not found"


class NotMessageAuthor(Forbidden):
    code = "not_message_author"
    message = "Not the author of this message"


class NonceConflict(Conflict):
    code = "nonce_conflict"
    message = "This nonce was used for another message. Send with a new one."


class NonceInvalid(Invalid):
    code = "nonce_invalid"
    message = "A nonce has 1 to 64 characters, without control characters."
