"""Sanctions lists on the database: loaded, held against names of ours, decided on, and what that stops."""

from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from apps.compliance import selectors, tasks
from apps.compliance import services as compliance
from apps.compliance.library import shipped
from apps.compliance.models import Check, NameMatch, Restriction, SanctionsList
from apps.compliance.services import BadList
from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.orders.models import Order
from apps.reference.models import Broker, Custodian, Issuer
from apps.routing import services as routing
from apps.routing.services.gate import BrokerRestricted, halts_in_force, refuse_halted
from tests.compliance.ruling import put_in_force
from tests.races import at_once

NOTHING = ",-0- " * 7
LISTED = {1: "GAMMA", 2: "NORTHGATE TRADING", 3: "SOMEBODY ELSE", 4: "BETTA SE", 5: "DELTA"}


@pytest.fixture
def folder(tmp_path):
    def write(parties=LISTED, aliases=((2, "NORTHGATE"),)) -> str:
        sdn = "".join(f'{uid},"{name}",-0- ,"CUBA"{NOTHING},"of note"\n' for uid, name in parties.items())
        alt = "".join(f'{uid},{n},"aka","{name}",-0- \n' for n, (uid, name) in enumerate(aliases))
        (tmp_path / "sdn.csv").write_text(sdn)
        (tmp_path / "alt.csv").write_text(alt)
        return str(tmp_path)

    return write


@pytest.fixture
def load(firm, folder, by):
    return lambda *args, **more: compliance.load_sanctions(by("loader"), folder(*args, **more))


def match_of(name: str) -> NameMatch:
    return NameMatch.objects.get(name=name)


def names() -> list[tuple[str, str, str]]:
    return list(NameMatch.objects.order_by("name").values_list("name", "how", "status"))


class TestLoading:
    def test_everybody_is_held_against_a_new_list(self, load):
        loaded = load()
        assert names() == [
            ("Delta Corp", "EXACT", "WAITING"), ("Gamma Inc", "EXACT", "WAITING"), ("Northgate", "ALIAS", "WAITING"),
        ]  # fmt: skip
        kept = SanctionsList.objects.get()
        assert (loaded.is_new, loaded.matches, kept.parties, kept.names, len(kept.sha256)) == (True, 3, 5, 6, 64)

    def test_the_same_files_again_change_nothing(self, load):
        first = load()
        again = load()
        assert (again.list_id, again.is_new, again.matches) == (first.list_id, False, 0)
        assert (SanctionsList.objects.count(), NameMatch.objects.count()) == (1, 3)

    def test_a_bad_list_is_refused_whole_and_the_one_before_stays(self, load, folder, by):
        load()
        path = folder({6: "GAMMA"})
        with open(f"{path}/sdn.csv", "a") as file:
            file.write("broken,row\n")
        with pytest.raises(BadList) as refusal:
            compliance.load_sanctions(by("loader"), path)
        assert [(one["file"], one["row"]) for one in refusal.value.facts["rows"]] == [("sdn.csv", 2)]
        assert SanctionsList.objects.count() == 1
        with pytest.raises(BadList):
            compliance.load_sanctions(by("loader"), f"{path}/nowhere")

    def test_further_names_of_nobody_are_kept_with_the_list_as_wrong(self, load):
        load(aliases=((2, "NORTHGATE"), (99, "NOBODY")))
        (problem,) = SanctionsList.objects.get().problems
        assert (problem["file"], problem["row"]) == ("alt.csv", 2)

    def test_no_person_loads_one(self, firm, folder, omar, by):
        with pytest.raises(NotAllowed):
            compliance.load_sanctions(by(omar), folder())

    def test_statements_do_not_grow_with_the_names(self, load, by, django_assert_max_num_queries):
        load()
        for many in (1, 60):
            Issuer.objects.bulk_create(
                Issuer(code=f"N{many}-{n}", name=f"Nobody {many} {n}", country="US", sector="x") for n in range(many)
            )
            with django_assert_max_num_queries(10):
                compliance.screen_names(by("scheduler"))


