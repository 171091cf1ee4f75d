"""manage.py replay: exits non-zero where a day's verdicts cannot be reached again."""

from datetime import date, timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.compliance.selectors.replay import Report, replay_day, replay_rules, rules_before_the_desk

SHOWN = 50


class Command(BaseCommand):
    help = (
        "Judge every screening of a day again from what was stored with it: the verdicts must be the same. With --rules,"
        " judge the last days by the rules of today and tell what would have been held or let through."
    )

    def add_arguments(self, parser):
        parser.add_argument("day", nargs="?", type=date.fromisoformat, help="YYYY-MM-DD, UTC (default: today)")
        parser.add_argument("--rules", action="store_true", help="by the rules of today; tells, and fails only on faults")
        parser.add_argument("--days", type=int, default=90, help="how many days up to the day, with --rules (default: 90)")

    def handle(self, *, day, rules, days, **options):
        day = day or timezone.now().date()
        if rules:
            self._by_todays_rules(day, days)
            return
        report = replay_day(day)
        for d in report.differences[:SHOWN]:
            self.stderr.write(f"S-{d.run_id:06d} O-{d.order_id:06d} {d.rule or 'the order'}: was {d.was}, is {d.is_now}")
        self._tell(report)
        if not report.is_same:
            raise CommandError(
                f"NOT the same: {len(report.differences)} differences, {len(report.faults)} faults"
                f" in {report.runs:,} screenings of {day}."
            )
        self.stdout.write(f"The same: {report.judged:,} verdicts of {report.runs:,} screenings of {day}.")

    def _by_todays_rules(self, day: date, days: int) -> None:
        report = replay_rules(rules_before_the_desk(timezone.now().date()), day - timedelta(days=days - 1), day)
        for word, found in (("would have been held", report.held), ("would have been let through", report.let_through)):
            for d in found[:SHOWN]:
                self.stdout.write(f"S-{d.run_id:06d} O-{d.order_id:06d} {word} ({d.rule}): was {d.was}, would be {d.is_now}")
        self._tell(report)
        self.stdout.write(
            f"Of {report.judged:,} verdicts of {report.runs:,} screenings, {len(report.held):,} that passed would have been held"
            f" and {len(report.let_through):,} that were held let through."
        )
        if report.faults:
            raise CommandError(f"{len(report.faults)} screenings could not be judged.")

    def _tell(self, report: Report) -> None:
        for fault in report.faults[:SHOWN]:
            self.stderr.write(f"S-{fault.run_id:06d} {fault.why}")
        for code, count in sorted(report.unasked.items()):
            self.stdout.write(f"{code} could not be asked of {count:,} screenings: their inputs have nothing for it.")
