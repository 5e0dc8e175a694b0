"""Each module is one row of the table of faults; importing this package fills the table."""

from lairchat.faults.scenarios import crash, restart

__all__ = ["crash", "restart"]
