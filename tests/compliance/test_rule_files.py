"""Rules as files: what is exported can be taken again, what was changed becomes drafts, and every bad rule is named."""

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.models import RuleDraft
from apps.core.refusals import NotAllowed
from tests.compliance.ruling import put_in_force, take_out
from tests.pages import send, visit, words


@pytest.fixture
def exported(rules, omar):
    return lambda: selectors.rules_as_file(omar)


def taken(act, told) -> list[int]:
    return compliance.import_rules(act, orjson.dumps(told))


def changed(told: dict, code: str, **says) -> dict:
    rules = [rule if rule["code"] != code else {k: v for k, v in (rule | says).items() if k != "sha256"} for rule in told["rules"]]
    return told | {"rules": rules}


def test_what_was_exported_changes_nothing_where_it_came_from(exported, omar, by):
    told = exported()
    assert len(told["rules"]) == len(compliance.DEFAULT_RULES) and all(len(rule["sha256"]) == 64 for rule in told["rules"])
    assert taken(by(omar), told) == [] and not RuleDraft.objects.exists()


def test_what_differs_and_what_is_new_become_drafts(exported, omar, odile, by):
    told = changed(exported(), "order_value", params={"max_amount": "7"}, citation="Board of May")
    new = {"code": "small", "kind": "order_value", "name": "Small", "params": {"max_amount": "5"}}
    told["rules"].append(new)
    ids = taken(by(omar, "From the other office."), told)
    first, second = RuleDraft.objects.order_by("pk")
    assert [first.pk, second.pk] == ids and (first.code, first.params, first.seen) == ("order_value", {"max_amount": "7"}, 1)
    assert (second.code, second.rule, second.status) == ("small", None, "DRAFT")
    compliance.propose_drafts(by(omar, "So."), ids, seen=dict.fromkeys(ids, 1))
    compliance.approve_drafts(by(odile), ids, seen=dict.fromkeys(ids, 2))
    assert taken(by(omar), changed(told, "small")) == []


def test_a_rule_out_of_force_comes_back_as_a_draft(exported, omar, by):
    told = exported()
    take_out(by, "order_value")
    [pk] = taken(by(omar), told)
    assert RuleDraft.objects.get(pk=pk).seen == 2


def test_every_bad_one_is_named_and_none_is_taken(exported, omar, by):
    told = exported()
    told["rules"][0] = told["rules"][0] | {"name": "Another name"}  # Its hash is of what it said.
    told = changed(told, "order_value", params={"max_amount": "much"})
    told = changed(told, "order_volume", kind="order_value")
    told = changed(told, "price_collar", moments="noon")
    told["rules"] += [{"code": "x"}, {"code": "y", "kind": "wish", "name": "Y"}, {"code": "z", "kind": "holding", "name": "Z", "planet": 1}]
    with pytest.raises(compliance.BadRuleFile) as refusal:
        taken(by(omar), told)
    named = {(one["code"], one["field"]) for one in refusal.value.facts["problems"]}
    count = len(told["rules"])
    assert named == {
        (told["rules"][0]["code"], "sha256"), ("order_value", "max_amount"), ("order_volume", "kind"), ("order_volume", "max_pct"),
        ("price_collar", "moments"), (f"rule {count - 2}", "code"), ("y", "kind"), ("z", "planet"),
    }  # fmt: skip
    assert not RuleDraft.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"), [(b"{", "line 1"), (b"[]", "format"), (b'{"format": "oms-rules/1", "rules": []}', "from 1 to")]
)
def test_what_is_no_file_of_rules_is_refused(firm, omar, by, content, said):
    with pytest.raises(compliance.BadRuleFile, match=said):
        compliance.import_rules(by(omar), content)


def test_only_officers_take_them(exported, ada, by):
    with pytest.raises(NotAllowed):
        taken(by(ada), exported())


def test_on_the_page_and_over_the_api(exported, omar, ask, by):
    put_in_force(by, "small", {"max_amount": "5"}, kind="order_value", name="Small", severity="INFO")
    told = orjson.loads(visit(omar, "compliance:rule_file").content)
    assert told["rules"] == ask(omar, "get", "/api/v1/rules/file/").json()["rules"]
    other = changed(told, "small", severity="HARD")
    upload = SimpleUploadedFile("rules.json", orjson.dumps(other))
    assert send(omar, "compliance:take_file", {"file": upload}).status_code == 204 and RuleDraft.objects.latest("pk").severity == "HARD"
    bad = SimpleUploadedFile("rules.json", orjson.dumps(changed(told, "small", severity="DEADLY")))
    answer = send(omar, "compliance:take_file", {"file": bad})
    assert answer.status_code == 422 and "<td>small</td><td>severity</td>" in words(answer)
    made = ask(omar, "post", "/api/v1/rule-drafts/take/", changed(told, "small", name="Smaller"))
    assert (made.status_code, [draft["name"] for draft in made.json()]) == (201, ["Smaller"])
    refused = ask(omar, "post", "/api/v1/rule-drafts/take/", changed(told, "small", severity="DEADLY"))
    assert (refused.status_code, refused.json()["facts"]["problems"][0]["field"]) == (422, "severity")
