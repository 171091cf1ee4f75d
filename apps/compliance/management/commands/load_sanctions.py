"""manage.py load_sanctions [FOLDER]: exits non-zero where the list is refused."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.compliance import services
from apps.compliance.models import SanctionsList
from apps.core.acts import Act
from apps.core.refusals import Refusal

SHOWN = 50


class Command(BaseCommand):
    help = (
        "Put the sanctions list in force whose files (sdn.csv, alt.csv, add.csv of OFAC) are in a folder, and hold every issuer,"
        " broker and custodian against it. The same files again change nothing."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", nargs="?", default=settings.SANCTIONS_FOLDER, help="default: OMS_SANCTIONS_FOLDER")

    def handle(self, *, folder, **options):
        if not folder:
            raise CommandError("Name a folder, or set OMS_SANCTIONS_FOLDER.")
        act = Act(by=automated_id("loader"), at=timezone.now(), via="command", reason="Load a sanctions list")
        try:
            loaded = services.load_sanctions(act, folder)
        except Refusal as refusal:
            self._name(refusal.facts.get("rows", []))
            raise CommandError(refusal.message) from refusal
        kept = SanctionsList.objects.defer("content").get(pk=loaded.list_id)
        self._name(kept.problems if loaded.is_new else [])
        self.stdout.write(
            f"{kept.ref} ({kept.sha256[:12]}) {'is' if loaded.is_new else 'was already'} in force: {kept.parties:,} parties,"
            f" {kept.names:,} names, {len(kept.problems):,} wrong rows left out. {loaded.matches:,} new matches wait."
        )

    def _name(self, rows: list[dict]) -> None:
        for one in rows[:SHOWN]:
            self.stderr.write(f"{one['file']}, row {one['row']}: {one['message']}")
        if len(rows) > SHOWN:
            self.stderr.write(f"and {len(rows) - SHOWN:,} more; each is kept with the list.")
