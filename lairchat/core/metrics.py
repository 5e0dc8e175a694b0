"""What is counted, for `/metrics`, the desk and the tests (guarantees, section 7)."""

from prometheus_client import Counter, Gauge

ACTIONS = Counter("lair_chat_actions_total", "Actions by name and outcome.", ["action", "outcome"])
LIMITED = Counter("lair_chat_rate_limited_total", "Refusals by limit.", ["limit"])
DUPLICATES = Counter("lair_chat_duplicate_sends_total", "Sends answered with the first message of their nonce.")
GAPS = Counter("lair_chat_gaps_healed_total", "Holes in a stream filled from the log.")
HEADS_FOUND = Counter("lair_chat_heads_found_total", "Entries found by comparing heads, without a hint.")
RESETS = Counter("lair_chat_resets_total", "Streams a client had to read again, by reason.", ["reason"])
RESUMES = Counter("lair_chat_resumes_total", "Connections that resumed from their positions.")
CLOSES = Counter("lair_chat_socket_closes_total", "Sockets closed by the server, by code.", ["code"])
FRAMES = Counter("lair_chat_frames_sent_total", "Frames written to sockets.")
SOCKETS = Gauge("lair_chat_sockets", "Open signed-in sockets of this process.")
HINTS = Counter("lair_chat_hints_total", "Hints between processes, by what became of them.", ["fate"])
