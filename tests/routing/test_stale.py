"""
Feature D11 for every address: whoever acts on what a colleague changed meanwhile is refused with 409 and what was done,
by whom; nothing is overwritten. An address that changes something is in one of these tables, or a test fails until
somebody decides.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.algos import services as algos
from apps.algos.models import Algo, Season
from apps.audit.services import record
from apps.blocks import services as blocks
from apps.compliance import services as compliance
from apps.compliance.models import Clause, NameMatch, Rule
from apps.core.events import Fact
from apps.crossing import services as crossing
from apps.desk.lists import saved, specs
from apps.desk.orders.sheet import ORDERS
from apps.groups import services as groups
from apps.groups.models import PackageBroker
from apps.orders import events as order_events
from apps.orders import services as orders
from apps.orders.models import Approval, ImportTemplate, Order, OwnField
from apps.portfolios import terms
from apps.reference.models import Broker, ContractFamily
from apps.routing import services as routing
from apps.routing.models import Alert, AlertRule, BrokerStrategy, DealerQuote, Execution, Inquiry, Message, Session
from apps.routing.rules import Dialect
from apps.routing.rules.cards import Card
from apps.surveillance import services as surveillance
from apps.surveillance.events import FilingDue
from apps.surveillance.models import Day, Filing, Incident
from apps.users.models import User
from tests.compliance.conftest import held, rules, submit  # noqa: F401
from tests.compliance.ruling import take_out
from tests.crossing.conftest import consent, found, proposed, wish  # noqa: F401
from tests.house.test_doors import MATRIX, OURS, POSTS, SAMPLE
from tests.orders.files import csv_of, line
from tests.races import at_once
from tests.surveillance.conftest import aaa  # noqa: F401

pytestmark = pytest.mark.django_db
WHY = "Because."
SPEC = {"columns": ["order", "usd"], "widths": {}, "sort": [], "group": "", "totals": [], "filters": [], "colours": []}
STEPS = [{"name": "A colleague", "permission": "orders.approve"}]
HALVES = [{"broker": "HARBOR", "qty": "100"}, {"broker": "MERIDIAN", "qty": "200"}]
ALGOS = {"start": "planned_algo", "pause": "algo", "resume": "paused_algo", "stop": "algo"}
STAGING = {"target_comp_id": "PMS", "host": "127.0.0.1", "port": 9890}


class Things:
    """
    Each thing as a colleague left it, at a later version than the first, which is what the person still looks at; or,
    where it is to be ``fresh``, as both of two people see it who act at once.
    """

    def __init__(self, request, by, *, fresh: bool = False):
        self.get, self.by, self.fresh = request.getfixturevalue, by, fresh

    def make(self, kind: str) -> SimpleNamespace:
        made = getattr(self, kind)()
        made = made if isinstance(made, SimpleNamespace) else SimpleNamespace(pk=made)
        made.n = getattr(made, "n", 1) if self.fresh else 1
        made.ids = getattr(made, "ids", [made.pk])
        return made

    def act(self, name: str):
        return self.by(self.get(name), WHY)

    def wish(self, **more) -> orders.Wish:
        firm = self.get("firm")
        said = {"side": "BUY", "qty": "100"} | more
        return orders.Wish(firm.portfolios["P3"].pk, firm.instruments["AAA"].pk, **said)

    def order(self, change=None, **more) -> int:
        OwnField.objects.get_or_create(code="note", defaults={"label": "Note", "kind": "text"})
        (pk,) = orders.create_orders(self.act("mira"), [self.wish(**more)])
        if not self.fresh:
            orders.amend_orders(self.act("mira"), {pk: change or {"qty": "90"}}, seen={pk: 1})
        return pk

    def derived(self) -> int:
        said = {"intent": "AMOUNT", "intent_value": "100000"}
        return self.order(said | {"intent_value": "50000"}, qty="", **said)

    def short(self) -> SimpleNamespace:
        pk = self.order(side="SELL_SHORT")
        until, n = timezone.now() + timedelta(hours=3), 1 if self.fresh else 2
        locate = orders.attach_locate(self.act("mira"), pk, lender="L", ref="1", qty="50", expires_at=until, seen={pk: n})
        return SimpleNamespace(pk=pk, args=(pk, locate), n=2)

    def two_orders(self) -> SimpleNamespace:
        ids = [self.order(), self.order()]
        return SimpleNamespace(pk=ids[0], ids=ids, args=())

    def group(self) -> SimpleNamespace:
        ids = orders.create_orders(self.act("mira"), [self.wish(), self.wish()])
        legs = [orders.LegIn(pk) for pk in ids]
        group = orders.link_orders(self.act("mira"), "OCO", "Either", legs, seen=dict.fromkeys(ids, 1))
        return SimpleNamespace(pk=ids[0], ids=ids, args=(group,), n=2)

    def approval(self) -> int:
        self.get("alone")
        orders.save_approval_rule(self.act("omar"), "all", {"steps": STEPS})
        (pk,) = orders.create_orders(self.act("mira"), [self.wish()], submit=True)
        orders.mark_cleared(self.by("worker"), {pk: 1})
        one = Approval.objects.get()
        orders.approve(self.act("paul"), [one.pk], seen={one.pk: 1})
        return one.pk

    def approval_rule(self) -> SimpleNamespace:
        for seen in (None,) if self.fresh else (None, 1):
            pk = orders.save_approval_rule(self.act("omar"), "all", {"steps": STEPS}, seen=seen)
        return SimpleNamespace(pk=pk, code="all")

    def proposal(self) -> int:
        for qty in ("100",) if self.fresh else ("100", "50"):
            (pk,) = orders.propose_orders(self.act("mira"), [self.wish(qty=qty)])
        return pk

    def batch(self) -> SimpleNamespace:
        self.get("alone")
        self.get("firm")
        pk = orders.upload_import(self.act("mira"), "x.csv", csv_of([line("P3")]))
        orders.stage_imports(self.by("worker"), [Fact(pk, 1, order_events.ImportUploaded("", ""))])
        if not self.fresh:
            orders.discard_import(self.act("mira"), pk, seen={pk: 2})
        return SimpleNamespace(pk=pk, n=2)

    def template(self) -> int:
        pk = ImportTemplate.objects.create(
            owner=self.get("mira"), name="List", headings=["Fonds"], columns={}, words={}, signature="x",
            saved_at=timezone.now(),
        ).pk  # fmt: skip
        if not self.fresh:
            orders.rename_template(self.act("mira"), pk, "Liste", seen={pk: 1})
        return pk

    def review(self) -> int:
        pk = self.get("held")().pk
        if not self.fresh:
            compliance.send_back_reviews(self.act("odile"), [pk], seen={pk: 1})
        return pk

    def question(self) -> SimpleNamespace:
        review = self.get("held")()
        pk = compliance.ask(self.act("omar"), review.pk, "Why?", seen=1)
        if not self.fresh:
            compliance.answer(self.act("mira"), pk, "A transfer.", seen=1)
        return SimpleNamespace(pk=pk, args=(review.order_id, pk))

    def question_alone(self) -> int:
        return self.question().pk

    def rule(self) -> SimpleNamespace:
        self.get("rules")
        one = Rule.objects.get(code="order_value")
        if not self.fresh:
            take_out(self.by, one.code)
        return SimpleNamespace(pk=one.pk, code=one.code)

    def draft(self) -> int:
        self.get("rules")
        rule = Rule.objects.get(code="order_value")
        text = compliance.RuleText("", "", "", "HARD", {"max_amount": "5"})
        (pk,) = compliance.write_drafts(self.act("omar"), [compliance.Change(text, rule.pk, 1)])
        if not self.fresh:
            compliance.propose_drafts(self.act("omar"), [pk], seen={pk: 1})
        return pk

    def mandate(self) -> SimpleNamespace:
        said = compliance.Said("1", "No issuer above 10%.")
        pk = compliance.enter_mandate(self.act("omar"), "HOUSE", "House", date(2026, 1, 5), clauses=[said])
        if not self.fresh:
            compliance.keep_clauses(self.act("odile"), pk, [said._replace(text="No issuer above 8%.")], seen=2)
        return SimpleNamespace(pk=pk, n=2)

    def clause(self) -> int:
        home = self.mandate()
        return Clause.objects.get(document=home.pk).pk

    def clause_of_mandate(self) -> SimpleNamespace:
        one = Clause.objects.get(pk=self.clause())
        return SimpleNamespace(pk=one.pk, ids=[one.document_id], n=2)

    def mapping(self) -> SimpleNamespace:
        self.get("firm")
        clause = self.clause()
        seen = {clause: 1 if self.fresh else 2}
        (pk,) = compliance.propose_mappings(self.act("omar"), [(clause, None)], seen=seen, rules_seen={})
        if not self.fresh:
            compliance.refuse_mappings(self.act("odile"), [pk], seen={pk: 1})
        return SimpleNamespace(pk=pk, home=Clause.objects.get(pk=clause).document_id)

    def approved_mapping(self) -> SimpleNamespace:
        self.get("firm")
        clause = self.clause()
        seen = {clause: 1 if self.fresh else 2}
        (pk,) = compliance.propose_mappings(self.act("omar"), [(clause, None)], seen=seen, rules_seen={})
        compliance.approve_mappings(self.act("odile"), [pk], seen={pk: 1})
        return SimpleNamespace(pk=pk, n=2)

    def term(self) -> SimpleNamespace:
        firm, today = self.get("firm"), timezone.now().date()
        said = terms.TermText(firm.portfolios["P3"].pk, firm.brokers["HARBOR"].pk, "DENY", today)
        (pk,) = terms.set_terms(self.act("omar"), [said])
        if not self.fresh:
            terms.end_terms(self.act("odile"), today + timedelta(days=9), seen={pk: 2})
        return SimpleNamespace(pk=pk, n=2)

    def throttle(self) -> SimpleNamespace:
        said = routing.ThrottleText(most_repeats=5)
        pk = routing.set_throttle(self.act("omar"), said, strategy="VWAP")
        if not self.fresh:
            routing.change_throttle(self.act("odile"), pk, said._replace(per_day=10), seen=2)
        return SimpleNamespace(pk=pk, n=2)

    def limit(self) -> SimpleNamespace:
        today = timezone.now().date()
        (pk,) = compliance.set_limits(self.act("omar"), [compliance.LimitText(today, max_qty=Decimal(100))])
        if not self.fresh:
            (end,) = compliance.propose_limit_ends(self.act("odile"), today + timedelta(days=9), seen={pk: 2})
            compliance.approve_limit_ends(self.act("omar"), [end], seen={end: 1})
        return SimpleNamespace(pk=pk, n=2)

    def acting_rule(self) -> int:
        """A routing rule that acts by itself."""
        text = routing.RuleText(
            5, "Small", "ALGO", brokers=[self.get("firm").brokers["HARBOR"].code], strategy="VWAP", mode="ACTIVE", daily_cap_usd=Decimal(9)
        )
        self.get("counterparties")
        pk, n = None, 0
        for cap in (9,) if self.fresh else (9, 8):
            change = routing.propose_rule(self.act("tess"), text._replace(daily_cap_usd=Decimal(cap)), rule_id=pk, seen=n)
            pk, n = routing.approve_rule(self.act("omar"), change, seen={change: 1}), n + 1
        return pk

    def rule_change(self) -> int:
        text = routing.RuleText(5, "Kept", "TRADER", condition="qty > 5")
        pk = routing.propose_rule(self.act("tom"), text)
        if not self.fresh:
            routing.drop_rule(self.act("tom"), pk, seen={pk: 1})
        return pk

    def limit_end(self) -> int:
        today = timezone.now().date()
        (limit,) = compliance.set_limits(self.act("omar"), [compliance.LimitText(today, max_qty=Decimal(100))])
        (pk,) = compliance.propose_limit_ends(self.act("omar"), today, seen={limit: 2})
        if not self.fresh:
            compliance.drop_limit_ends(self.act("omar"), [pk], seen={pk: 1})
        return pk

    def room(self) -> int:
        self.get("rules")
        (order,) = orders.create_orders(self.act("mira"), [self.wish()])
        act = self.act("mira")
        (pk,) = compliance.reserve_room(act, [order], seen={order: 1}, until=act.at + timedelta(hours=1))
        if not self.fresh:
            compliance.release_room(self.act("omar"), [pk], seen={pk: 1})
        return pk

    def incident(self) -> SimpleNamespace:
        self.get("aaa")("25")
        surveillance.report_day(self.by("scheduler"))
        one = Incident.objects.order_by("pk").first()
        if not self.fresh:
            surveillance.note_incident(self.act("odile"), one.pk, seen={one.pk: 1})
        return SimpleNamespace(pk=one.pk)

    def filing(self) -> SimpleNamespace:
        self.get("firm")
        one = Filing.objects.create(
            form="13H", started_on=timezone.now().date(), due_on=timezone.now().date(), text="13H", source="17 CFR 240.13h-1"
        )
        with transaction.atomic():
            record(self.by("scheduler"), [Fact(one.pk, 1, FilingDue("13H", None, "", one.due_on.isoformat()))])
        if not self.fresh:
            surveillance.filing_made(self.act("odile"), one.pk, "0001", seen={one.pk: 1})
        return SimpleNamespace(pk=one.pk)

    def day(self) -> SimpleNamespace:
        self.get("aaa")("99")
        pk = surveillance.report_day(self.by("scheduler"))
        if not self.fresh:
            surveillance.report_day(self.act("odile"))
        return SimpleNamespace(pk=pk, args=(Day.objects.get(pk=pk).date.isoformat(),))

    def restriction(self) -> int:
        issuer = self.get("firm").instruments["AAA"].issuer_id
        listing = compliance.Listing(issuer_id=issuer, reason=WHY, effective_from=timezone.now().date())
        (pk,) = compliance.restrict(self.act("omar"), [listing])
        if not self.fresh:
            compliance.ask_to_lift(self.act("odile"), [pk], seen={pk: 1})
        return pk

    def asked_restriction(self) -> SimpleNamespace:
        issuer = self.get("firm").instruments["AAA"].issuer_id
        (pk,) = compliance.restrict(self.act("omar"), [compliance.Listing(WHY, timezone.now().date(), issuer)])
        compliance.ask_to_lift(self.act("omar"), [pk], seen={pk: 1})
        return SimpleNamespace(pk=pk, n=2)

    def position_limit(self) -> int:
        family = ContractFamily.objects.create(code="CL", name="Crude")
        limit = compliance.NewLimit(family.pk, "ALL", Decimal(10), "FIRM", "Board", timezone.now().date())
        (pk,) = compliance.add_position_limits(self.act("omar"), [limit])
        if not self.fresh:
            compliance.end_position_limits(self.act("odile"), [pk], seen={pk: 1})
        return pk

    def match(self) -> int:
        self.get("firm")
        folder = self.get("tmp_path")
        (folder / "sdn.csv").write_text('1,"GAMMA",-0- ,"CUBA"' + ",-0- " * 8 + "\n")
        (folder / "alt.csv").write_text("")
        compliance.load_sanctions(self.get("by")("loader"), folder)
        pk = NameMatch.objects.get().pk
        if not self.fresh:
            compliance.clear_matches(self.act("odile"), [pk], seen={pk: 1})
        return pk

    def close_out(self) -> int:
        firm = self.get("firm")
        sold, home = firm.instruments["AAA"].pk, firm.portfolios["P1"].pk
        fail = compliance.Fail("allocation:1", sold, home, Decimal(5), True, date(2026, 11, 2), "USD")
        [pk] = compliance.open_close_outs(self.get("by")("loader"), [fail])
        if not self.fresh:
            compliance.close_by_hand(self.act("odile"), [pk], seen={pk: 1})
        return pk

    def block(self) -> int:
        pk = self.get("a_block")("AAA", "BUY", 100, 200).pk
        if not self.fresh:
            blocks.pick_up_blocks(self.act("tess"), [pk], seen={pk: 1})
            blocks.hand_over_blocks(self.act("tess"), [pk], to="", seen={pk: 2})
        return pk

    def own_block(self) -> SimpleNamespace:
        pk = self.get("a_block")("AAA", "BUY", 100, 200).pk
        blocks.pick_up_blocks(self.act("tom"), [pk], seen={pk: 1})
        if not self.fresh:
            blocks.hand_over_blocks(self.act("tom"), [pk], to="", seen={pk: 2})
        return SimpleNamespace(pk=pk, n=2)

    def blocked_order(self, split: bool = False) -> SimpleNamespace:
        one = self.get("a_block")("AAA", "BUY", 100)
        (first,) = ids = list(one.members.values_list("order_id", flat=True))
        if split or not self.fresh:
            ids.append(blocks.split_order(self.act("tess"), first, Decimal(40), seen={first: version_of(first)})[0])
        return SimpleNamespace(pk=first, args=(first,), ids=ids, n={pk: version_of(pk) for pk in ids})

    def parts(self) -> SimpleNamespace:
        return self.blocked_order(split=True)

    def route(self) -> SimpleNamespace:
        street, one = self.get("street"), self.get("a_route")(10_000)
        if self.fresh:
            one = street.report(one, "0", "0")
        else:
            street.report(one, "F", "1", last=(1_000, 50), cum=1_000)
        return SimpleNamespace(pk=one.pk, n=one.version)

    def inquiry(self) -> SimpleNamespace:
        block = self.get("a_block")("BOND", "BUY", 100_000)
        routing.route_blocks(self.act("tom"), [block.pk], seen={block.pk: 1})
        for quote in DealerQuote.objects.order_by("pk"):
            self.get("street").quote(quote, "98")
        one = Inquiry.objects.get()
        return SimpleNamespace(pk=one.pk, n=one.version)

    def message(self) -> int:
        street, one = self.get("street"), self.get("a_route")(10_000)
        street.report(one, "F", "1", last=(50_000, 50), cum=50_000)
        pk = Message.objects.get(status="QUARANTINED").pk
        if not self.fresh:
            routing.settle_message(self.act("tess"), pk, "dismiss")
        return pk

    def halt(self) -> int:
        self.get("firm")
        pk = routing.set_halt(self.act("tom"), "FIRM")
        if not self.fresh:
            routing.lift_halt(self.act("omar"), pk, seen={pk: 1})
        return pk

    def alert(self) -> int:
        AlertRule.objects.create(name="No answer", kind="NO_ACK", threshold=30)
        self.get("a_route")(10_000)
        act = self.by("scheduler", via="worker")
        act.at += timedelta(seconds=40)
        routing.raise_alerts(act)
        pk = Alert.objects.get().pk
        if not self.fresh:
            routing.acknowledge_alerts(self.act("tess"), [pk], seen={pk: 1})
        return pk

    def session(self) -> int:
        self.get("firm")
        pk = routing.add_staging_session(self.act("alan"), **STAGING)
        if not self.fresh:
            routing.change_staging_session(self.act("alan"), pk, {"port": 9891}, seen={pk: 1})
        return pk

    def broker_session(self) -> int:
        self.get("counterparties")
        pk = Session.objects.order_by("pk").first().pk
        if not self.fresh:
            routing.change_routing_session(self.act("olga"), pk, {"port": 9891}, seen={pk: 1})
        return pk

    def dialect(self) -> int:
        self.get("counterparties")
        act = self.act("olga")
        pk = routing.propose_dialect(act, Session.objects.order_by("pk").first().pk, Dialect(symbology="ISIN"))
        if not self.fresh:
            routing.approve_dialect(self.act("alan"), pk, seen={pk: 1})
        return pk

    def rate_card(self) -> int:
        pk = routing.propose_rate_card(self.act("olga"), A_CARD._replace(starts_on=timezone.localdate()))
        if not self.fresh:
            routing.approve_rate_card(self.act("alan"), pk, seen={pk: 1})
        return pk

    def stopped(self) -> int:
        pk = routing.stop_session(self.act("olga"), self.session())
        if not self.fresh:
            routing.start_session(self.act("alan"), pk, seen={pk: 1})
        return pk

    def numbers(self) -> int:
        session = self.session()
        routing.stop_session(self.act("olga"), session)
        pk = routing.propose_numbers(self.act("olga"), session, next_out=1, next_in=None)
        if not self.fresh:
            routing.approve_numbers(self.act("alan"), pk, seen={pk: 1})
        return pk

    def grant(self, confirmed: bool = False) -> SimpleNamespace:
        pk = routing.ask_grant(self.act("olga"), self.session(), "mira", every=True)
        if confirmed or not self.fresh:
            routing.confirm_grant(self.act("omar"), pk, seen={pk: 1})
        return SimpleNamespace(pk=pk, n=2 if confirmed else 1)

    def granted(self) -> SimpleNamespace:
        return self.grant(confirmed=True)

    def strategy_file(self, approved: bool = False) -> SimpleNamespace:
        self.get("counterparties")
        pk = routing.load_strategies(self.act("olga"), "HARBOR", "s.xml", STRATEGIES)
        if approved or not self.fresh:
            routing.approve_strategies(self.act("tess"), pk, seen={pk: 1})
        return SimpleNamespace(pk=pk, n=2 if approved else 1)

    def offered_file(self) -> SimpleNamespace:
        return self.strategy_file(approved=True)

    def by_hand(self) -> int:
        block = self.get("a_block")("AAA", "BUY", 100)
        told = routing.HandFill(block.pk, "HARBOR", Decimal(100), Decimal(50), timezone.now().replace(microsecond=0))
        routing.book_by_hand(self.act("tom"), [told], seen={block.pk: 1})
        pk = Execution.objects.get().pk
        if not self.fresh:
            routing.take_back(self.act("tess"), pk, seen={pk: 1})
        return pk

    def block_and_strategy(self) -> SimpleNamespace:
        pk = self.block()
        self.offered_file()
        return SimpleNamespace(pk=pk, args=(BrokerStrategy.objects.get().pk, pk))

    def rotation(self) -> int:
        self.get("firm")
        pk = blocks.make_rotation(self.act("alan"), "Main", "MAIN", ["FREE", "HARBOR", "MERIDIAN"])
        if not self.fresh:
            blocks.reset_rotation(self.act("alan"), pk, position=1, seen={pk: 1})
        return pk

    def opposition(self) -> int:
        pk = self.get("found")().pk
        if not self.fresh:
            blocks.trade_apart(self.act("tess"), pk, seen={pk: 1})
        return pk

    def cross(self) -> int:
        pk = self.get("proposed")().pk
        if not self.fresh:
            crossing.accept_cross(self.act("mira"), pk, seen={pk: 1})
        return pk

    def algo(self, *, paused: bool = False, started: bool = True) -> SimpleNamespace:
        block, act = self.get("a_block")("AAA", "BUY", 1_000), self.act("tom")
        pk = algos.plan_algo(act, block.pk, algos.Ask("TWAP", "HARBOR", ends_at=act.at + timedelta(hours=1)), seen=block.version)
        steps = [algos.start_algo] if started else []
        steps += [algos.pause_algo] if paused else []
        for n, step in enumerate(steps, 1):
            step(act, pk, seen={pk: n})
        n = 1 + len(steps)
        if not self.fresh:
            algos.change_algo(act, pk, algos.ask_of(Algo.objects.get(pk=pk))._replace(interval_seconds=60), seen={pk: n})
        return SimpleNamespace(pk=pk, n=n)

    def paused_algo(self) -> SimpleNamespace:
        return self.algo(paused=True)

    def planned_algo(self) -> SimpleNamespace:
        return self.algo(started=False)

    def wheel_change(self) -> int:
        two = [algos.Destination("HARBOR", "VWAP", 1), algos.Destination("MERIDIAN", "TWAP", 1)]
        self.get("counterparties")
        pk = algos.propose_wheel(self.act("tom"), algos.WheelText("Main", two))
        if not self.fresh:
            algos.refuse_wheel(self.act("omar"), pk, seen={pk: 1})
        return pk

    def season(self, *, close: bool = True) -> SimpleNamespace:
        fresh, self.fresh = self.fresh, True
        change = self.wheel_change()
        self.fresh = fresh
        wheel = algos.approve_wheel(self.act("omar"), change, seen={change: 1})
        pk = Season.objects.get().pk
        if close and not fresh:
            algos.close_season(self.act("odile"), pk, seen={pk: 1})
        return SimpleNamespace(pk=pk, wheel=wheel)

    def block_and_wheel(self) -> SimpleNamespace:
        wheel, pk = self.season(close=False).wheel, self.block()
        Session.objects.update(is_up=True)
        return SimpleNamespace(pk=pk, args=(wheel, pk), wheel=wheel)

    def block_beside_wheel(self) -> SimpleNamespace:
        made = self.block_and_wheel()
        return SimpleNamespace(pk=made.pk, wheel=made.wheel)

    def draw(self) -> int:
        fresh, self.fresh = self.fresh, True
        at = self.block_and_wheel()
        self.fresh = fresh
        pk = algos.draw(self.act("tom"), at.wheel, at.pk, seen=1)
        if not fresh:
            algos.set_aside(self.act("tess"), pk, seen={pk: 1})
        return pk

    def two_blocks(self) -> SimpleNamespace:
        ids = [self.block(), self.get("a_block")("BBB", "BUY", 100).pk]
        return SimpleNamespace(pk=ids[0], ids=ids, args=())

    def planned_program(self) -> int:
        pk = self.planned_group("PROGRAM")
        if not self.fresh:
            groups.send_wave(self.act("tess"), pk, Decimal(50), seen={pk: 1})
        return pk

    def planned_group(self, kind: str = "OCO") -> int:
        ids = [self.get("a_block")(symbol, "BUY", 100).pk for symbol in ("AAA", "BBB")]
        pk = groups.compose_group(self.act("tom"), kind, ids, seen=dict.fromkeys(ids, 1))
        if kind == "PROGRAM":
            return pk
        if not self.fresh:
            groups.send_group(self.act("tess"), pk, seen={pk: 1})
        return pk

    def sent_group(self) -> SimpleNamespace:
        pk = self.planned_group()
        if self.fresh:
            groups.send_group(self.act("tess"), pk, seen={pk: 1})
        return SimpleNamespace(pk=pk, n=2)

    def package_group(self) -> SimpleNamespace:
        PackageBroker.objects.create(broker=self.get("firm").brokers["HARBOR"])
        ids = [self.get("a_block")(symbol, side, 100).pk for symbol, side in (("AAA", "BUY"), ("CCC", "SELL"))]
        pk = groups.compose_group(self.act("tom"), "MULTILEG", ids, seen=dict.fromkeys(ids, 1), brokers=dict.fromkeys(ids, "HARBOR"))
        groups.send_group(self.act("tess"), pk, seen={pk: 1})
        return SimpleNamespace(pk=pk, n=2)

    def paused_group(self) -> SimpleNamespace:
        pk = self.sent_group().pk
        groups.pause_group(self.act("tess"), pk, seen={pk: 2})
        return SimpleNamespace(pk=pk, n=3)

    def view(self) -> int:
        spec = specs.read(ORDERS, SPEC)
        pk = saved.save_view(self.act("mira"), ORDERS, spec, name="Mine").pk
        if not self.fresh:
            saved.save_view(self.act("mira"), ORDERS, spec, name="Mine", view_id=pk, seen=1)
        return pk


def version_of(order_id: int) -> int:
    return Order.objects.values_list("version", flat=True).get(pk=order_id)


@pytest.fixture
def things(request, by, people) -> Things:
    return Things(request, by)


SOON = "2035-01-01T10:00"
STRATEGIES = b"""<Strategies strategyIdentifierTag="5001" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<Strategy name="S" wireValue="S" version="1"><Parameter name="P" xsi:type="Int_t" fixTag="7000"/></Strategy></Strategies>"""
NUMBERS = {f"numbers_{act}": ("alan", "numbers", {}) for act in ("approve", "decline")}
DIALECTS = {f"dialect_{act}": ("alan", "dialect", {}) for act in ("approve", "decline")}
A_CARD = Card(0, asset_class="EQUITY", kind="BPS", rate=Decimal(1), books="CARD")
CARDS = {f"rate_card_{act}": ("alan", "rate_card", {}) for act in ("approve", "decline")}
GRANTS = {f"grant_{act}": ("odile", "grant", {}) for act in ("confirm", "decline", "end")}
LINKED = {"send": "planned_group", "drop": "planned_group", "pause": "sent_group", "end": "sent_group", "resume": "paused_group",
          "again": "sent_group", "wave": "planned_program", "change": "package_group"}  # fmt: skip
CROSSES = {"accept": "mira", "approve": "omar", "decline": "omar", "withdraw": "tom", "execute": "tom"}

# Of each page that changes something: who, what, and what its form says beside the version that was looked at.
RULE = {"kind": "order_value", "name": "Value", "severity": "HARD", "moments": ["submit"], "limit-max_amount": "5"}
PAGES: dict[str, tuple[str, str, dict | Callable]] = {
    **{f"orders:{act}": ("mira", "order", {}) for act in ("submit", "cancel")},
    "orders:amend": ("mira", "order", {"qty": "80", "order_type": "MARKET", "tif": "DAY"}),
    "orders:derive": ("mira", "derived", {}),
    "orders:own": ("mira", "order", {"seen": "1"}),
    "orders:attach_locate": ("mira", "short", lambda t: {"lender": "M", "ref": "2", "qty": "1", "expires_at": SOON}),
    "orders:release_locate": ("mira", "short", {}),
    "orders:add_document": ("mira", "order", {"url": "https://example.com/"}),
    "orders:link": ("mira", "two_orders", lambda t: {"kind": "OCO", "name": "Either"} | {
        f"{name}-{pk}": said for pk in t.ids for name, said in (("role", "LEG"), ("ratio", "1"))
    }),
    "orders:submit_group": ("mira", "group", {}),
    "orders:cancel_group": ("mira", "group", {}),
    "orders:decide_approval": ("omar", "approval", {"how": "approve"}),
    "orders:approval_rule": ("omar", "approval_rule", {"name": "All", "priority": "1", "steps": "A: trader"}),
    "orders:approval_rule_retire": ("omar", "approval_rule", {}),
    "orders:promote_proposals": ("mira", "proposal", {}),
    "orders:discard_proposals": ("mira", "proposal", {}),
    "orders:import_commit": ("mira", "batch", {}),
    "orders:import_discard": ("mira", "batch", {}),
    "orders:template_rename": ("mira", "template", {"name": "Other"}),
    "orders:template_remove": ("mira", "template", {}),
    "compliance:decide": ("omar", "review", {"how": "approve"}),
    "compliance:ask": ("omar", "review", {"text": "Why?"}),
    "compliance:answer": ("mira", "question", {"text": "Because."}),
    "compliance:rule": ("omar", "rule", {**RULE, "code": "order_value", "seen": "1"}),
    "compliance:draft_edit": ("omar", "draft", {**RULE, "seen": "1"}),
    "compliance:rule_end": ("omar", "rule", {}),
    "compliance:draft_act": ("omar", "draft", {"how": "drop"}),
    "compliance:edition_new": ("omar", "mandate", {"seen": "1", "effective_date": "2035-01-01"}),
    "compliance:clause_new": ("omar", "mandate", {"seen": "1", "reference": "2", "text": "Words."}),
    "compliance:clauses_import": (
        "omar", "mandate", lambda t: {"seen": "1", "file": SimpleUploadedFile("c.csv", b"reference,text\n2,Words\n")},
    ),
    "compliance:mandate_retire": ("omar", "mandate", {}),
    "compliance:clause": ("omar", "clause", {"seen": "1", "text": "Words."}),
    "compliance:clause_map": ("omar", "clause", {"seen": "1", "rule": "none"}),
    "compliance:clause_remove": ("omar", "clause_of_mandate", {}),
    "compliance:mapping_act": ("odile", "mapping", lambda t: {"how": "approve", "mandate": t.home}),
    "routing:throttle_change": ("omar", "throttle", {"seen": "1", "per_day": "5", "over": "REFUSE", "repeat_seconds": "60"}),
    "portfolios:term_end": ("omar", "term", lambda t: {"ends_on": f"{timezone.now():%Y-%m-%d}"}),
    "routing:throttle_end": ("omar", "throttle", {}),
    "routing:rule_decide": ("odile", "rule_change", {"do": "approve"}),
    "routing:rule_stop": ("tom", "acting_rule", {}),
    "compliance:limit_end": ("omar", "limit", lambda t: {"ends_on": f"{timezone.now():%Y-%m-%d}"}),
    "compliance:limit_end_act": ("odile", "limit_end", {"how": "approve"}),
    "compliance:lift": ("omar", "restriction", {"how": "ask"}),
    "compliance:end_position_limit": ("omar", "position_limit", {}),
    "compliance:decide_match": ("omar", "match", {"how": "confirm"}),
    "compliance:close_out_close": ("omar", "close_out", {}),
    "compliance:reserve_room": ("mira", "order", {"minutes": "60"}),
    "compliance:release_room": ("mira", "room", {}),
    "surveillance:assign": ("omar", "incident", lambda t: {"owner": User.objects.get(username="mira").pk}),
    "surveillance:work": ("omar", "incident", {"how": "close"}),
    "surveillance:sign": ("omar", "day", {}),
    "surveillance:filing": ("omar", "filing", {"how": "made", "said": "0002"}),
    **{f"blocks:{act}": ("tom", "block", {}) for act in ("route", "finish", "pick_up", "hand_over", "unblock")},
    "blocks:split": ("tom", "block", {"by": "qty", "qty": "50"}),
    "blocks:split_order": ("tom", "blocked_order", {"qty": "10"}),
    "blocks:join_orders": ("tom", "parts", {}),
    "blocks:opposition": ("tom", "opposition", {}),
    "blocks:rotation_reset": ("alan", "rotation", {"position": "0"}),
    "blocks:rotation_end": ("alan", "rotation", {}),
    "routing:cancel": ("tom", "route", {}),
    "routing:award": ("tom", "inquiry", {}),
    "routing:pass": ("tom", "inquiry", {}),
    "routing:take_best": ("tom", "inquiry", {}),
    "routing:pass_selected": ("tom", "inquiry", {"reason": "So."}),
    "routing:ask": ("tom", "block", {"dealers": ["ALDGATE", "CASTLE", "DORSET"], "seconds": "30", "award": "person"}),
    "routing:counter": ("tom", "inquiry", lambda t: our_price()),
    "routing:settle_message": ("tom", "message", {"how": "dismiss"}),
    "routing:halt_lift": ("tess", "halt", {}),
    "routing:alert_acknowledge": ("tom", "alert", {}),
    "routing:alert_snooze": ("tom", "alert", {"minutes": "5"}),
    **{f"routing:{name}": case for name, case in (GRANTS | DIALECTS | NUMBERS | CARDS).items()},
    "routing:session_start": ("alan", "stopped", {"reason": "back"}),
    **{f"routing:strategies_{act}": ("tom", "strategy_file", {}) for act in ("approve", "decline")},
    "routing:by_hand": (
        "tom", "block",
        lambda t: {
            "broker": Broker.objects.get(code="HARBOR").pk, "qty": "1", "price": "50", "at_time": f"{timezone.now():%H:%M:%S}",
        },
    ),
    "routing:take_back": ("tom", "by_hand", {}),
    **{f"algos:{act}": ("tom", kind, {}) for act, kind in ALGOS.items()},
    "algos:wheel_decide": ("odile", "wheel_change", {"do": "approve"}),
    "algos:season_close": ("omar", "season", {}),
    "algos:draw": ("tom", "block_and_wheel", {}),
    "algos:use_draw": ("tom", "draw", {"do": "route"}),
    "algos:change": ("tom", "algo", {"qty": "500", "interval_seconds": "30"}),
    "algos:ticket": (
        "tom", "block", {"kind": "TWAP", "broker_code": "HARBOR", "qty": "100", "interval_seconds": "60", "do": "start"},
    ),
    "routing:strategies_end": ("tom", "offered_file", {}),
    "routing:strategy_route": ("tom", "block_and_strategy", {"c.own_P": "1"}),
    "crossing:propose": ("tom", "opposition", {}),
    **{f"crossing:{act}": (who, "cross", {}) for act, who in CROSSES.items()},
    "groups:compose": ("tom", "two_blocks", {"kind": "OCO", "how": "REDUCE"}),
    **{f"groups:{act}": ("tom", kind, {"pct": "25", "packages": "50"}) for act, kind in LINKED.items()},
    "desk:arrange": ("mira", "view", lambda t: {"view": t.pk, "name": "Mine", "show": ["order"]}),
    "desk:remove_view": ("mira", "view", lambda t: {"view": t.pk}),
}


def seen_of(thing: SimpleNamespace) -> list[str]:
    return [f"{pk}:1" for pk in thing.ids]


def address(name: str, thing: SimpleNamespace) -> str:
    known = {"sheet": "orders", "code": getattr(thing, "code", "")}
    given = getattr(thing, "args", (thing.pk,))
    return reverse(name, kwargs={arg: known.get(arg) or given[n] for n, arg in enumerate(OURS[name])})


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.parametrize("name", PAGES)
def test_a_page_refuses_what_a_colleague_changed_and_says_what_was_done(name, things, people):
    who, kind, said = PAGES[name]
    thing = things.make(kind)
    data = {"seen": seen_of(thing), "version": 1, "reason": WHY} | (said(thing) if callable(said) else said)

    answer = signed_in(people[who]).post(address(name, thing), data, headers={"HX-Request": "true"})

    shown = answer.content.decode()
    assert answer.status_code == 409, shown[:2000]
    assert " UTC" in shown and " by " in shown, shown[:2000]


# Of each address that changes something for other systems: by which verb, who, what, and what it is told beside the version.
API: dict[str, tuple[str, str, str, dict | Callable]] = {
    **{f"api-order-{act}": ("post", "mira", "order", {}) for act in ("submit", "cancel")},
    "api-order-amend": ("post", "mira", "order", {"qty": "80"}),
    "api-order-fields": ("post", "mira", "order", {"own": {"note": "x"}}),
    "api-order-locates": ("post", "mira", "short", {"lender": "M", "ref": "2", "qty": "1", "expires_at": f"{SOON}Z"}),
    "api-order-locate-release": ("post", "mira", "short", {}),
    "api-order-documents": ("post", "mira", "order", {"url": "https://example.com/"}),
    "api-groups": ("post", "mira", "two_orders", lambda t: {"kind": "OCO", "name": "E", "legs": pairs(t)}),
    **{f"api-group-{act}": ("post", "mira", "group", lambda t: {"seen": pairs(t)}) for act in ("submit", "cancel")},
    "api-approval-rules": ("post", "omar", "approval_rule", {"code": "all", "name": "All", "steps": STEPS}),
    "api-approval-rule-retire": ("post", "omar", "approval_rule", {}),
    **{f"api-proposals-{act}": ("post", "mira", "proposal", lambda t: {"seen": {t.pk: t.n}}) for act in ("promote", "discard")},
    **{f"api-import-{act}": ("post", "mira", "batch", {}) for act in ("commit", "discard")},
    "api-import-columns": ("post", "mira", "batch", {"columns": {"symbol": "Symbol"}}),
    "api-import-listings": ("post", "mira", "batch", lambda t: {"listings": {"AAA": 1}}),
    "api-import-template": ("patch", "mira", "template", {"name": "Other"}),
    "api-review-ask": ("post", "omar", "review", {"text": "Why?"}),
    "api-question-answer": ("post", "mira", "question_alone", {"text": "Because."}),
    "api-review-approve": ("post", "omar", "review", {"code": "OTHER"}),
    **{f"api-review-{act}": ("post", "omar", "review", {}) for act in ("send_back", "reject")},
    "api-reviews-decide": ("post", "omar", "review", lambda t: {"decision": "approve", "code": "OTHER", "reviews": pairs(t)}),
    "api-room-reserve": (
        "post", "mira", "order", lambda t: {"orders": pairs(t), "until": (timezone.now() + timedelta(hours=1)).isoformat()},
    ),
    "api-room-release": ("post", "mira", "room", {}),
    "api-filing-made": ("post", "omar", "filing", {"reference": "0002"}),
    "api-filing-not-needed": ("post", "omar", "filing", {}),
    "api-surveillance-day-sign": ("post", "omar", "day", {}),
    "api-incidents-assign": (
        "post", "omar", "incident", lambda t: {"incidents": pairs(t), "owner": User.objects.get(username="mira").pk},
    ),
    "api-incidents-close": ("post", "omar", "incident", lambda t: {"incidents": pairs(t)}),
    "api-incident-note": ("post", "omar", "incident", {}),
    "api-incident-time": ("post", "omar", "incident", {"cure_by": SOON[:10]}),
    "api-quarantined-settle": ("post", "tom", "message", {"how": "dismiss"}),
    "api-rule-drafts": ("post", "omar", "rule", lambda t: {"rule_id": t.pk, "severity": "HARD", "params": {"max_amount": "5"}}),
    "api-rule-drafts-end": ("post", "omar", "rule", lambda t: {"rule_id": t.pk}),
    **{f"api-rule-draft-{act}": ("post", "omar", "draft", {}) for act in ("propose", "drop")},
    **{f"api-rule-draft-{act}": ("post", "odile", "draft", {}) for act in ("approve", "refuse")},
    "api-rule-draft-edit": ("post", "omar", "draft", {"severity": "HARD", "params": {"max_amount": "6"}}),
    "api-mandate-clauses": ("post", "omar", "mandate", {"clauses": [{"reference": "2", "text": "Words."}]}),
    "api-mandate-clauses-remove": ("post", "omar", "mandate", {"references": ["1"]}),
    "api-mandate-editions": ("post", "omar", "mandate", {"effective_date": "2035-01-01"}),
    "api-mandate-retire": ("post", "omar", "mandate", {}),
    "api-clause-mappings": ("post", "omar", "clause", lambda t: {"clause_id": t.pk}),
    **{f"api-clause-mapping-{act}": ("post", "odile", "mapping", {}) for act in ("approve", "refuse")},
    "api-clause-mapping-drop": ("post", "omar", "mapping", {}),
    "api-clause-mapping-end": ("post", "omar", "approved_mapping", {}),
    "api-throttle-change": ("post", "omar", "throttle", {"per_day": 5}),
    "api-broker-term-end": ("post", "omar", "term", lambda t: {"ends_on": f"{timezone.now():%Y-%m-%d}"}),
    "api-throttle-end": ("post", "omar", "throttle", {}),
    "api-routing-rule-stop": ("post", "tom", "acting_rule", {}),
    **{f"api-routing-rule-{act}": ("post", "odile", "rule_change", {}) for act in ("approve", "refuse")},
    "api-routing-rule-drop": ("post", "tom", "rule_change", {}),
    "api-trading-limit-end": ("post", "omar", "limit", lambda t: {"ends_on": f"{timezone.now():%Y-%m-%d}"}),
    "api-restriction-ask-lift": ("post", "omar", "restriction", {}),
    **{f"api-restriction-{act}": ("post", "odile", "asked_restriction", {}) for act in ("lift", "keep")},
    "api-close-out-close": ("post", "omar", "close_out", {}),
    **{f"api-limit-end-{act}": ("post", "omar" if act == "drop" else "odile", "limit_end", {}) for act in ("approve", "refuse", "drop")},
    "api-position-limit-end": ("post", "omar", "position_limit", {}),
    **{f"api-match-{act}": ("post", "omar", "match", {}) for act in ("confirm", "clear")},
    **{f"api-block-{act}": ("post", "tom", "block", {}) for act in ("finish", "route", "pick-up", "unblock")},
    "api-block-hand-over": ("post", "tom", "own_block", {"to": "tess"}),
    "api-block-split": ("post", "tom", "block", {"qty": "50"}),
    "api-block-split-by-broker": ("post", "tom", "block", {"parts": HALVES}),
    "api-order-split": ("post", "tom", "blocked_order", {"qty": "10"}),
    "api-orders-join": ("post", "tom", "parts", lambda t: {"orders": pairs(t)}),
    "api-opposition-decide": ("post", "tom", "opposition", {}),
    "api-rotation-reset": ("post", "alan", "rotation", {"position": 2}),
    "api-rotation-end": ("post", "alan", "rotation", {}),
    "api-route-cancel": ("post", "tom", "route", {}),
    "api-route-replace": ("post", "tom", "route", {"qty": "9000"}),
    "api-inquiry-award": ("post", "tom", "inquiry", {}),
    "api-inquiry-pass": ("post", "tom", "inquiry", {}),
    "api-inquiries": ("post", "tom", "block", lambda t: {"blocks": pairs(t), "dealers": ["ALDGATE", "CASTLE", "DORSET"]}),
    "api-inquiries-take-best": ("post", "tom", "inquiry", lambda t: {"inquiries": pairs(t)}),
    "api-inquiry-counter": ("post", "tom", "inquiry", lambda t: our_price("quote_id")),
    "api-halt-lift": ("post", "tess", "halt", {}),
    "api-alert-acknowledge": ("post", "tom", "alert", {}),
    "api-alert-snooze": ("post", "tom", "alert", {"minutes": 5}),
    **{f"api-sequence-reset-{act}": ("post", "alan", "numbers", {}) for act in ("approve", "decline")},
    "api-session-start": ("post", "alan", "stopped", {"reason": "back"}),
    **{f"api-dialect-{act}": ("post", "alan", "dialect", {}) for act in ("approve", "decline")},
    **{f"api-rate-card-{act}": ("post", "alan", "rate_card", {}) for act in ("approve", "decline")},
    "api-fix-session": ("patch", "alan", "broker_session", {"port": 9892}),
    "api-staging-session": ("patch", "alan", "session", {"port": 9892}),
    **{f"api-staging-grant-{act}": ("post", "odile", "grant", {}) for act in ("confirm", "decline")},
    "api-staging-grant-end": ("post", "odile", "granted", {}),
    "api-block-by-hand": ("post", "tom", "block", lambda t: {"fills": [
        {"broker": "HARBOR", "qty": "1", "price": "50", "executed_at": timezone.now().isoformat(timespec="seconds")}
    ]}),
    "api-execution-take-back": ("post", "tom", "by_hand", {}),
    **{f"api-algo-{act}": ("post", "tom", kind, {}) for act, kind in ALGOS.items()},
    **{f"api-wheel-change-{act}": ("post", "odile", "wheel_change", {}) for act in ("approve", "refuse")},
    "api-wheel-change-drop": ("post", "tom", "wheel_change", {}),
    "api-season-close": ("post", "omar", "season", {}),
    "api-block-draws": ("post", "tom", "block_beside_wheel", lambda t: {"wheel": t.wheel}),
    **{f"api-draw-{act}": ("post", "tom", "draw", {}) for act in ("route", "set-aside")},
    "api-algo-change": ("post", "tom", "algo", {"interval_seconds": 30}),
    "api-block-algos": ("post", "tom", "block", {"algorithm": "TWAP", "broker": "HARBOR"}),
    **{f"api-strategy-file-{act}": ("post", "tom", "strategy_file", {}) for act in ("approve", "decline")},
    "api-strategy-file-end": ("post", "tom", "offered_file", {}),
    "api-crosses": ("post", "tom", "opposition", lambda t: {"opposition": t.pk}),
    **{f"api-cross-{act}": ("post", who, "cross", {}) for act, who in CROSSES.items()},
    "api-linked-groups": ("post", "tom", "two_blocks", lambda t: {"kind": "OCO", "blocks": pairs(t)}),
    **{f"api-linked-group-{act}": ("post", "tom", kind, {"pct": "25", "packages": "50", "net_limit": None})
       for act, kind in LINKED.items()},
    "api-view": ("put", "mira", "view", {"list": "orders", "name": "Mine", "spec": SPEC}),
}

# Answered for each by itself, with 200: who was slow reads what was done instead.
EACH: dict[str, tuple[str, str, Callable]] = {
    "api-orders-change": ("mira", "order", lambda t: {"orders": pairs(t), "change": {"tif": "GTC"}}),
    "api-approvals-approve": ("omar", "approval", lambda t: {"approvals": pairs(t)}),
    "api-approvals-send_back": ("omar", "approval", lambda t: {"approvals": pairs(t)}),
}

# What changes nothing that somebody could have been looking at, or takes what stands at that moment, and why.
OTHERS = {
    "makes something new": (
        "orders:ticket orders:imports orders:clone orders:reverse orders:proposals orders:approval_rule_new orders:deputy"
        " compliance:restrict compliance:import_listings compliance:new_rule compliance:mandate_new api-mandates"
        " compliance:limit_set api-trading-limits routing:throttle_set api-throttles portfolios:term_set api-broker-terms"
        " compliance:add_position_limit compliance:import_position_limits"
        " compliance:take_file api-rule-drafts-take"
        " blocks:rotation_make routing:halt_set routing:grant_ask users:tokens api-orders api-orders-clone"
        " routing:rate_card_propose api-rate-cards"
        " routing:dialect_propose api-dialects routing:session_stop api-session-stop routing:numbers_propose api-sequence-resets"
        " api-orders-reverse api-imports api-proposals api-deputies api-restrictions api-halts api-rotations"
        " routing:strategies_load api-strategy-files api-restrictions-import api-position-limits api-position-limits-import"
        " api-staging-sessions api-staging-session-grants api-views routing:axes_load api-axes"
    ),
    "goes by the version of its reconciliation; tests/routing/test_reconciling.py": (
        "routing:difference_mend routing:difference_keep api-difference-decide"
    ),
    "keeps the newest, and tells how many were": "api-venue-quotes",
    "proposes something new, or another text of a rule as it was read; of that tests/routing/test_rulebook.py": (
        "routing:rule_propose api-routing-rule-changes"
    ),
    "proposes a wheel, or another text of one as it was read; of that tests/algos/test_wheels.py": "algos:wheel_propose api-wheel-changes",
    "plays races on a block as it was read; tests/routing/test_played_races.py": "certification:matrices api-plays",
    "adds to a thread, or says what one has read": (
        "blocks:notes_of_order blocks:notes_of_block blocks:notes_read api-block-notes api-order-notes"
    ),
    "asks and changes nothing": (
        "api-broker-strategy-fill api-block-algos-preview orders:sketch compliance:try_proposals api-proposals-try desk:check desk:verify"
    ),
    "answers for each by itself, on the page as over the API": "orders:change orders:approve_clean",
    "agrees to what waits in a group, each answered for by itself": "orders:approve_group api-group-approve",
    "stops the rest of routes, whatever it is by then": "blocks:cancel_routes",
    "asks the brokers who owe no answer, whoever asked the others": "routing:halt_again api-halt-cancel",
    "takes whatever an absent colleague has at that moment": "blocks:take_queue api-queue-take-over",
    "takes a file of clauses as api-mandate-clauses takes them: tests/compliance/test_mandates.py": "api-mandate-clauses-import",
    "is one's own, and can only end": "orders:end_deputy api-deputy-end users:end_token",
    "takes in widths column by column": "desk:widths",
    "takes the listings and columns of one's own file; the service is tried in tests/orders/test_mapping.py": (
        "orders:import_columns orders:import_listings"
    ),
    "says itself what stood when it looked; tests/reference/test_own_attributes.py": "api-own-values-say",
    "loads a day that has no weights yet, which the second is told; tests/portfolios/test_benchmarks.py": "api-benchmark-weights",
    "tries again what failed": "desk:try_again",
    "takes what the firm has not, which the second is told; tests/compliance/test_taking.py": "compliance:library api-rule-library-take",
    "looks anew at how things stand; of two at once tests/surveillance": "surveillance:report api-surveillance-days",
    "is settlement's, tried in tests/settlement": (
        "settlement:unblock settlement:resend settlement:note settlement:add_standing api-instruction-note"
        " api-instruction-unblock api-instruction-resend"
    ),
    "is of commissions, tried in tests/allocations/test_charges.py": (
        "settlement:charge_settle api-charge-settle"
    ),
    "is of step-outs and soft dollars, tried in tests/allocations/test_step_outs.py and test_csa.py": (
        "allocations:step_out allocations:step_out_withdraw api-step-out-list api-step-out-withdraw"
        " allocations:csa_pay allocations:csa_correct api-csa-account-pay api-csa-account-correct"
    ),
}


def our_price(name: str = "quote") -> dict:
    return {name: DealerQuote.objects.order_by("pk").first().pk, "price": "97", "qty": "100000"}


def pairs(thing: SimpleNamespace) -> list[dict]:
    return [{"id": pk, "version": thing.n[pk] if isinstance(thing.n, dict) else thing.n} for pk in thing.ids]


def told(client: Client, method: str, name: str, thing: SimpleNamespace, said: dict | Callable):
    version = pairs(thing)[0]["version"]
    body = {"version": version, "reason": WHY} | (said(thing) if callable(said) else said)
    return getattr(client, method)(address(name, thing), body, content_type="application/json")


@pytest.mark.parametrize("name", API)
def test_another_system_is_refused_too_with_what_was_done(name, things, people):
    method, who, kind, said = API[name]
    thing = things.make(kind)

    answer = told(signed_in(people[who]), method, name, thing, said)

    body = answer.json()
    assert answer.status_code == 409, body
    lists = [fact for fact in body["facts"].values() if isinstance(fact, list)]
    changes = [change for some in lists for one in some for change in one.get("changes", ())]
    assert changes, body
    assert {"event", "by", "at", "what"} <= set(changes[-1])


@pytest.mark.parametrize(("name", "verb"), [("api-import-template", "template"), ("api-view", "view")])
def test_what_was_changed_meanwhile_is_not_thrown_away_over_the_api(name, verb, things, people):
    thing = things.make(verb)

    answer = signed_in(people["mira"]).delete(f"{address(name, thing)}?version=1")

    assert (answer.status_code, bool(answer.json()["facts"]["stale"][0]["changes"])) == (409, True)


@pytest.mark.parametrize("name", EACH)
def test_of_many_who_was_slow_reads_what_was_done_to_each(name, things, people):
    who, kind, said = EACH[name]
    thing = things.make(kind)

    body = told(signed_in(people[who]), "post", name, thing, said).json()

    (one,) = body["orders"] if isinstance(body, dict) else body
    assert (one["done"], one["code"]) in [(False, "stale_order"), (False, "stale_approval")]
    assert one["since"][-1]["by"]


def test_every_address_that_changes_something_is_decided_about(people):
    """What answers 405 to whoever may knock changes nothing."""
    decided = {*PAGES, *API, *EACH, *(name for names in OTHERS.values() for name in names.split())}
    undecided = []
    for name in sorted(set(OURS) - decided):
        person = people[next(iter(sorted(POSTS.get(name) or MATRIX[name])), "theo")]
        url = reverse(name, kwargs={arg: SAMPLE.get(arg, 987654321) for arg in OURS[name]})
        client = signed_in(person)
        client.raise_request_exception = False
        if any(getattr(client, verb)(url).status_code not in (405, 403) for verb in ("post", "put", "patch", "delete")):
            undecided.append(name)
    assert undecided == [], "try them with a stale version: put them into a table here"
    assert decided - set(OURS) == set(), "these addresses are gone"


# --- two at once ------------------------------------------------------------------------------------------------------
COLLEAGUES = {"tom": "tess", "omar": "odile", "odile": "omar", "tess": "omar"}  # Others: the same person in two windows.
RACED_ELSEWHERE = {
    "api-import-columns": "the second reads the file anew as the first did",
    "api-import-listings": "so does this",
    "api-block-finish": "tests/routing/test_two_people.py",
    "api-room-reserve": "the second renews what the first kept, and the last room in tests/compliance/test_reservations.py",
    "api-rule-drafts": "both write a draft, and of the two one is approved: tests/compliance/test_rule_change_races.py",
    "api-rule-drafts-end": "so too",
    **{f"api-rule-draft-{act}": "tests/compliance/test_rule_change_races.py" for act in ("edit", "propose", "drop", "approve", "refuse")},
    **{f"api-limit-end-{act}": "tests/compliance/test_keeping_limits.py" for act in ("approve", "refuse", "drop")},
    **{f"api-clause-mapping-{act}": "tests/compliance/test_mandate_races.py" for act in ("approve", "refuse", "drop")},
    "api-wheel-change-drop": "is its author's alone, as that of a routing rule",
    "api-routing-rule-drop": "is its author's alone; of two acts at once tests/routing/test_rulebook.py",
    "api-restriction-lift": "who asked to lift it never does: tests/compliance/test_lifting.py",
    "api-cross-approve": "tests/crossing/test_races.py",
    "api-cross-execute": "tests/crossing/test_races.py",
    "api-linked-group-again": "tests/groups/test_races.py",
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", sorted(set(API) - set(RACED_ELSEWHERE)))
def test_of_two_at_once_one_wins_and_the_other_is_told(name, request, by, people):
    method, who, kind, said = API[name]
    thing = Things(request, by, fresh=True).make(kind)

    answers = at_once(
        *(
            lambda person=person: told(signed_in(people[person]), method, name, thing, said)
            for person in (who, COLLEAGUES.get(who, who))
        )
    )

    first, second = sorted(answers, key=lambda answer: answer.status_code)
    assert (first.status_code in (200, 201, 204), second.status_code) == (True, 409), (first.content, second.content)


@pytest.mark.django_db(transaction=True)
def test_two_settle_one_message_and_one_decides(request, by, tom, tess):
    pk = Things(request, by, fresh=True).make("message").pk

    answers = at_once(*(lambda who=who: routing.settle_message(by(who, WHY), pk, "dismiss") for who in (tom, tess)))

    assert sorted(map(str, answers)) == ["None", "SettledAlready"]


MADE = {  # What there is one of: by whom, and as what.
    "api-approval-rules": ("omar", {"code": "new", "name": "New", "steps": STEPS}),
    "api-views": ("mira", {"list": "orders", "name": "Mine", "spec": SPEC}),
    "api-rotations": ("alan", {"name": "Main", "desk": "MAIN", "parties": ["FREE", "HARBOR"]}),
    "api-staging-sessions": ("alan", STAGING),
    "api-halts": ("tom", {"scope": "FIRM"}),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", MADE)
def test_of_two_who_make_the_same_at_once_one_makes_it(name, firm, people):
    who, said = MADE[name]

    answers = at_once(
        *(
            lambda person=person: signed_in(people[person]).post(
                reverse(name), {"reason": WHY} | said, content_type="application/json"
            )
            for person in (who, COLLEAGUES.get(who, who))
        )
    )

    statuses = sorted(answer.status_code for answer in answers)
    assert (statuses[0], statuses[1] in (409, 422)) == (201, True), [answer.content for answer in answers]