class TestNames:
    def test_who_is_entered_or_renamed_is_held_against_it_soon(self, load, firm):
        load()
        issuer = Issuer.objects.create(code="NEW", name="Somebody Else Holdings", country="US", sector="x")
        Broker.objects.create(code="NB", name="Betta Se", kind="broker")
        tasks.screen_names()
        assert match_of("Somebody Else Holdings").issuer_id == issuer.pk
        assert match_of("Betta Se").kind == "BROKER"
        Issuer.objects.filter(pk=issuer.pk).update(name="Quite Another")
        tasks.screen_names()
        assert match_of("Somebody Else Holdings").status == "GONE"
        Issuer.objects.filter(pk=issuer.pk).update(name="Somebody Else Holdings")
        tasks.screen_names()
        assert (match_of("Somebody Else Holdings").status, NameMatch.objects.count()) == ("WAITING", 5)

    def test_what_is_cleared_stays_so_until_either_is_called_otherwise(self, load, omar, by):
        load()
        one = match_of("Gamma Inc")
        compliance.clear_matches(by(omar, "Another Gamma."), [one.pk], seen={one.pk: 1})
        load(LISTED | {6: "NEWCOMER"})
        assert match_of("Gamma Inc").status == "CLEARED"
        load(LISTED, aliases=((2, "NORTHGATE"), (1, "GAMMA OF HAVANA")))
        assert list(NameMatch.objects.filter(name="Gamma Inc").order_by("pk").values_list("status", flat=True)) == ["CLEARED", "WAITING"]

    def test_who_is_off_the_list_waits_no_more(self, load):
        load()
        load({9: "NOBODY OF OURS"}, aliases=())
        assert {status for _, _, status in names()} == {"GONE"}

    def test_a_name_nearly_the_same_waits_with_its_score(self, load, firm):
        load({4: "GAMMA INDUSTRIES OF CUBA"}, aliases=())
        Issuer.objects.create(code="NEW", name="Gama Industries of Cuba", country="US", sector="x")
        tasks.screen_names()
        one = match_of("Gama Industries of Cuba")
        assert (one.how, 88 <= one.score < 100, one.theirs["programs"]) == ("NEAR", True, "CUBA")


