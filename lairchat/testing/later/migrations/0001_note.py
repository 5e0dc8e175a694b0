"""A table that the release before does not know."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial"), ("core", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE TABLE later_note (id integer PRIMARY KEY)",
            "DROP TABLE later_note",
        )
    ]
