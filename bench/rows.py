"""What the report says, row by row, with the goals of the specification; and the ratios, within one round."""

from dataclasses import dataclass

Rounds = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class Row:
    """A figure of a measurement. A goal is `≤` or `≥` and a number; a row without one is there to be compared."""

    measurement: str
    figure: str
    what: str
    goal: str = ""

    def is_reached(self, figure: float) -> bool | None:
        """None without a goal."""
        if not self.goal:
            return None
        sign, number = self.goal.split()
        bound = float(number.replace(",", ""))
        return figure <= bound if sign == "≤" else figure >= bound


# The heading of each part, and its rows.
PARTS: dict[str, list[Row]] = {
    "One room of {sockets:,}": [
        Row("ratio", "cpu_to_raw", "CPU per delivery at saturation ÷ raw picows broadcast", "≤ 1.5"),
        Row("ratio", "paced_cpu_to_raw", "CPU per delivery, one message at a time ÷ raw picows broadcast", "≤ 1.5"),
        Row("ratio", "naive_to_cpu", "deliveries per CPU second ÷ naive chat", "≥ 25"),
        Row("ratio", "node_to_cpu", "deliveries per CPU second ÷ Node ws", "≥ 0.8"),
        Row("ratio", "socket_io_to_cpu", "deliveries per CPU second ÷ socket.io", "≥ 1.1"),
        Row("ratio", "two_to_one", "CPU per delivery, two processes + Redis ÷ one", "≤ 1.3"),
        Row("ours", "growth", "CPU per delivery, largest crowd ÷ smallest", "≤ 1.8"),
        Row("ours", "p50_ms", "send → received by each, 10 messages/s, p50, ms", "≤ 10"),
        Row("ours", "p99_ms", "send → received by each, 10 messages/s, p99, ms", "≤ 50"),
        Row("ours", "last_p50_ms", "send → received by the last, p50, ms"),
        Row("ours", "last_p99_ms", "send → received by the last, p99, ms"),
        Row("ours", "cpu_us_per_delivery_100", "CPU per delivery at saturation, 100 sockets, µs"),
        Row("ours", "cpu_us_per_delivery_1000", "CPU per delivery at saturation, 1,000 sockets, µs"),
        Row("ours", "cpu_us_per_delivery_5000", "CPU per delivery at saturation, 5,000 sockets, µs"),
        Row("ours", "paced_cpu_us_per_delivery", "CPU per delivery, one message at a time, the send included, µs"),
        Row("ours", "deliveries_per_second", "deliveries per second"),
        Row("raw", "cpu_us_per_delivery", "raw picows: CPU per delivery, µs"),
        Row("raw", "paced_cpu_us_per_delivery", "raw picows: CPU per delivery, one message at a time, µs"),
        Row("raw", "p50_ms", "raw picows: send → received by each, p50, ms"),
        Row("raw", "deliveries_per_second", "raw picows: deliveries per second"),
        Row("node_ws", "cpu_us_per_delivery", "Node ws: CPU per delivery, µs"),
        Row("node_ws", "p50_ms", "Node ws: send → received by each, p50, ms"),
        Row("socket_io", "cpu_us_per_delivery", "socket.io: CPU per delivery, µs"),
        Row("socket_io", "p50_ms", "socket.io: send → received by each, p50, ms"),
        Row("naive", "cpu_us_per_delivery", "naive chat: CPU per delivery, µs"),
        Row("naive", "p50_ms", "naive chat: send → received by each, p50, ms"),
        Row("naive", "p99_ms", "naive chat: send → received by each, p99, ms"),
        Row("two_processes", "cpu_us_per_delivery", "two processes + Redis: CPU per delivery of both, µs"),
        Row("two_processes", "p50_ms", "two processes + Redis: send → received by each, p50, ms"),
        Row("ours", "generator_us_per_delivery", "the generator's own CPU per delivery, µs", "≤ 5"),
    ],
    "{rooms:,} rooms of 10, durably stored": [
        Row("durable", "received_p50_ms", "send → received by all ten, {rate}/s, p50, ms", "≤ 3"),
        Row("durable", "received_p99_ms", "send → received by all ten, {rate}/s, p99, ms", "≤ 15"),
        Row("durable", "ack_p50_ms", "send → ack, p50, ms"),
        Row("durable", "ack_p99_ms", "send → ack, p99, ms"),
        Row("durable", "sends_per_second", "stored per second (as asked for, if it keeps up)"),
        Row("durable", "refused", "sends refused as too busy", "≤ 0"),
        Row("durable", "cpu_ms_per_send", "server CPU per send, its deliveries included, ms"),
        Row("stored", "per_second", "stored messages per second at saturation", "≥ 2,500"),
        Row("ratio", "stored_to_one_each", "÷ one transaction each", "≥ 3"),
        Row("ratio", "stored_to_naive", "÷ naive chat", "≥ 15"),
        Row("stored", "cpu_us_per_message", "server CPU per stored message, its ten deliveries included, µs"),
        Row("stored", "mean_batch", "mean messages per commit"),
        Row("stored", "senders", "senders at once when it stopped growing"),
        Row("stored_one_each", "per_second", "one transaction each: stored per second"),
        Row("stored_naive", "per_second", "naive chat: stored per second"),
        Row("inside", "bytes_per_message", "bytes per stored message, entry and indexes included", "≤ 650"),
    ],
    "Typing": [
        Row("volatile", "received_per_second", "typing events delivered per second", "≥ 6,000"),
        Row("volatile", "told_per_second", "typing commands taken per second"),
        Row("volatile", "cpu_us_per_told", "server CPU per command, its deliveries included, µs"),
    ],
    "Connections": [
        Row("idle", "kib_per_socket", "per idle signed-in connection, KiB", "≤ 36"),
        Row("idle", "active_mib", "realtime role, 500 active, MiB", "≤ 130"),
        Row("idle", "empty_mib", "realtime role, no connection, MiB"),
        Row("idle", "mib_500", "500 connections, MiB"),
        Row("idle", "mib_1000", "1,000 connections, MiB"),
        Row("idle", "mib_5000", "5,000 connections, MiB"),
        Row("idle", "connects_per_second", "connects per second, signed in and live", "≥ 600"),
        Row("idle", "connect_cpu_ms", "server CPU per connect, ms"),
        Row("statements", "per_connect", "statements per connect, counted on the server", "≤ 2"),
        Row(
            "statements",
            "per_first_connect",
            "of somebody's first connection, its presence and others' news of it included",
        ),
        Row("log_ins", "per_second", "sign-ins with a password per second", "≥ 35"),
        Row("log_ins", "cpu_ms", "server CPU per sign-in, ms"),
    ],
    "{stored:,} messages in {stored_rooms} rooms": [
        Row("inside", "request_p50_ms", "history page of 50, in process with authentication, p50, ms", "≤ 2"),
        Row("inside", "serializer_ratio", "the same by ModelSerializer ÷ ours", "≥ 2"),
        Row("inside", "page_p50_ms", "page of 50 as a command, p50, ms", "≤ 1"),
        Row("inside", "unread_p50_ms", "unread of all rooms, p50, ms", "≤ 1"),
        Row("inside", "page_growth", "page, ÷ {stored_few:,} messages", "≤ 1.5"),
        Row("inside", "page_in_the_middle_growth", "page in the middle, ÷ {stored_few:,} messages", "≤ 1.5"),
        Row("inside", "unread_growth", "unread, ÷ {stored_few:,} messages", "≤ 1.5"),
        Row("inside", "page_in_the_middle_p50_ms", "page in the middle as a command, p50, ms"),
        Row("inside", "serializer_p50_ms", "history page by ModelSerializer, in process, p50, ms"),
        Row("over_http", "newest_p50_ms", "history page over HTTP, p50, ms"),
        Row("over_http", "newest_p99_ms", "history page over HTTP, p99, ms"),
        Row("over_http", "middle_p50_ms", "history page from the middle over HTTP, p50, ms"),
        Row("over_http", "sidebar_p50_ms", "sidebar over HTTP, p50, ms"),
        Row("over_http", "sidebar_p99_ms", "sidebar over HTTP, p99, ms"),
        Row("over_http", "first_page_p50_ms", "first page over HTTP, p50, ms"),
        Row("over_http", "first_page_p99_ms", "first page over HTTP, p99, ms"),
    ],
}

