"""The demo's upstream system: a portfolio system that dials in and stages orders of one manager, as drafts."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.core.acts import Act
from apps.routing import services as routing
from apps.routing.models import Session
from apps.users.models import User

NAME, MANAGER = "HORIZON", "paul"
ASKS, CONFIRMS = "olga", "omar"


@transaction.atomic
def keep() -> None:
    """Will keep its session, granted by two people of the firm, at the port of today; nothing where there is no port."""
    port = settings.UPSTREAM_PORT
    if not port:
        return
    session = Session.objects.filter(target_comp_id=NAME).first()
    if session is None:
        asks, confirms = _act(ASKS), _act(CONFIRMS)
        person = User.objects.get(username=MANAGER)
        routing.install_staging_session(asks, confirms, NAME, person, port=port, dials_in=True)
    elif session.port != port:
        routing.change_staging_session(_act(ASKS), session.pk, {"port": port}, seen={session.pk: session.version})


def _act(username: str) -> Act:
    person = User.objects.get(username=username)
    return Act(by=person.pk, at=timezone.now(), via="command", reason="The demo's upstream system")
