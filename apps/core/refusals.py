"""The four ways of saying no. Anything else that goes wrong is a bug and rises."""

import re


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
    """Somebody changed it after the asker looked."""
