"""Each module is one row of the table of faults; importing this package fills the table."""

from lairchat.faults.scenarios import crash, cruelty, frozen, hints, postgres, removal, restart, slow

__all__ = ["crash", "cruelty", "frozen", "hints", "postgres", "removal", "restart", "slow"]
