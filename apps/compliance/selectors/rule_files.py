"""Rules as a file: what each says in force today, with its fixtures and the hash of both."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from .rulebook import rules_seen_by

FORMAT = "oms-rules/1"
SAID = ("code", "kind", "name", "severity", "params", "citation", "jurisdiction", "scope", "moments", "fixtures", "when_unsure")


def rules_as_file(user) -> dict[str, Any]:
    """
    The rules in force by code; none for whom they are not. What one says of what it cannot tell is left out where that is as of
    what fails: such a rule is read by who does not know the word. One query.
    """
    rows = rules_seen_by(user).filter(status="ACTIVE").order_by("code")
    rules = [{name: getattr(row, name) for name in SAID if name != "when_unsure" or row.when_unsure} | {"text": row.text} for row in rows]
    return {"format": FORMAT, "rules": [rule | {"sha256": hash_of(rule)} for rule in rules]}


def hash_of(rule: Mapping[str, Any]) -> str:
    """SHA-256 of what a rule says and of its fixtures, whatever the order of their names."""
    said = {name: rule[name] for name in SAID if name in rule}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
