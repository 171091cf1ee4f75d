"""What every page shows around itself: the places its person may go, the environment, their role."""

from collections.abc import Collection

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.urls import reverse

from apps.users.services import permissions_of, roles_of

# Label, address, what one must be allowed to do.
PLACES = (
    ("Home", "desk:home", "desk.see"),
    ("Orders", "orders:list", "orders.see"),
    ("Groups", "orders:groups", "orders.see"),
    ("Import", "orders:imports", "orders.import"),
    ("Approvals", "orders:approvals", "orders.see_approvals"),
    ("Proposals", "orders:proposals", "orders.create"),
    ("Reviews", "compliance:reviews", "compliance.see"),
    ("Blocks", "blocks:list", "blocks.see"),
    ("Inquiries", "routing:inquiries", "routing.see"),
    ("Routes", "routing:routes", "routing.see"),
    ("Algorithms", "algos:list", "routing.see"),
    ("Alerts", "routing:alerts", "routing.see"),
    ("Queues", "blocks:queues", "blocks.see"),
    ("Both sides", "blocks:oppositions", "blocks.see"),
    ("Crosses", "crossing:list", "crossing.see"),
    ("Linked blocks", "groups:list", "routing.see"),
    ("Rotations", "blocks:rotations", "reference.see"),
    ("Allocations", "allocations:list", "allocations.see"),
    ("Settlement", "settlement:board", "settlement.see"),
    ("Portfolios", "portfolios:list", "portfolios.see"),
    ("Rules", "compliance:rules", "compliance.see"),
    ("Mandates", "compliance:mandates", "compliance.see"),
    ("Shared room", "compliance:room", "compliance.release_room"),
    ("Daily report", "surveillance:days", "compliance.see"),
    ("Order defaults", "orders:defaults", "orders.see"),
    ("Sessions", "routing:sessions", "routing.see"),
    ("Reconciliation", "routing:reconciliations", "routing.see"),
    ("Staged", "routing:staged", "routing.see_staging"),
    ("Kill switch", "routing:halts", "routing.see"),
    ("Results", "reporting:results", "reporting.see"),
    ("Record", "desk:record", "audit.see"),
    ("Parts", "desk:parts", "audit.see_parts"),
)
# Pages that are reached from one of those: the finder finds them by their names too.
BEHIND = (
    ("Drafts of rules", "compliance:drafts", "compliance.see"),
    ("Rule library", "compliance:library", "compliance.see"),
    ("New rule", "compliance:new_rule", "compliance.write_rules"),
    ("Replay", "compliance:replay", "compliance.see"),
    ("Restricted list", "compliance:restrictions", "compliance.see"),
    ("List hits", "compliance:list_hits", "compliance.control_room"),
    ("Sanctions", "compliance:sanctions", "compliance.see"),
    ("Close-outs", "compliance:close_outs", "settlement.see"),
    ("Trading limits", "compliance:trading_limits", "compliance.see"),
    ("Position limits", "compliance:position_limits", "compliance.see"),
    ("Session console", "routing:console", "routing.see_sessions"),
    ("FIX messages", "routing:messages", "routing.see"),
    ("Races", "certification:matrices", "routing.see"),
    ("Dialects", "routing:dialects", "routing.see_dialects"),
    ("Costs", "costs:report", "reporting.see"),
    ("Soft dollars", "allocations:csa", "settlement.see"),
    ("Rate cards", "routing:rate_cards", "routing.see_cards"),
    ("Message throttles", "routing:throttles", "routing.see"),
    ("Routing rules", "routing:rules", "routing.see"),
    ("Routing decisions", "routing:decisions", "routing.see"),
    ("Broker strategies", "routing:strategies", "routing.see"),
    ("Lit venues", "routing:venues", "routing.see"),
    ("Algo wheels", "algos:wheels", "routing.see"),
    ("Broker terms", "portfolios:terms", "portfolios.see"),
    ("Retirement plans", "portfolios:plans", "portfolios.see"),
)
# Who may do this works on these, which come first in the bar; the rest of what they may see is under More.
IN_THE_BAR = 7
FIRST = {
    "orders.create": ("desk:home", "orders:list", "orders:imports", "portfolios:list"),
    "routing.route": ("desk:home", "blocks:list", "routing:inquiries", "routing:routes", "routing:alerts", "routing:halts"),
    "compliance.decide": (
        "desk:home", "compliance:reviews", "orders:list", "surveillance:days", "portfolios:list", "compliance:rules",
    ),
    "settlement.mend": ("desk:home", "settlement:board", "allocations:list", "portfolios:list", "routing:sessions"),
    "audit.verify": (
        "desk:home", "desk:record", "orders:list", "compliance:reviews", "settlement:board", "portfolios:list",
    ),
}  # fmt: skip
# Places with a badge: how it is called and what it counts.
WAITING = {
    "routing:halts": ("halts", "SELECT count(*) FROM routing_halt WHERE status = 'ACTIVE'"),
    "compliance:reviews": ("reviews", "SELECT count(*) FROM compliance_review WHERE status = 'WAITING'"),
    "orders:approvals": ("approvals", "SELECT count(*) FROM orders_approval WHERE status = 'WAITING'"),
    "routing:reconciliations": (
        "differences",
        "SELECT count(*) FROM routing_reconciledroute r JOIN routing_reconciliation c ON c.id = r.reconciliation_id"
        " WHERE c.status = 'DIFFERS' AND r.decision = '' AND r.found <> 'AGREES'",
    ),
    "routing:sessions": ("quarantine", "SELECT count(*) FROM routing_message WHERE status = 'QUARANTINED'"),
}


def shell(request: HttpRequest) -> dict:
    """Context processor: ``nav``, ``nav_more``, ``environment``, ``role``."""
    around = {"environment": settings.ENVIRONMENT.upper()}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return around
    around["role"] = ", ".join(sorted(roles_of(user))) or "no role"
    nav = _places(request.path, permissions_of(user), user.is_staff)
    return around | {"nav": nav[:IN_THE_BAR], "nav_more": nav[IN_THE_BAR:]}


def _places(path: str, allowed: Collection[str], is_staff: bool) -> list[dict]:
    """Where the person may go, what they work on first; current is the place whose address fits best."""
    first = [name for permission, names in FIRST.items() if permission in allowed for name in names]
    places = [
        (first.index(name) if name in first else len(first), label, name, reverse(name))
        for label, name, permission in PLACES
        if permission in allowed
    ]
    fits = [url for _, _, _, url in places if path == url or (url != "/" and path.startswith(url))]
    here = max(fits, key=len, default="")
    nav = [
        {"label": label, "url": url, "current": url == here, **_badge(name)}
        for _, label, name, url in sorted(places, key=lambda place: place[0])
    ]
    if is_staff and "reference.write" in allowed:
        nav.append({"label": "Reference data", "url": reverse("admin:index"), "current": False})
    return nav


def _badge(name: str) -> dict:
    if name not in WAITING:
        return {}
    called, query = WAITING[name]
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {"counted": called, "count": cursor.fetchone()[0]}


def badges(user) -> list[tuple[str, int]]:
    """The badges of the bar as they stand now: name and count, of the places the person may go."""
    allowed = permissions_of(user)
    mine = [_badge(name) for _, name, permission in PLACES if name in WAITING and permission in allowed]
    return [(badge["counted"], badge["count"]) for badge in mine]
