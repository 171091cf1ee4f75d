"""What can be traded, where, through whom, on which terms, and when it settles."""

from .contracts import Contract, ContractFamily
from .instruments import BONDS, DERIVATIVES, SHARES, AssetClass, Constituent, Currency, Instrument, Issuer, Venue
from .own import InstrumentValue, IssuerValue, OwnAttribute
from .parties import Broker, Custodian, Depository
from .trading import Combination, Fee, OrderType, SettlementCycle, SettlementHoliday, TimeInForce

__all__ = [
    "AssetClass",
    "Broker",
    "Combination",
    "Contract",
    "ContractFamily",
    "BONDS",
    "DERIVATIVES",
    "SHARES",
    "Constituent",
    "Currency",
    "Custodian",
    "Depository",
    "Fee",
    "Instrument",
    "InstrumentValue",
    "Issuer",
    "IssuerValue",
    "OrderType",
    "OwnAttribute",
    "SettlementCycle",
    "SettlementHoliday",
    "TimeInForce",
    "Venue",
]