# (measurement, figure) ÷ (measurement, figure), of the same round.
RATIOS = {
    "cpu_to_raw": (("ours", "cpu_us_per_delivery"), ("raw", "cpu_us_per_delivery")),
    "paced_cpu_to_raw": (("ours", "paced_cpu_us_per_delivery"), ("raw", "paced_cpu_us_per_delivery")),
    "naive_to_cpu": (("naive", "cpu_us_per_delivery"), ("ours", "cpu_us_per_delivery")),
    "node_to_cpu": (("node_ws", "cpu_us_per_delivery"), ("ours", "cpu_us_per_delivery")),
    "socket_io_to_cpu": (("socket_io", "cpu_us_per_delivery"), ("ours", "cpu_us_per_delivery")),
    "two_to_one": (("two_processes", "cpu_us_per_delivery"), ("ours", "cpu_us_per_delivery")),
    "stored_to_one_each": (("stored", "per_second"), ("stored_one_each", "per_second")),
    "stored_to_naive": (("stored", "per_second"), ("stored_naive", "per_second")),
}


def with_ratios(rounds: Rounds) -> Rounds:
    """Beside the figures, what they are against others of the same round; a ratio that lacks one is left out."""
    number_of_rounds = min(map(len, rounds.values()))
    ratios: list[dict[str, float]] = [{} for _ in range(number_of_rounds)]
    for name, (above, below) in RATIOS.items():
        for number, found in enumerate(ratios):
            top, bottom = (
                rounds[part][number].get(figure) if part in rounds else None for part, figure in (above, below)
            )
            if top is not None and bottom:
                found[name] = top / bottom
    return rounds | {"ratio": ratios}
