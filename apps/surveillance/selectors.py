"""Questions about days and incidents; who may see what lives here."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, F, IntegerField, QuerySet, Value, When

from apps.compliance.engine.incidents import held_in, portfolio_of
from apps.compliance.engine.scope import either, words
from apps.compliance.engine.standing import ASKS, Standing, stand
from apps.compliance.engine.storing import digest, expanded, unpacked
from apps.compliance.models import RuleVersion
from apps.compliance.selectors.runs import rule_versions
from apps.core.refusals import NotFound
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Position
from apps.users.services import can, holders_of

from . import rules
from .models import Day, Filing, Finding, Incident, MonthEnd, Run
from .states import Dy, Fi, In


def rules_of(version_ids: Iterable[int]) -> dict[int, int]:
    """Id of a rule's version to the rule's. One query."""
    return dict(RuleVersion.objects.filter(pk__in=set(version_ids)).values_list("pk", "rule_id"))


def held_before(run: Run) -> dict[tuple[int, int], int] | None:
    """What the run before this day's looked at as held; None where there was none."""
    earlier = Run.objects.filter(day__date__lt=run.day.date).order_by("-day__date", "-pk").values_list("inputs", flat=True).first()
    return None if earlier is None else held_in(unpacked(expanded(bytes(earlier))))


# --- days ------------------------------------------------------------------------------------------------------------


class Listed(NamedTuple):
    """A weekday with its report; None where it was never reported."""

    date: date
    day: Day | None

    @property
    def is_signed(self) -> bool:
        return self.day is not None and self.day.status == Dy.SIGNED


def days_seen_by(user) -> QuerySet[Day]:
    """The newest first; none for whom they are not."""
    if not can(user, "compliance.see"):
        return Day.objects.none()
    return Day.objects.select_related("run", "signed_by").defer("run__inputs").order_by("-date")


def get_day_seen_by(user, on: date) -> Day:
    """:raises NotFound: where there is no report, or it is hidden"""
    row = days_seen_by(user).filter(date=on).first()
    if row is None:
        raise NotFound(f"There is no report of {on}.")
    return row


def weekdays(user, today: date, back: int = 30) -> list[Listed]:
    """Each weekday since the first report, at most so many days back, and weekends that were reported; the newest first."""
    known = {day.date: day for day in days_seen_by(user).filter(date__gt=today - timedelta(days=back), date__lte=today)}
    if not known:
        return []
    first = min(known)
    every = (today - timedelta(days=n) for n in range((today - first).days + 1))
    return [Listed(on, known.get(on)) for on in every if on in known or (on.weekday() < 5 and on < today)]


def findings_of(user, day: Day) -> QuerySet[Finding]:
    """What the day's newest run found, breaches first, the largest before the others."""
    order = {"FAIL": 0, "INDETERMINATE": 1, "WARNING": 2}
    rows = Finding.objects.filter(run=day.run_id).select_related("rule_version__rule", "portfolio", "incident__owner")
    if not can(user, "portfolios.see_all"):
        rows = rows.filter(portfolio__in=portfolios.portfolios_seen_by(user).values("pk"))
    return rows.annotate(rank=_ranked(order)).order_by("rank", F("over_amount").desc(), "pk")


def _ranked(order: dict[str, int]):
    return Case(*(When(outcome=name, then=Value(rank)) for name, rank in order.items()), default=Value(9), output_field=IntegerField())


class LeftOut(NamedTuple):
    """A rule in force at a day's end that was asked of no portfolio, or not of all that its scope names, and why."""

    version: RuleVersion
    why: str


def left_out(run: Run) -> list[LeftOut]:
    """By rules' names. One query."""
    versions = RuleVersion.objects.filter(pk__in=run.rule_versions).select_related("rule").order_by("rule__name")
    return [LeftOut(version, why) for version in versions if (why := _why_left_out(version))]


