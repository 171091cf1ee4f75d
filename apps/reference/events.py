"""
What can happen to what the firm itself says of instruments and issuers. ``before`` and ``after`` hold what differs; of what
is new, or gone, all of it.
"""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class OwnAttributeDefined(Event, code="own_attribute.defined"):
    """An attribute of the firm's own, by its code."""

    attribute: str
    after: dict


@dataclass(frozen=True)
class OwnAttributeChanged(Event, code="own_attribute.changed"):
    attribute: str
    before: dict
    after: dict


@dataclass(frozen=True)
class OwnAttributeRemoved(Event, code="own_attribute.removed"):
    attribute: str
    before: dict


@dataclass(frozen=True)
class InstrumentValueSaid(Event, code="instrument_value.said"):
    """A value of an instrument, by its symbol, in an attribute of the firm's own."""

    attribute: str
    instrument: str
    after: dict


@dataclass(frozen=True)
class InstrumentValueChanged(Event, code="instrument_value.changed"):
    attribute: str
    instrument: str
    before: dict
    after: dict


@dataclass(frozen=True)
class InstrumentValueTakenAway(Event, code="instrument_value.taken_away"):
    attribute: str
    instrument: str
    before: dict


@dataclass(frozen=True)
class IssuerValueSaid(Event, code="issuer_value.said"):
    """A value of an issuer, by its code, in an attribute of the firm's own."""

    attribute: str
    issuer: str
    after: dict


@dataclass(frozen=True)
class IssuerValueChanged(Event, code="issuer_value.changed"):
    attribute: str
    issuer: str
    before: dict
    after: dict


@dataclass(frozen=True)
class IssuerValueTakenAway(Event, code="issuer_value.taken_away"):
    attribute: str
    issuer: str
    before: dict
