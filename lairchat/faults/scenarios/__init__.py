"""Each module is one row of the table of faults; importing this package fills the table."""

from lairchat.faults.scenarios import crash, cruelty, disk, frozen, hints, postgres, removal, restart, slow, sqlite

__all__ = ["crash", "cruelty", "disk", "frozen", "hints", "postgres", "removal", "restart", "slow", "sqlite"]