def _why_left_out(version: RuleVersion) -> str:
    if version.rule.kind not in ASKS:
        return "Its measure is of an order; a portfolio as it stands has no answer to it."
    if not version.scope.get("desks"):
        return ""
    rest = {kind: codes for kind, codes in version.scope.items() if kind != "desks"}
    desks = either(words({"desks": version.scope["desks"]}))
    asked = f"It was asked of {either(words(rest))} alone" if rest else "It was not asked"
    return f"{asked}: a desk works orders, not portfolios, so {desks} names none."


class Again(NamedTuple):
    """A run asked again: whether its stored inputs are what they were, and what is said otherwise now."""

    is_whole: bool
    differences: list[str]


def ask_again(run: Run) -> Again:
    """The same rules of the same inputs once more. What is said otherwise than then, in words."""
    content = expanded(bytes(Run.objects.values_list("inputs", flat=True).get(pk=run.pk)))
    if digest(content) != run.inputs_hash:
        return Again(False, ["The stored inputs are not those that the report was made of."])
    s = unpacked(content)
    versions = rule_versions(run.rule_versions)
    said = stand(s, [versions[pk] for pk in run.rule_versions])
    now = {(rule.id, portfolio_of(s, one), one.group): one for rule, one in said}
    then = {(row.rule_version_id, row.portfolio_id, row.group): row for row in run.findings.all()}
    return Again(True, [*_lost(then, now), *_new(then, now)])


def _lost(then: dict, now: dict[tuple, Standing]) -> list[str]:
    differences = []
    for key, row in then.items():
        one = now.get(key)
        said = None if one is None else "WARNING" if one.outcome == "PASS" and one.warned else one.outcome
        if said != row.outcome:
            differences.append(f"{row.group}: {row.outcome} then, {said or 'nothing'} now")
    return differences


def _new(then: dict, now: dict[tuple, Standing]) -> list[str]:
    return [
        f"{one.group}: nothing then, {one.outcome} now"
        for key, one in now.items()
        if (one.outcome != "PASS" or one.warned) and key not in then
    ]


# --- incidents -------------------------------------------------------------------------------------------------------


def incidents_seen_by(user) -> QuerySet[Incident]:
    """Those of portfolios the person sees: open ones by the day they are to be cured, then the others; none for others."""
    if not (can(user, "compliance.see") or can(user, "compliance.see_own")):
        return Incident.objects.none()
    rows = Incident.objects.select_related("rule", "portfolio", "owner")
    if not can(user, "portfolios.see_all"):
        rows = rows.filter(portfolio__in=portfolios.portfolios_seen_by(user).values("pk"))
    return rows.annotate(rank=_standing()).order_by("rank", "cure_by", F("over_amount").desc(), "pk")


