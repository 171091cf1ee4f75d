"""Questions to what the firm itself says of instruments and issuers."""

from collections.abc import Collection

from django.db.models import F, QuerySet

from . import own_rules
from .models import Instrument, InstrumentValue, IssuerValue, OwnAttribute

VALUES = {"instrument": (InstrumentValue, "symbol"), "issuer": (IssuerValue, "code")}
"""What an attribute is of, to where its values are kept and how files and systems call that."""


def own_attributes() -> QuerySet[OwnAttribute]:
    return OwnAttribute.objects.order_by("code")


def find_own_attribute(pk: int) -> OwnAttribute | None:
    return OwnAttribute.objects.filter(pk=pk).first()


def own_values(codes: Collection[str], instrument_ids: Collection[int]) -> dict[str, tuple[str, dict[int, str]]]:
    """
    What is said of these instruments, or of their issuers, in these attributes: by code its kind and instrument to value.
    Four queries at most, none without a code.
    """
    if not codes:
        return {}
    known = {a.pk: a for a in OwnAttribute.objects.filter(code__in=codes)}
    found: dict[str, tuple[str, dict[int, str]]] = {a.code: (a.kind, {}) for a in known.values()}

    def say(attribute: int, instrument: int, value: str) -> None:
        a = known[attribute]
        found[a.code][1][instrument] = own_rules.spelt(a.kind, value)

    ids = {of: [pk for pk, a in known.items() if a.of == of] for of in VALUES}
    if ids["instrument"]:
        rows = InstrumentValue.objects.filter(attribute__in=ids["instrument"], instrument__in=instrument_ids)
        for row in rows.values_list("attribute", "instrument", "value"):
            say(*row)
    if ids["issuer"]:
        issued: dict[int, list[int]] = {}
        for instrument, issuer in Instrument.objects.filter(pk__in=instrument_ids).values_list("pk", "issuer"):
            issued.setdefault(issuer, []).append(instrument)
        for attribute, issuer, value in IssuerValue.objects.filter(attribute__in=ids["issuer"], issuer__in=issued).values_list(
            "attribute", "issuer", "value"
        ):
            for instrument in issued[issuer]:
                say(attribute, instrument, value)
    return found


def values_of(of: str) -> QuerySet:
    """Every value that is said of instruments, or of issuers, with the names of both."""
    model, name = VALUES[of]
    rows = model.objects.annotate(thing=F(f"{of}__{name}"), code=F("attribute__code"), kind=F("attribute__kind"))
    return rows.order_by("code", "thing")
