"""Each module is one row of the table of faults; importing this package fills the table."""

from lairchat.faults.scenarios import (
    clock,
    crash,
    cruelty,
    disk,
    frozen,
    hints,
    leaks,
    overload,
    postgres,
    removal,
    restart,
    slow,
    sqlite,
    storm,
)

__all__ = [
    "clock",
    "crash",
    "cruelty",
    "disk",
    "frozen",
    "hints",
    "leaks",
    "overload",
    "postgres",
    "removal",
    "restart",
    "slow",
    "sqlite",
    "storm",
]
