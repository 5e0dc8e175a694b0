"""The figures of all rounds as one table and one JSON file."""

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Rounds = dict[str, list[dict[str, float]]]

# (measurement, figure, what it says, the aim). Aims: performance.md; a ratio is of figures of the same round.
ROWS = [
    ("ratio", "cpu_ratio", "naive ÷ ours, CPU per delivery", "≥ 6"),
    ("ratio", "p50_ratio", "naive ÷ ours, send → last receiver, p50", ""),
    ("fan_out", "p50_ms", "send → last of all receivers, p50, ms", "≤ 10"),
    ("fan_out", "p99_ms", "send → last of all receivers, p99, ms", "≤ 50"),
    ("fan_out", "cpu_us_per_delivery", "CPU per delivery, µs", ""),
    ("fan_out", "deliveries_per_second", "deliveries per second", ""),
    ("naive", "p50_ms", "naive: send → last of all receivers, p50, ms", ""),
    ("naive", "p99_ms", "naive: send → last of all receivers, p99, ms", ""),
    ("naive", "cpu_us_per_delivery", "naive: CPU per delivery, µs", ""),
    ("fan_out", "generator_us_per_delivery", "the generator's own CPU per delivery, µs", "< 5"),
    ("acks", "ack_p50_ms", "send → ack at the steady rate, p50, ms", "≤ 3"),
    ("acks", "ack_p99_ms", "send → ack at the steady rate, p99, ms", "≤ 15"),
    ("acks", "sends_per_second", "sends acknowledged per second (as asked for, if it keeps up)", ""),
    ("acks", "refused", "sends refused as too busy", "0"),
    ("acks", "cpu_ms_per_send", "server CPU per send, ms", ""),
    ("idle", "memory_empty_mib", "resident memory, no socket, MiB", ""),
    ("idle", "memory_500_mib", "resident memory, 500 signed-in sockets, MiB", "≤ 130"),
    ("idle", "memory_1000_mib", "resident memory, 1,000 signed-in sockets, MiB", ""),
    ("idle", "memory_per_socket_kib", "per signed-in socket, KiB", "≤ 36"),
    ("idle", "connects_per_second", "connects per second, signed in and live", "≥ 600"),
    ("idle", "connect_cpu_ms", "server CPU per connect, ms", ""),
    ("log_ins", "log_ins_per_second", "sign-ins with a password per second", "≥ 35"),
    ("log_ins", "log_in_cpu_ms", "server CPU per sign-in, ms", ""),
    ("pages", "first_page_p50_ms", "first page, p50, ms", ""),
    ("pages", "history_newest_p50_ms", "newest page of history by REST, p50, ms", ""),
    ("pages", "history_middle_p50_ms", "page from the middle of the history, p50, ms", ""),
    ("pages", "sidebar_p50_ms", "sidebar by REST, p50, ms", ""),
    ("pages", "first_page_p99_ms", "first page, p99, ms", ""),
    ("pages", "history_newest_p99_ms", "newest page of history by REST, p99, ms", ""),
    ("pages", "sidebar_p99_ms", "sidebar by REST, p99, ms", ""),
]


def medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    return {
        name: {figure: statistics.median(one[figure] for one in found) for figure in found[0]}
        for name, found in rounds.items()
    }


def with_ratios(rounds: Rounds) -> Rounds:
    """Beside the figures, what they are against the naive chat's of the same round."""
    pairs = zip(rounds["fan_out"], rounds["naive"], strict=True)
    ratios = [
        {
            "cpu_ratio": naive["cpu_us_per_delivery"] / ours["cpu_us_per_delivery"],
            "p50_ratio": naive["p50_ms"] / ours["p50_ms"],
        }
        for ours, naive in pairs
    ]
    return rounds | {"ratio": ratios}


def table(found: dict[str, dict[str, float]], facts: dict[str, Any], size: dict[str, Any], command: str) -> str:
    lines = [
        "# Benchmark",
        "",
        f"Made by `{command}`, {facts['rounds']} round(s), medians. One room of {size['sockets']:,} sockets; sends at"
        f" {size['rate']} per second for {size['seconds']:g} s; pages on {size['stored']:,} messages in"
        f" {size['stored_rooms']} rooms. Server and load in processes of their own"
        + (", each on its own core." if facts["cores"] > 1 else ", on the one core there is."),
        "",
        "| what | figure | aim |",
        "| --- | ---: | ---: |",
    ]
    for measurement, figure, what, aim in ROWS:
        if figure in found.get(measurement, {}):
            lines.append(f"| {what} | {shown(found[measurement][figure])} | {aim} |")
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    lines += [
        "",
        f"Commit {facts['commit']}, {facts['at']}. Python {facts['python']}, SQLite {facts['sqlite']}, {packages}.",
        f"{facts['cores']} core(s) of {facts['cpu']}, {facts['system']};"
        f" load when it began {facts['load_before']:.1f}.",
        "Machines differ and are noisy: the ratios are what counts. Aims are those of the finished server.",
        "",
    ]
    return "\n".join(lines)


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def write(directory: Path, rounds: Rounds, facts: dict[str, Any], size: dict[str, Any], command: str) -> str:
    """Write `latest.md` and `latest.json` into the directory; answers the table."""
    facts |= {"at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "rounds": len(rounds["fan_out"])}
    rounds = with_ratios(rounds)
    found = medians(rounds)
    text = table(found, facts, size, command)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "latest.md").write_text(text)
    whole = {"command": command, "machine": facts, "size": size, "medians": found, "rounds": rounds}
    (directory / "latest.json").write_text(json.dumps(whole, indent=1) + "\n")
    return text
