"""
manage.py load_demo: the demo firm, once, into an empty database; afterwards, its FIX sessions to today's street. The file
of the rebalance is written where there is none.
"""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.desk import demo_consents, demo_examples, demo_firm, demo_upstream, transition
from apps.portfolios.models import Portfolio


class Command(BaseCommand):
    help = "Load the demo firm and write the rebalancing file that its portfolio manager imports."

    def add_arguments(self, parser):
        parser.add_argument("--scale", type=int, default=1, help="copies of each client portfolio")
        parser.add_argument("--seed", type=int, default=1, help="chooses the lines of the rebalancing file")
        parser.add_argument("--examples", action="store_true", help="also what a firm has on its pages after some time")

    def handle(self, *, scale, seed, examples, **options):
        if settings.ENVIRONMENT != "simulation":
            raise CommandError("The demo firm is for a simulation; this environment is live.")
        path = Path(settings.OMS_HOME) / "demo" / "rebalance.csv"
        if Portfolio.objects.exists():
            street = demo_firm.point_sessions()
            demo_upstream.keep()
            if not path.exists():
                _write(path, seed)
            self.stdout.write(f"The demo firm is already here; its FIX sessions lead to {street}.")
            return
        loaded = demo_firm.load(scale)
        demo_consents.load()
        demo_upstream.keep()
        if examples:
            demo_examples.load()
        self.stdout.write(
            f"{loaded['portfolios']:,} portfolios, {loaded['instruments']} instruments, {loaded['people']} people; "
            f"{_write(path, seed):,} orders to import wait in {path}"
        )


def _write(path: Path, seed: int) -> int:
    """:return: how many orders"""
    lines = transition.transition(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(transition.as_csv(lines))
    return len(lines)
