"""A column with a default in the database: the release before inserts without it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("later", "0002_message_later")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE accounts_user ADD COLUMN later integer NOT NULL DEFAULT 7",
            "ALTER TABLE accounts_user DROP COLUMN later",
        )
    ]
