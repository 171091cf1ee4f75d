"""manage.py fix_gateway: keeps the FIX sessions of one environment; ends in order on SIGTERM or Ctrl-C."""

import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.routing.gateway.booker import Bookers
from apps.routing.gateway.leadership import Leadership
from apps.routing.gateway.process import CannotStart, Gateway, NotAlone, StillLed


class Command(BaseCommand):
    help = "Keep the FIX sessions with brokers and dealers: hear, book, send."

    def add_arguments(self, parser):
        parser.add_argument("--environment", default=settings.ENVIRONMENT, help="simulation or live")
        parser.add_argument("--folder", type=Path, default=Path(settings.OMS_HOME) / "fix", help="of the FIX store")
        port = int(os.environ.get("STREET_PORT") or 0) or None
        parser.add_argument("--street-port", type=int, default=port, help="where the simulated street answers")

        parser.add_argument("--standby", action="store_true", help="wait until no other gateway runs, then take its sessions over")

    def handle(self, *, environment, folder, street_port, standby, **options):
        bookers = Bookers()  # Before anything has a thread or a connection.
        try:
            while True:
                if standby:
                    self.stderr.write("Stands by.")
                    Leadership("sending").wait_until_free()
                gateway = Gateway(environment, folder, bookers, simulation_port=street_port)
                try:
                    return gateway.run()
                except StillLed:
                    gateway.let_go()
                    if not standby:
                        raise  # Else it was free for a moment alone, as where the database was away, and its holder has it again.
        except (CannotStart, NotAlone) as problem:
            raise CommandError(str(problem)) from problem