def _standing():
    return Case(When(status=In.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())


def colleagues() -> list[tuple[int, str]]:
    """Who may answer for an incident: id and name. One query."""
    people = holders_of("compliance.see") | holders_of("portfolios.see")
    return [(one.pk, str(one)) for one in people.order_by("first_name", "last_name")]


def get_incident_seen_by(user, incident_id: int) -> Incident:
    """:raises NotFound:"""
    row = incidents_seen_by(user).filter(pk=incident_id).first()
    if row is None:
        raise NotFound("There is no such incident, or it is of a portfolio that is not yours to see.")
    return row


# --- filings ---------------------------------------------------------------------------------------------------------

# What the firm holds of shares, and what the rights it holds may become: an option without a CFI code is taken to be American.
HELD = """
WITH held AS (
  SELECT instrument_id, sum(qty) AS qty FROM portfolios_position GROUP BY 1 HAVING sum(qty) > 0
), rights AS (
  SELECT i.underlying_id AS share_id,
    coalesce(sum(h.qty * i.price_factor) FILTER (WHERE i.asset_class = 'OPTION'
      AND (substr(i.cfi_code, 3, 1) <> 'E' OR i.maturity_date <= %(soon)s)), 0) AS calls_soon,
    coalesce(sum(h.qty * i.price_factor) FILTER (WHERE i.asset_class = 'OPTION'), 0) AS calls,
    coalesce(sum(h.qty / 1000 * i.conversion_ratio) FILTER (WHERE i.asset_class = 'CORP'), 0) AS converts
  FROM held h JOIN reference_instrument i ON i.id = h.instrument_id
  WHERE i.underlying_id IS NOT NULL AND i.maturity_date >= %(day)s AND (i.put_or_call = 'CALL' OR i.conversion_ratio IS NOT NULL)
  GROUP BY 1
)
SELECT i.id, i.symbol, i.country, i.asset_class, coalesce(h.qty, 0), i.shares_outstanding,
       coalesce(h.qty, 0) * (q.bid + q.ask) / 2 * i.price_factor * coalesce(fx.rate, CASE i.currency_id WHEN 'USD' THEN 1 END),
       coalesce(r.calls_soon, 0), coalesce(r.calls, 0), coalesce(r.converts, 0)
FROM held h FULL JOIN rights r ON r.share_id = h.instrument_id
JOIN reference_instrument i ON i.id = coalesce(h.instrument_id, r.share_id)
LEFT JOIN marketdata_quote q ON q.instrument_id = i.id
LEFT JOIN marketdata_fxrate fx ON fx.base_id = i.currency_id AND fx.quote_id = 'USD'
WHERE i.asset_class IN ('EQUITY', 'ETF') ORDER BY i.id
"""
SOON = timedelta(days=60)
TRADED = """
SELECT coalesce(sum(abs(m.qty)) FILTER (WHERE m.trade_date = %s), 0),
       coalesce(sum(abs(m.qty * m.price * i.price_factor)) FILTER (WHERE m.trade_date = %s), 0),
       coalesce(sum(abs(m.qty)), 0), coalesce(sum(abs(m.qty * m.price * i.price_factor)), 0)
FROM portfolios_movement m JOIN reference_instrument i ON i.id = m.instrument_id
WHERE m.kind = 'TRADE' AND m.trade_date BETWEEN %s AND %s AND i.country = 'US' AND i.asset_class IN ('EQUITY', 'ETF')
"""


def held_by_the_firm(day: date) -> list[rules.Held]:
    """Every share and listed fund that the portfolios hold together, or have rights to. One query. :param day: whose rights"""
    with connection.cursor() as cursor:
        cursor.execute(HELD, {"day": day, "soon": day + SOON})
        return [rules.Held(*row) for row in cursor.fetchall()]


def traded(day: date) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Shares and dollars of listed shares of the United States traded on a day, and in its month so far. One query."""
    with connection.cursor() as cursor:
        cursor.execute(TRADED, [day, day, day.replace(day=1), day])
        return cursor.fetchone()


def last_filings() -> dict[tuple[str, int | None], rules.Last]:
    """Of each form and instrument the newest filing, needed or not. One query."""
    rows = Filing.objects.order_by("form", "instrument", "-started_on")
    newest = rows.distinct("form", "instrument").values_list("form", "instrument", "pct", "started_on", "direct_pct")
    return {
        (form, instrument): rules.Last(Fraction(pct or 0), on, None if direct is None else Fraction(direct))
        for form, instrument, pct, on, direct in newest
    }


def month_ends(day: date) -> dict[date, Decimal]:
    """What the firm held of section 13(f) securities at the ends of months before, in USD. One query."""
    return dict(MonthEnd.objects.filter(date__lt=day, date__year__gte=day.year - 1).values_list("date", "worth"))


def uncounted_convertibles() -> list[str]:
    """Convertible bonds that are held and do not say how many shares they turn into. One query."""
    held = Position.objects.filter(qty__gt=0, instrument__asset_class="CORP", instrument__underlying__isnull=False)
    return sorted(set(held.filter(instrument__conversion_ratio=None).values_list("instrument__symbol", flat=True)))


def filings_seen_by(user) -> QuerySet[Filing]:
    """Those that are due first, by day; none for whom they are not."""
    if not can(user, "compliance.see"):
        return Filing.objects.none()
    rows = Filing.objects.select_related("instrument", "ended_by")
    rank = Case(When(status=Fi.DUE, then=Value(0)), default=Value(1), output_field=IntegerField())
    return rows.annotate(rank=rank).order_by("rank", "due_on", "-pk")
