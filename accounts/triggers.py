"""Database triggers that refuse UPDATE, DELETE and TRUNCATE of the staff log (S16).

They hang on the table: a migration that makes SQLite rebuild it must install them again.
"""

from typing import Any

TABLE = "accounts_auditentry"

_INSTALL = {
    "sqlite": [
        f"""CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON {TABLE}
            BEGIN SELECT RAISE(ABORT, 'the staff log cannot be changed'); END""",
        f"""CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON {TABLE}
            BEGIN SELECT RAISE(ABORT, 'the staff log cannot be changed'); END""",
    ],
    "postgresql": [
        """CREATE OR REPLACE FUNCTION accounts_refuse_change() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'the staff log cannot be changed' USING ERRCODE = 'integrity_constraint_violation';
            END $$""",
        f"""CREATE OR REPLACE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON {TABLE}
            FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change()""",
        f"""CREATE OR REPLACE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {TABLE}
            FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change()""",
    ],
}
_REMOVE = {
    "sqlite": ["DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"],
    "postgresql": [
        f"DROP TRIGGER IF EXISTS audit_no_change ON {TABLE}",
        f"DROP TRIGGER IF EXISTS audit_no_truncate ON {TABLE}",
    ],
}


def install(connection: Any) -> None:
    """Make the database refuse changes of the staff log from now on. Can be run twice."""
    _run(connection, _INSTALL)


def remove(connection: Any) -> None:
    """Allow changes again: for tests that empty all tables."""
    _run(connection, _REMOVE)


def _run(connection: Any, statements: dict[str, list[str]]) -> None:
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
