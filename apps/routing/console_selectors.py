"""FIX sessions as they run: how the gateway sees each, what people want of it, gaps and what was said last."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, QuerySet

from apps.core.refusals import NotFound

from . import rules
from .models import Message, Reconciliation, SequenceReset, Session, SessionGap, SessionState, SessionStop
from .states import OPEN_RESETS, Rec, Ss

FRESH = timedelta(seconds=5)  # A gateway says how its sessions stand each second.
SHOWN = 20


class Standing(NamedTuple):
    """
    A session as it stands. ``is_run``: whether a gateway looked after it within the last seconds; ``words`` and ``tone`` what
    it is in a word; ``waiting``: messages committed and not sent.
    """

    session: Session
    state: SessionState | None
    is_run: bool
    stop: SessionStop | None
    reset: SequenceReset | None
    words: str
    tone: str
    opens: datetime | None
    waiting: int

    @property
    def version(self) -> int:
        """Of its stop, for whoever starts it."""
        return self.stop.version if self.stop else 0


class Kept(NamedTuple):
    """What was done to a session and seen of it, the newest first."""

    stops: Sequence[SessionStop]
    resets: Sequence[SequenceReset]
    gaps: Sequence[SessionGap]
    messages: Sequence[Message]


def sessions() -> QuerySet[Session]:
    return Session.objects.filter(environment=settings.ENVIRONMENT).select_related("broker", "state").order_by("target_comp_id")


def standings(now: datetime) -> list[Standing]:
    """Every session of this environment; those that are not as they should be first. Five queries."""
    rows = list(sessions())
    order = {"bad": 0, "hold": 1, "done": 2, "idle": 3}
    return sorted(_stand(rows, now), key=lambda one: order[one.tone])


def get_standing(session_id: int, now: datetime) -> Standing:
    """:raises NotFound: where there is none"""
    found = _stand(list(sessions().filter(pk=session_id)), now)
    if not found:
        raise NotFound("There is no such session here.")
    return found[0]


def kept(session_id: int) -> Kept:
    """Four queries."""
    people = ("proposed_by", "decided_by")
    return Kept(
        SessionStop.objects.filter(session=session_id).select_related("stopped_by", "started_by")[:SHOWN],
        SequenceReset.objects.filter(session=session_id).select_related(*people)[:SHOWN],
        SessionGap.objects.filter(session=session_id)[:SHOWN],
        list(Message.objects.filter(session=session_id).select_related("session__broker").order_by("-pk")[:SHOWN]),
    )


def resets() -> QuerySet[SequenceReset]:
    return SequenceReset.objects.select_related("session__broker", "proposed_by", "decided_by").order_by("-pk")


def get_reset(reset_id: int) -> SequenceReset:
    """:raises NotFound: where there is none"""
    row = resets().filter(pk=reset_id).first()
    if row is None:
        raise NotFound("No such sequence numbers were proposed.")
    return row


def get_stop(stop_id: int) -> SessionStop:
    """:raises NotFound: where there is none"""
    row = SessionStop.objects.select_related("session__broker", "stopped_by", "started_by").filter(pk=stop_id).first()
    if row is None:
        raise NotFound("There is no such stop of a session.")
    return row


def _stand(rows: Sequence[Session], now: datetime) -> list[Standing]:
    ids = [row.pk for row in rows]
    stops = {s.session_id: s for s in SessionStop.objects.filter(session__in=ids, status=Ss.STOPPED).select_related("stopped_by")}
    asked = {r.session_id: r for r in resets().filter(session__in=ids, status__in=OPEN_RESETS)}
    queued = Message.objects.filter(session__in=ids, status__in=["QUEUED", "SENDING"]).values_list("session_id").annotate(n=Count("pk"))
    waiting = dict(queued)
    held = set(Reconciliation.objects.filter(session__in=ids, status=Rec.WAITING).values_list("session_id", flat=True))
    found = []
    for row in rows:
        state: SessionState | None = getattr(row, "state", None)
        is_run = bool(state) and now - state.looked_at <= FRESH
        stop = stops.get(row.pk)
        opens = rules.next_opening(row.schedule, now) if rules.period_at(row.schedule, now) is None else None
        words, tone = _words(row, state, is_run, stop, opens)
        if words == "Up" and row.pk in held:
            words, tone = "Reconciling", "hold"
        found.append(Standing(row, state, is_run, stop, asked.get(row.pk), words, tone, opens, waiting.get(row.pk, 0)))
    return found


def _words(row: Session, state: SessionState | None, is_run: bool, stop: SessionStop | None, opens: datetime | None) -> tuple[str, str]:
    if not row.is_enabled:
        return "Disabled", "idle"
    if not is_run:
        return "No gateway", "bad"
    if state and state.is_on:
        return ("Logging out", "hold") if stop else ("Up", "done")
    if stop:
        return "Stopped", "hold"
    return ("Out of hours", "idle") if opens else ("Down", "bad")
