"""manage.py audit_verify: exits non-zero where the record, or a screening or report kept beside it, was changed, cut or added to."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from apps.audit import seals


class Command(BaseCommand):
    help = (
        "Verify the record against its seals, and stored screenings and reports against their hashes on the record; exits"
        " non-zero on any change, removal or insertion."
    )

    def add_arguments(self, parser):
        parser.add_argument("--checkpoints", type=Path, help="a file of exported seals (default: the one in OMS_HOME)")
        parser.add_argument("--seal", action="store_true", help="seal what is not yet sealed first")

    def handle(self, *, checkpoints, seal, **options):
        if seal:
            seals.make_seal()
        verdict = seals.verify(checkpoints)
        for fault in verdict.faults:
            self.stderr.write(fault)
        if not verdict.whole:
            raise CommandError(f"The record is NOT whole: {len(verdict.faults)} faults.")
        self.stdout.write(
            f"The record is whole: {verdict.entries:,} entries under {verdict.seals:,} seals,"
            f" {verdict.unsealed:,} not yet sealed. {verdict.kept:,} screenings and reports are what it says they were."
        )
