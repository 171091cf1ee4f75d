"""What the desk is told of algorithms."""

from apps.core.acts import Act
from apps.routing import services as routing
from apps.routing.models import AlertRule

from .. import selectors


def raise_alerts(act: Act) -> tuple[int, int]:
    """
    Will open an alert for each algorithm that stands still of its own accord, where a rule wants that told, and end those of
    algorithms that go on or are over.

    :returns: how many were opened and how many ended
    """
    return routing.tell_alerts(act, AlertRule.Kind.STILL, lambda asked: selectors.standing_still(asked, act.at))
