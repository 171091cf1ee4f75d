"""What every page shows around itself: the places its person may go, the environment, their role."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.urls import reverse

from apps.users.services import permissions_of, roles_of

# Label, address, what one must be allowed to do; the first that fits a role is its home's neighbour.
PLACES = (
    ("Home", "desk:home", "desk.see"),
    ("Orders", "orders:list", "orders.see"),
    ("Import", "orders:imports", "orders.import"),
    ("Reviews", "compliance:reviews", "compliance.see"),
    ("Blocks", "blocks:list", "blocks.see"),
    ("Inquiries", "routing:inquiries", "routing.see"),
    ("Routes", "routing:routes", "routing.see"),
    ("Allocations", "allocations:list", "allocations.see"),
    ("Settlement", "settlement:board", "settlement.see"),
    ("Portfolios", "portfolios:list", "portfolios.see"),
    ("Rules", "compliance:rules", "compliance.see"),
    ("Sessions", "routing:sessions", "routing.see"),
    ("Results", "reporting:results", "reporting.see"),
    ("Record", "desk:record", "audit.see"),
)
WAITING = {
    "compliance:reviews": "SELECT count(*) FROM compliance_review WHERE status = 'WAITING'",
    "routing:sessions": "SELECT count(*) FROM routing_message WHERE status = 'QUARANTINED'",
}


def shell(request: HttpRequest) -> dict:
    """Context processor: ``nav``, ``environment``, ``role``."""
    around = {"environment": settings.ENVIRONMENT.upper()}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return around
    allowed = permissions_of(user)
    around["role"] = ", ".join(sorted(roles_of(user))) or "no role"
    places = [(label, name, reverse(name)) for label, name, permission in PLACES if permission in allowed]
    # An import's address begins as the orders' does: the longest beginning is where the person is.
    here = max((url for *_, url in places if request.path.startswith(url)), key=len, default="")
    around["nav"] = [
        {
            "label": label,
            "url": url,
            "current": url == here and (url != "/" or request.path == "/"),
            "count": _waiting(name),
        }
        for label, name, url in places
    ]
    if user.is_staff and "reference.write" in allowed:
        around["nav"].append(
            {"label": "Reference data", "url": reverse("admin:index"), "current": False, "count": None}
        )
    return around


def _waiting(name: str) -> int | None:
    query = WAITING.get(name)
    if query is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0] or None
