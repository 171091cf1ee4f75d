"""The four ways of saying no. Anything else that goes wrong is a bug and rises."""

import re
from collections.abc import Mapping
from datetime import datetime


class Refusal(Exception):
    """
    A request that will not be carried out, said to a person.

    :param message: what is wrong and what to do about it
    :param facts: plain values for machines (ids, numbers, the field at fault under ``field``)
    """

    status = 400

    def __init__(self, message: str, **facts):
        super().__init__(message)
        self.message = message
        self.facts = facts

    @property
    def code(self) -> str:
        """The class's own name in snake case; stable, so programs may branch on it."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class Invalid(Refusal):
    """What was sent cannot be understood or is out of range."""

    status = 422


class NotFound(Refusal):
    """There is no such thing, or the asker may not see it: the same answer to both."""

    status = 404


class NotAllowed(Refusal):
    """The asker may not do this."""

    status = 403


class Conflict(Refusal):
    """It could be done, but not to the state things are in now."""

    status = 409


class IllegalMove(Conflict):
    """The thing's life has no such step from where it stands."""


class Stale(Conflict):
    """
    Somebody changed it after the asker looked. A list among its facts has each thing with what happened to it since:
    ``{id, ref, seen, changes: [{event, by, at, what}]}``.
    """

    def in_words(self) -> dict[str, str]:
        """The difference to a reader: what each thing is called, to what happened to it since they looked."""
        lists = [fact for fact in self.facts.values() if isinstance(fact, list)]
        found = [one for some in lists for one in some if isinstance(one, Mapping) and "changes" in one]
        return {str(one.get("ref") or one["id"]): "; ".join(map(in_words, one["changes"])) or "changed" for one in found}


def in_words(change: Mapping) -> str:
    """One change as a sentence: limit changed by Mira at 10:02:11 UTC (limit price 50 → 51)."""
    at = datetime.fromisoformat(change["at"])
    said = f"{change['event'].split('.')[1].replace('_', ' ')} by {change['by']} at {at:%H:%M:%S} UTC"
    before, after = change["what"].get("before"), change["what"].get("after")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return said
    moved = ", ".join(f"{name.replace('_', ' ')} {_worded(before.get(name))} → {_worded(after[name])}" for name in after)
    return f"{said} ({moved})" if moved else said


def _worded(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name.replace('_', ' ')} {_worded(one)}" for name, one in value.items()) or "none"
    return str(value or "none")
