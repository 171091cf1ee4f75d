"""What routing stores, by noun."""

from .alerts import Alert, AlertRule
from .halts import Halt, HaltedRoute
from .routes import DealerQuote, Execution, Inquiry, Message, Route, RouteRequest, RoutingRule, Session
from .staging import Grant, StagedRequest
from .throttles import Throttle, ThrottleUse

__all__ = [
    "Alert",
    "AlertRule",
    "DealerQuote",
    "Execution",
    "Grant",
    "Halt",
    "HaltedRoute",
    "Inquiry",
    "Message",
    "Route",
    "RouteRequest",
    "RoutingRule",
    "Session",
    "StagedRequest",
    "Throttle",
    "ThrottleUse",
]
