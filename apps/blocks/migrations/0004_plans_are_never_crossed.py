"""Plans under ERISA are never crossed: the conditions of 408(b)(19) are not offered."""

from django.db import migrations, models


def withdraw(apps, schema_editor) -> None:
    apps.get_model("blocks", "CrossConsent").objects.filter(nature="ERISA", permits=True).update(permits=False)


class Migration(migrations.Migration):
    dependencies = [("blocks", "0003_blocks_are_the_sum_of_their_orders")]

    operations = [
        migrations.RunPython(withdraw, migrations.RunPython.noop),
        migrations.RemoveConstraint("crossconsent", "an_erisa_plan_is_large_enough_to_be_crossed"),
        migrations.RemoveField("crossconsent", "plan_assets_amount"),
        migrations.RemoveField("historicalcrossconsent", "plan_assets_amount"),
        migrations.AddConstraint(
            "crossconsent",
            models.CheckConstraint(
                condition=models.Q(("nature", "ERISA"), ("permits", True), _negated=True), name="a_plan_under_erisa_is_never_crossed"
            ),
        ),
    ]
