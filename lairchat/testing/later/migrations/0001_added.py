"""A table, a column and an index more: what the release before does not know, and must not stumble over."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial"), ("core", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE TABLE later_note (id integer PRIMARY KEY)", "DROP TABLE later_note"),
        migrations.RunSQL(
            "ALTER TABLE chat_message ADD COLUMN later varchar(20) NULL", "ALTER TABLE chat_message DROP COLUMN later"
        ),
        migrations.RunSQL(
            "ALTER TABLE accounts_user ADD COLUMN later integer NOT NULL DEFAULT 7",
            "ALTER TABLE accounts_user DROP COLUMN later",
        ),
        migrations.RunSQL("CREATE INDEX later_by_at ON core_streamentry (at)", "DROP INDEX later_by_at"),
    ]
