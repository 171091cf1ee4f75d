"""``manage.py wheel_verify SEASON [--seed …]``: makes every draw of a wheel's season again."""

from django.core.management.base import BaseCommand, CommandError

from apps.algos import wheel_selectors as selectors


class Command(BaseCommand):
    help = "Makes the draws of a season again, and exits non-zero where one is not as the seed makes it."

    def add_arguments(self, parser) -> None:
        parser.add_argument("season", type=int, help="its number in the database, as the API tells it")
        parser.add_argument("--seed", help="as it was told; the one that is kept where it is not given")

    def handle(self, *args, **options) -> None:
        season = selectors.get_season(options["season"])
        found = selectors.verified(season, options["seed"])
        if found.problems:
            raise CommandError("\n".join(found.problems))
        self.stdout.write(f"{season.ref}: all {found.draws} draws are as the seed makes them; its SHA-256 is {season.commitment}.")
