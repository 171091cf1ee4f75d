"""What people do about sessions whose numbers began anew: two set ours, a trader has the broker say again what was lost, and decides."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

AWAY_SECONDS = 4  # Of a broker that does not say that its numbers began anew; one that does should come back by itself.
LONGEST_AWAY_SECONDS = 20


def tell_street(home: Path, what: str, **more) -> Path:
    """One of the operator's commands (see street.commands). :returns: the file of its answer, once there is one"""
    folder = home / "street" / "control"
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / f"{what}-{time.monotonic_ns()}"
    command.with_suffix(".part").write_text(json.dumps({"do": what} | more))
    command.with_suffix(".part").rename(command.with_suffix(".json"))
    return command.with_suffix(".done")


def refusals():
    """Of orders that were sent again by number, as the broker asked for, and that it has."""
    from apps.routing.models import Message

    return Message.objects.filter(status="QUARANTINED", problem__endswith="as a duplicate, but the broker has that order.")


class People(threading.Thread):
    """
    :param run: the rebalance, whose people act
    :param borne: does something again where the database was away
    """

    def __init__(self, run, borne: Callable[[Callable[[], object]], object]):
        super().__init__(daemon=True)
        self.run_, self.borne = run, borne
        self.ended = threading.Event()
        self.done: Counter[str] = Counter()
        self.began_anew: dict[str, bool] = {}
        self.resets = 0
        self._away: dict[str, float] = {}
        self.error: Exception | None = None
        self._replayed: dict[int, float] = {}

    def run(self) -> None:
        from django.db import connection

        try:
            while not self.ended.wait(0.5):
                for broker in self.borne(self.stuck):
                    self.set_numbers(broker)
                    self._away.pop(broker)
                self.borne(self.look)
                self.borne(self.dismiss_refusals)
        except Exception as error:
            self.error = error
            raise
        finally:
            connection.close()

    def stop(self) -> None:
        self.ended.set()
        self.join(60)
        if self.error:
            raise self.error

    def act(self, who: str, reason: str):
        return self.run_.act(who, reason)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def set_numbers(self, broker: str) -> None:
        """The session is stopped, one proposes to begin at 1, another approves, and it is started."""
        from apps.routing import services as routing
        from apps.routing.models import SequenceReset, Session, SessionStop

        why = "The broker's numbers went back to 1; it says so on the phone."
        pk = Session.objects.get(target_comp_id=broker).pk
        stops, resets = SessionStop.objects.filter(session=pk, status="STOPPED"), SequenceReset.objects.filter(session=pk)
        asked = resets.filter(status__in=("PROPOSED", "APPROVED", "BEGUN"))
        self.borne(lambda: stops.exists() or routing.stop_session(self.act("olga", why), pk))
        self.borne(lambda: asked.exists() or routing.propose_numbers(self.act("olga", why), pk, next_out=1, next_in=1))
        waiting = resets.filter(status="PROPOSED")
        self.borne(lambda: [routing.approve_numbers(self.act("alan", why), one.pk, seen={one.pk: one.version}) for one in waiting.all()])
        deadline = time.monotonic() + 90
        while self.borne(asked.exists):
            if time.monotonic() > deadline:
                raise TimeoutError(f"The numbers of {broker} were not set.")
            time.sleep(0.1)
        self.done[f"numbers {self.borne(resets.first).status}"] += 1
        self.borne(lambda: [routing.start_session(self.act("olga", why), one.pk, seen={one.pk: one.version}) for one in stops.all()])

    def stuck(self) -> list[str]:
        """Brokers that began their numbers anew, and stay away while others are on."""
        from apps.routing.models import Session

        up = dict(Session.objects.filter(is_enabled=True).values_list("target_comp_id", "is_up"))
        now = time.monotonic()
        for broker in self.began_anew:
            if up[broker] or not any(up.values()):
                self._away.pop(broker, None)
            else:
                self._away.setdefault(broker, now)
        longest = {broker: LONGEST_AWAY_SECONDS if told else AWAY_SECONDS for broker, told in self.began_anew.items()}
        return [broker for broker, since in self._away.items() if now - since > longest[broker]]

    def dismiss_refusals(self) -> None:
        """
        A broker whose numbers went back asks for all of the day by number, and refuses what it gets as orders it has: which they are,
        and each refusal waits for a person.
        """
        from apps.routing import services as routing

        for pk in refusals().values_list("pk", flat=True):
            routing.settle_message(self.act("tom", "The broker has the order; it asked for it again."), pk, "dismiss")
            self.done["refusals dismissed"] += 1

    # --- differences --------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """At what differs, and at a broker to say its executions again first; then each is decided as it stands."""
        from apps.routing.models import ReconciledRoute
        from apps.routing.rules.reconciling import DIFFERENCES

        rows = ReconciledRoute.objects.filter(reconciliation__status="DIFFERS", found__in=DIFFERENCES, decision="")
        for one in rows.select_related("route", "reconciliation__session").order_by("pk"):
            broker = one.reconciliation.session.target_comp_id
            if one.reconciliation_id not in self._replayed:
                tell_street(self.run_.house.home, "replay", broker=broker)
                self._replayed[one.reconciliation_id] = time.monotonic()
            waited = time.monotonic() - self._replayed[one.reconciliation_id]
            behind = one.their_cum is not None and one.route.cum_qty < one.their_cum
            if waited > 2 and (not behind or waited > 30):
                self.decide(one, broker)

    def decide(self, one, broker: str) -> None:
        from apps.core.refusals import Refusal
        from apps.routing import services as routing
        from apps.routing.models import Reconciliation
        from apps.routing.rules.reconciling import MENDABLE, is_over
        from apps.routing.states import DEAD

        mends = one.found in MENDABLE and one.found != "MORE"
        for how in ("MEND", "KEEP") if mends else ("KEEP",):
            seen = {one.reconciliation_id: Reconciliation.objects.get(pk=one.reconciliation_id).version}
            try:
                routing.decide_difference(self.act("tom", "As the broker says on the phone."), one.pk, how, seen=seen)
            except Refusal as refusal:
                self.done[f"refused {type(refusal).__name__}"] += 1
            else:
                self.done[f"{one.found} {how}"] += 1
                break
        one.route.refresh_from_db()
        if is_over(one.their_status) and one.route.status not in DEAD:
            tell_street(self.run_.house.home, "hang_up", broker=broker)  # It is asked again as the session comes back.
