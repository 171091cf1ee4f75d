"""What routing stores, by noun."""

from .alerts import Alert, AlertRule
from .halts import Halt, HaltedRoute
from .routes import DealerQuote, Execution, Inquiry, Message, Route, RouteRequest, RoutingRule, Session
from .staging import StagedRequest

__all__ = [
    "Alert",
    "AlertRule",
    "DealerQuote",
    "Execution",
    "Halt",
    "HaltedRoute",
    "Inquiry",
    "Message",
    "Route",
    "RouteRequest",
    "RoutingRule",
    "Session",
    "StagedRequest",
]
