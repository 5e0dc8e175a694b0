"""The figures of all rounds as one table with goals and verdicts, and as one JSON file."""

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.rows import PARTS, Rounds, Row, with_ratios

HEAD = ["| what | figure | goal | verdict |", "| --- | ---: | ---: | --- |"]


def medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    return {
        name: {figure: statistics.median(one[figure] for one in found) for figure in found[0]}
        for name, found in rounds.items()
    }


def table(found: dict[str, dict[str, float]], facts: dict[str, Any], size: dict[str, Any], command: str) -> str:
    lines = [
        "# Benchmark",
        "",
        f"Made by `{command}`: medians of {facts['rounds']} round(s). Server and load are processes of their own"
        + (", each on its own core" if facts["cores"] > 1 else ", on the one core there is")
        + "; two servers share theirs. Goals are from the specification; a ratio is of figures of the same round."
        " Machines differ and are noisy: the ratios are what counts.",
        "",
    ]
    goals: list[bool] = []
    for heading, rows in PARTS.items():
        there = [
            (row, found[row.measurement][row.figure]) for row in rows if row.figure in found.get(row.measurement, {})
        ]
        goals += [verdict for row, figure in there if (verdict := row.is_reached(figure)) is not None]
        if there:
            lines += [
                f"## {heading.format(**size)}",
                "",
                *HEAD,
                *(line(row, figure, size) for row, figure in there),
                "",
            ]
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    lines += [
        f"{sum(goals)} of {len(goals)} goals reached. [Notes](notes.md) say how each figure is measured, what is not"
        " measured, and of rows that miss where the time goes and what was tried.",
        "",
        f"Commit {facts['commit']}, {facts['at']}. Python {facts['python']}, SQLite {facts['sqlite']}, {packages};"
        f" {facts['redis']}; Node {facts['node']}.",
        f"{facts['cores']} core(s) of {facts['cpu']}, {facts['system']};"
        f" load when it began {facts['load_before']:.1f}; it took {facts['minutes']:.0f} minutes.",
        "",
    ]
    return "\n".join(lines)


def line(row: Row, figure: float, size: dict[str, Any]) -> str:
    verdict = {None: "", True: "reached", False: "**not reached**"}[row.is_reached(figure)]
    return f"| {row.what.format(**size)} | {shown(figure)} | {row.goal} | {verdict} |"


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def write(directory: Path, rounds: Rounds, facts: dict[str, Any], size: dict[str, Any], command: str) -> str:
    """Write `latest.md` and `latest.json` into the directory; answers the table."""
    facts |= {"at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "rounds": min(map(len, rounds.values()))}
    rounds = with_ratios(rounds)
    found = medians(rounds)
    text = table(found, facts, size, command)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "latest.md").write_text(text)
    goals = [
        {
            "what": row.what.format(**size),
            "figure": found[row.measurement][row.figure],
            "goal": row.goal,
            "reached": row.is_reached(found[row.measurement][row.figure]),
        }
        for rows in PARTS.values()
        for row in rows
        if row.goal and row.figure in found.get(row.measurement, {})
    ]
    whole = {"command": command, "machine": facts, "size": size, "goals": goals, "medians": found, "rounds": rounds}
    (directory / "latest.json").write_text(json.dumps(whole, indent=1) + "\n")
    return text
