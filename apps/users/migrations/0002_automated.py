"""The parts of the system that act by themselves are users from the first migration on."""

from django.db import migrations

from apps.users.demo import AUTOMATED


def add(apps, schema_editor):
    User = apps.get_model("users", "User")
    for name in AUTOMATED:
        User.objects.get_or_create(
            username=name, defaults={"is_automated": True, "first_name": name.capitalize(), "password": "!"}
        )


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
