"""A column that the release before does not fill. Alone: who holds two busy tables at once is deadlocked with a send."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("later", "0001_note")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE chat_message ADD COLUMN later varchar(20) NULL",
            "ALTER TABLE chat_message DROP COLUMN later",
        )
    ]
