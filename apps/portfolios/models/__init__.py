"""Client portfolios with what they hold, what of them are retirement plans, and what the law of funds lets some do."""

from .funds import NamedIssuer
from .plans import PartyInInterest, Plan, PlanConsent
from .portfolios import (
    AlikeForTax,
    Benchmark,
    BenchmarkWeight,
    BrokerTerm,
    Cash,
    Direction,
    Mandate,
    Model,
    ModelWeight,
    Movement,
    Portfolio,
    PortfolioGroup,
    Position,
    Taxpayer,
)

__all__ = [
    "AlikeForTax",
    "Benchmark",
    "BenchmarkWeight",
    "BrokerTerm",
    "Cash",
    "Direction",
    "Mandate",
    "Model",
    "ModelWeight",
    "Movement",
    "NamedIssuer",
    "PartyInInterest",
    "Plan",
    "PlanConsent",
    "Portfolio",
    "PortfolioGroup",
    "Position",
    "Taxpayer",
]
