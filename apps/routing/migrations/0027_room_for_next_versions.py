from django.db import migrations


class Migration(migrations.Migration):
    """Room on each page for a route's next version: what its broker says then touches no index (heap-only tuples)."""

    dependencies = [
        ("routing", "0026_what_is_told_of_the_day"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE routing_route SET (fillfactor = 50)", "ALTER TABLE routing_route RESET (fillfactor)"
        ),
    ]
