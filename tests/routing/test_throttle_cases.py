"""The throttles' cases of the library, sent as real messages: the service refuses what the cases say, and nothing else."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.audit.selectors import automated_id
from apps.core.acts import Act
from apps.routing import built_in
from apps.routing.models import Halt, Session, Throttle
from apps.routing.services import lift_halt, throttles

CASES = [(rule.code, told) for rule in built_in.SHELF for told in rule.fixtures]


@pytest.mark.parametrize(("code", "told"), CASES, ids=[f"{code}: {told['name']}" for code, told in CASES])
def test_comes_out_as_the_case_says(counterparties, firm, a_block, tess, code, told):
    limit, is_strategy = told["limit"], "most_repeats" in told["limit"]
    if is_strategy:
        Throttle.objects.create(strategy="VWAP", most_repeats=limit["most_repeats"], repeat_seconds=limit["seconds"])
        block = a_block("AAA", "BUY", Decimal(100))
    else:
        session = Session.objects.get(broker=firm.brokers["HARBOR"])
        Throttle.objects.create(session=session, **limit)
    found = []
    for nr, one in enumerate(told["sent"], 1):
        at, n = built_in.BEGIN + timedelta(seconds=float(one["at"])), one.get("n", 1)
        if is_strategy and float(one["at"]) >= float(told.get("lifted", "inf")):
            act = Act(by=tess.pk, at=built_in.BEGIN + timedelta(seconds=float(told["lifted"])), via="page", reason="It was the open.")
            for halt in Halt.objects.filter(status="ACTIVE", set_at__lt=act.at):
                lift_halt(act, halt.pk, seen={halt.pk: halt.version})
        act = Act(by=automated_id("gateway"), at=at, via="gateway")
        halts = Halt.objects.count()
        try:
            if is_strategy:
                throttles.count_strategies(act, [("VWAP", block)] * n)
            else:
                throttles.count_messages(act, [(session.pk, one.get("kind", "D"))] * n)
        except throttles.RateLimit as refused:
            found.append({"nr": nr, "said": refused.facts["reasons"][0]["said"] if "reasons" in refused.facts else "STOPPED"})
        if Halt.objects.count() > halts:
            found.append({"nr": nr, "said": Halt.objects.last().reason.split(": VWAP")[0], "stops": True})
    assert found == told["expect"]
