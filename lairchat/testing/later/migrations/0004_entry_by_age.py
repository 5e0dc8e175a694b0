"""An index of a table that every send writes to."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("later", "0003_user_later")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX later_by_at ON core_streamentry (at)",
            "DROP INDEX later_by_at",
        )
    ]
