"""Taking rules from a file: each that differs becomes a draft, or, where one is bad, none does and each bad one is named."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.db import transaction

from apps.core.acts import Act
from apps.core.refusals import Invalid
from apps.users.services import require

from ..engine.params import BadRule
from ..models import Rule
from ..selectors.rule_files import FORMAT, SAID, hash_of
from . import rulebook
from .drafts import Change, newest_of, text_of_version, write_drafts
from .rulebook import RuleText

MOST_RULES = 500
LARGEST_FILE = 5_000_000


class BadRuleFile(Invalid):
    """A file that cannot be taken; ``problems`` names each bad rule: its code, the field, and what is wrong."""


@transaction.atomic
def import_rules(act: Act, content: bytes) -> list[int]:
    """
    Will write a draft of each rule of a file that says another thing than the firm's of that code, or that is new.

    :returns: the drafts' ids; none where all are as they are
    :raises BadRuleFile: naming every rule that cannot be taken; nothing is then written
    """
    require(act, "compliance.write_rules")
    rules = _read(content)
    problems, texts = [], []
    for number, told in enumerate(rules, start=1):
        text, problem = _text(number, told)
        (texts if text else problems).append(text or problem)
    known = {rule.code: rule for rule in Rule.objects.filter(code__in=[text.code for text in texts])}
    for text in texts:
        if text.code in known and known[text.code].kind != text.kind:
            problems.append(_problem(text.code, "kind", f"The firm's rule of this code is of another measure: {known[text.code].kind}."))
    problems += _malformed(texts)
    if problems:
        message = f"{len(problems)} of {len(rules)} rules cannot be taken; none was. Mend the file."
        raise BadRuleFile(message, field="file", problems=problems)
    changes = _changes(texts, known)
    return write_drafts(act, changes) if changes else []


def _read(content: bytes) -> Sequence[Any]:
    if len(content) > LARGEST_FILE:
        raise BadRuleFile(f"The file is larger than {LARGEST_FILE // 1_000_000} MB.", field="file", problems=[])
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        message = f"The file cannot be read as JSON from line {error.lineno}, column {error.colno} on."
        raise BadRuleFile(message, field="file", problems=[], line=error.lineno, column=error.colno) from None
    if not isinstance(told, dict) or told.get("format") != FORMAT or not isinstance(told.get("rules"), list):
        raise BadRuleFile(f"This is no file of rules: its format is not “{FORMAT}”.", field="file", problems=[])
    if not 0 < len(told["rules"]) <= MOST_RULES:
        raise BadRuleFile(f"A file has from 1 to {MOST_RULES} rules.", field="file", problems=[])
    return told["rules"]


def _text(number: int, told: Any) -> tuple[RuleText | None, dict | None]:
    """What a rule of the file says; or why it cannot be known."""
    if not isinstance(told, Mapping) or not all(isinstance(told.get(name), str) for name in ("code", "kind", "name")):
        return None, _problem(f"rule {number}", "code", "A rule has a code, a kind and a name, each a text.")
    code = told["code"]
    if unknown := sorted(set(told) - {*SAID, "text", "sha256"}):
        return None, _problem(code, unknown[0], f"There is no “{unknown[0]}” in a rule.")
    if told.get("sha256") not in (None, hash_of(told)):
        return None, _problem(code, "sha256", "It was changed after it was written: its hash is of another.")
    shapes = {"params": Mapping, "scope": Mapping, "moments": list, "fixtures": list, "severity": str, "citation": str, "jurisdiction": str,
              "when_unsure": str}  # fmt: skip
    for name, shape in shapes.items():
        if name in told and not isinstance(told[name], shape):
            return None, _problem(code, name, f"“{name}” is written otherwise.")
    return RuleText(**{name: told[name] for name in SAID if name in told}), None


def _malformed(texts: Sequence[RuleText]) -> list[dict]:
    """All at once; one by one only where one is bad, to name each."""
    codes = [text.code for text in texts]
    found = [_problem(code, "code", "It is in the file twice.") for code in sorted({c for c in codes if codes.count(c) > 1})]
    try:
        rulebook.canonical(texts)
    except BadRule:
        for text in texts:
            try:
                rulebook.canonical([text])
            except BadRule as refusal:
                found.append(_problem(text.code, str(refusal.facts.get("field", "")), refusal.message))
    return found


def _problem(code: str, field: str, message: str) -> dict[str, str]:
    return {"code": code, "field": field, "message": message}


def _changes(texts: Sequence[RuleText], known: Mapping[str, Rule]) -> list[Change]:
    newest = newest_of([rule.pk for rule in known.values()])
    changes = []
    for what in rulebook.canonical(texts):
        rule = known.get(what.said.code)
        if rule is None:
            changes.append(Change(what.said))
        elif _told(what) != _told(text_of_version(rule, newest[rule.pk])) or rule.status != "ACTIVE":
            changes.append(Change(what.said, rule.pk, rule.version))
    return changes


def _told(what: rulebook.Canonical) -> dict[str, Any]:
    """What is compared: all but the days, which a file does not say, and the sentence, which follows from the rest."""
    return {k: v for k, v in what.told().items() if k not in ("starts_on", "ends_on", "text")} | {"fixtures": list(what.said.fixtures)}
