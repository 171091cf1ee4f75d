"""What routing stores, by noun."""

from .alerts import Alert, AlertRule
from .axes import Axis
from .cards import RateCard
from .costs import CostEstimate
from .dialects import Dialect
from .drift import Drift
from .gateway import SequenceReset, SessionGap, SessionNumbers, SessionState, SessionStop
from .halts import Halt, HaltedRoute
from .negotiation import Award, Counter, InquiryList, QuoteLevel
from .outlets import VenueAccess
from .packages import Package, PackageLeg
from .reconciling import ReconciledRoute, Reconciliation
from .routes import DealerQuote, Execution, Inquiry, Message, Route, RouteRequest, RoutingRule
from .rulebook import RoutingDecision, RuleChange, RuleDay
from .sessions import Session
from .staging import Grant, StagedRequest
from .strategies import BrokerStrategy, StrategyFile
from .throttles import Throttle, ThrottleUse

__all__ = [
    "Alert",
    "AlertRule",
    "Award",
    "Axis",
    "BrokerStrategy",
    "CostEstimate",
    "Counter",
    "Dialect",
    "DealerQuote",
    "Drift",
    "Execution",
    "Grant",
    "Halt",
    "HaltedRoute",
    "Inquiry",
    "InquiryList",
    "Message",
    "Package",
    "PackageLeg",
    "QuoteLevel",
    "RateCard",
    "ReconciledRoute",
    "Reconciliation",
    "Route",
    "RouteRequest",
    "RoutingDecision",
    "RoutingRule",
    "RuleChange",
    "RuleDay",
    "SequenceReset",
    "Session",
    "SessionGap",
    "SessionNumbers",
    "SessionState",
    "SessionStop",
    "StagedRequest",
    "StrategyFile",
    "Throttle",
    "ThrottleUse",
    "VenueAccess",
]
