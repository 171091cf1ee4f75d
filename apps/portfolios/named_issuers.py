"""How the record tells of public issuers that are named for a portfolio, whoever changes them: a rule lets it hold more for them."""

from apps.reference.telling import TOLD, Told

from . import events
from .models import NamedIssuer

TOLD[NamedIssuer] = Told(
    {"portfolio": "portfolio.code", "issuer": "issuer.code", "starts_on": "starts_on"},
    {"authority": "authority", "prospectus": "prospectus", "ends_on": "ends_on"},
    events.NamedIssuerAllowed, events.NamedIssuerChanged, events.NamedIssuerRemoved,
)  # fmt: skip