class TestDecisions:
    def test_a_confirmed_issuer_stops_its_orders_hard(self, rules, load, submit, omar, by):
        load()
        one = match_of("Gamma Inc")
        (pk,) = compliance.confirm_matches(by(omar, "It is them."), [one.pk], seen={one.pk: 1})
        entry = Restriction.objects.get(pk=pk)
        assert (entry.kind, entry.reach, entry.source, entry.authorised_by) == ("RESTRICTED", "DAUGHTERS", "OFAC SDN 1", "Omar Osei")
        ours, parents = submit(("P1", "CCC", "SELL", "1"), ("P1", "AAA", "SELL", "1"))
        assert (Order.objects.get(pk=ours).status, Order.objects.get(pk=parents).status) == ("HELD", "CLEARED")
        one.refresh_from_db()
        assert (one.status, one.restriction_id, str(one.decided_by)) == ("CONFIRMED", pk, "Omar Osei")

    def test_a_name_that_is_the_same_holds_its_orders_until_an_officer_said_whose_it_is(self, rules, load, submit, omar, by):
        load()
        one = match_of("Gamma Inc")
        ours, parents = submit(("P1", "CCC", "SELL", "1"), ("P1", "AAA", "SELL", "1"))
        assert (Order.objects.get(pk=ours).status, Order.objects.get(pk=parents).status) == ("HELD", "CLEARED")
        check = Check.objects.filter(order=ours).latest("pk")
        (found,) = [r for r in check.results if r["outcome"] == "INDETERMINATE"]
        assert found["text"].startswith("Cannot tell: Gamma Inc and what it owns is called like GAMMA on the sanctions list (no. 1).")
        compliance.clear_matches(by(omar, "A bakery of the same name."), [one.pk], seen={one.pk: 1})
        (free,) = submit(("P1", "CCC", "SELL", "2"))
        assert Order.objects.get(pk=free).status == "CLEARED"

    def test_a_rule_of_sanctioned_names_alone_leaves_what_else_is_restricted(self, firm, load, submit, omar, odile, by):
        shipped_rule = shipped()["sanctioned_names"]
        put_in_force(by, "sanctions", dict(shipped_rule.params), kind="restricted_list", name=shipped_rule.name, severity="HARD")
        load()
        gamma, delta = match_of("Gamma Inc"), match_of("Delta Corp")
        compliance.confirm_matches(by(omar, "It is them."), [gamma.pk], seen={gamma.pk: 1})
        compliance.restrict(by(odile), [compliance.Listing("A deal.", date.today(), instrument_id=firm.instruments["AAA"].pk)])
        blocked, other = submit(("P1", "CCC", "SELL", "1"), ("P1", "AAA", "SELL", "1"))
        assert [Order.objects.get(pk=pk).status for pk in (blocked, other)] == ["HELD", "CLEARED"]
        (found,) = Check.objects.get(order=blocked).results
        assert (found["rule"], found["outcome"]) == ("sanctions", "FAIL") and "GAMMA on OFAC SDN (no. 1)" in found["text"]
        assert delta.status == "WAITING"  # It is of neither.

    def test_a_name_that_is_nearly_the_same_holds_nothing(self, rules, load, submit):
        Issuer.objects.filter(name="Gamma Inc").update(name="Gama Industries of Cuba")
        load({4: "GAMMA INDUSTRIES OF CUBA"}, aliases=())
        assert match_of("Gama Industries of Cuba").how == "NEAR"
        (order,) = submit(("P1", "CCC", "SELL", "1"))
        assert Order.objects.get(pk=order).status == "CLEARED"

    def test_nothing_is_routed_to_a_broker_whose_name_waits(self, load, firm, omar, tom, by):
        load()
        one, northgate = match_of("Northgate"), firm.brokers["NORTHGATE"]
        block = type("B", (), {"desk_id": firm.desk.pk, "pk": 1, "ref": "B-0001"})()
        with pytest.raises(BrokerRestricted, match="Northgate is called like NORTHGATE on the sanctions list, and compliance has yet"):
            refuse_halted(by(tom), halts_in_force(), [(block, northgate.pk, "")])
        compliance.clear_matches(by(omar, "Another house."), [one.pk], seen={one.pk: 1})
        refuse_halted(by(tom), halts_in_force(), [(block, northgate.pk, "")])

    def test_nothing_is_routed_to_a_confirmed_broker(self, load, firm, omar, odile, tom, by):
        load()
        one = match_of("Northgate")
        compliance.confirm_matches(by(omar, "It is them."), [one.pk], seen={one.pk: 1})
        northgate, harbor = firm.brokers["NORTHGATE"], firm.brokers["HARBOR"]
        standing = halts_in_force()
        block = type("B", (), {"desk_id": firm.desk.pk, "pk": 1, "ref": "B-0001"})()
        with pytest.raises(BrokerRestricted, match="Compliance restricted Northgate"):
            refuse_halted(by(tom), standing, [(block, northgate.pk, "")])
        refuse_halted(by(tom), standing, [(block, harbor.pk, "")])
        entry = Restriction.objects.get()
        compliance.ask_to_lift(by(omar, "Delisted."), [entry.pk], seen={entry.pk: 1})
        compliance.lift(by(odile, "Delisted."), [entry.pk], seen={entry.pk: 2})
        assert routing.halts_in_force() == []

    def test_a_confirmed_custodian_stops_orders_of_its_portfolios(self, rules, load, firm, submit, omar, by):
        custodian = Custodian.objects.get(pk=firm.portfolios["P1"].custodian_id)
        Custodian.objects.filter(pk=custodian.pk).update(name="Somebody Else")
        load()
        one = match_of("Somebody Else")
        compliance.confirm_matches(by(omar, "It is them."), [one.pk], seen={one.pk: 1})
        (order,) = submit(("P1", "AAA", "SELL", "1"))
        assert Order.objects.get(pk=order).status == "HELD"

    def test_one_without_a_reason_or_decided_before_is_refused(self, load, omar, by):
        load()
        one = match_of("Gamma Inc")
        with pytest.raises(Invalid) as refusal:
            compliance.clear_matches(by(omar), [one.pk], seen={one.pk: 1})
        assert refusal.value.facts["field"] == "reason"
        compliance.clear_matches(by(omar, "No."), [one.pk], seen={one.pk: 1})
        with pytest.raises(compliance.StaleMatch):
            compliance.confirm_matches(by(omar, "Yes."), [one.pk], seen={one.pk: 1})
        with pytest.raises(IllegalMove):
            compliance.confirm_matches(by(omar, "Yes."), [one.pk], seen={one.pk: 2})
        assert not Restriction.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_two_officers_race_and_one_wins(self, load, omar, odile, by):
        load()
        one = match_of("Gamma Inc")
        answers = at_once(
            lambda: compliance.confirm_matches(by(omar, "It is them."), [one.pk], seen={one.pk: 1}),
            lambda: compliance.clear_matches(by(odile, "It is not."), [one.pk], seen={one.pk: 1}),
        )
        assert answers.count("StaleMatch") == 1
        one.refresh_from_db()
        assert (one.status, Restriction.objects.count()) in (("CONFIRMED", 1), ("CLEARED", 0))

    @pytest.mark.django_db(transaction=True)
    def test_two_who_screen_find_each_match_once(self, load, firm, by):
        load()
        Issuer.objects.create(code="NEW", name="Somebody Else", country="US", sector="x")
        answers = at_once(*[lambda: compliance.screen_names(by("scheduler"))] * 2)
        assert sorted(answers) == [0, 1]


