"""Each module is one row of the table of faults; importing this package fills the table."""

from lairchat.faults.scenarios import (
    clock,
    crash,
    cruelty,
    frozen,
    hints,
    leaks,
    overload,
    removal,
    restart,
    slow,
    storm,
)

__all__ = ["clock", "crash", "cruelty", "frozen", "hints", "leaks", "overload", "removal", "restart", "slow", "storm"]
