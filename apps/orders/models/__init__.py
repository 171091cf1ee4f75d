"""What is stored of orders: the orders and what they came from, and the approvals they need."""

from .approvals import Approval, ApprovalDecision, ApprovalRule, Deputy
from .defaults import DefaultRule, OwnField
from .evidence import Document, Locate
from .families import Family
from .orders import (
    LIMITED,
    STOPS,
    GroupKind,
    Import,
    ImportRow,
    ImportTemplate,
    Leg,
    Order,
    OrderGroup,
    OrderType,
    Proposal,
    Side,
    TimeInForce,
)

__all__ = [
    "Approval",
    "ApprovalDecision",
    "ApprovalRule",
    "DefaultRule",
    "Deputy",
    "Document",
    "Family",
    "GroupKind",
    "Import",
    "ImportRow",
    "ImportTemplate",
    "LIMITED",
    "Leg",
    "Locate",
    "Order",
    "OrderGroup",
    "OrderType",
    "OwnField",
    "Proposal",
    "STOPS",
    "Side",
    "TimeInForce",
]