class TestEdges:
    def test_the_page_shows_decides_and_says_no_to_who_was_slow(self, load, omar, ada):
        load()
        one = match_of("Gamma Inc")
        client = Client()
        client.force_login(omar)
        shown = client.get(reverse("compliance:sanctions")).content.decode()
        assert "Gamma Inc" in shown and "Northgate" in shown and "SHA-256" in shown
        said = {"how": "clear", "reason": "Another.", "seen": f"{one.pk}:1"}
        assert client.post(reverse("compliance:decide_match", args=[one.pk]), said).status_code == 204
        assert client.post(reverse("compliance:decide_match", args=[one.pk]), said).status_code == 409
        assert client.post(reverse("compliance:decide_match", args=[one.pk]), said | {"how": ""}).status_code == 422
        assert "Gamma Inc" not in client.get(reverse("compliance:sanctions")).content.decode()
        assert "Another." in client.get(reverse("compliance:sanctions") + "?status=DECIDED").content.decode()
        client.force_login(ada)
        assert "Confirm" not in client.get(reverse("compliance:sanctions")).content.decode()

    def test_the_queue_costs_the_same_whatever_waits(self, load, omar, django_assert_num_queries):
        load()
        assert list(selectors.matches_seen_by(omar))  # Who may see it is looked up once.
        with django_assert_num_queries(1):
            assert {(m.name, m.ours.code) for m in selectors.matches_seen_by(omar)} > {("Gamma Inc", "GAMMA")}

    def test_the_api_lists_confirms_and_tells_of_the_lists(self, load, omar):
        load()
        client = Client()
        client.force_login(omar)
        rows = client.get("/api/v1/sanctions/matches/?status=WAITING&how=ALIAS").json()["results"]
        assert [(row["name"], row["code"], row["score"]) for row in rows] == [("Northgate", "NORTHGATE", "100.00")]
        path = f"/api/v1/sanctions/matches/{rows[0]['id']}/"
        answer = client.post(f"{path}confirm/", {"version": 1, "reason": "It is them."}, content_type="application/json")
        assert (answer.status_code, answer.json()["status"]) == (200, "CONFIRMED")
        answer = client.post(f"{path}clear/", {"version": 1, "reason": "No."}, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (409, "stale_match")
        (one,) = client.get("/api/v1/sanctions/lists/").json()["results"]
        assert (one["parties"], one["problems"]) == (5, [])
        (entry,) = client.get("/api/v1/restrictions/").json()["results"]
        assert (entry["broker"], entry["source"]) == ("NORTHGATE", "OFAC SDN 2")

    def test_the_command_and_the_task_load_the_folder(self, firm, folder, settings, capsys):
        with pytest.raises(CommandError, match="Name a folder"):
            call_command("load_sanctions", "")
        call_command("load_sanctions", folder())
        assert "5 parties, 6 names, 0 wrong rows left out. 3 new matches wait." in capsys.readouterr().out
        settings.SANCTIONS_FOLDER = folder(LISTED | {6: "NEWCOMER"})
        tasks.load_sanctions()
        assert SanctionsList.objects.count() == 2
        with open(f"{settings.SANCTIONS_FOLDER}/sdn.csv", "a") as file:
            file.write("broken,row\n")
        with pytest.raises(CommandError, match="1 rows of the list are wrong"):
            call_command("load_sanctions", settings.SANCTIONS_FOLDER)
        assert "sdn.csv, row 7: It has 2 cells, not 12." in capsys.readouterr().err
