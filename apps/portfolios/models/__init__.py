"""Client portfolios with what they hold, and what of them are retirement plans."""

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
    "PartyInInterest",
    "Plan",
    "PlanConsent",
    "Portfolio",
    "PortfolioGroup",
    "Position",
    "Taxpayer",
]
