"""Message throttles as rules of the library: see the file beside this one."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apps.compliance import built_in

from .rules import throttles

BEGIN = datetime(2026, 3, 4, 15, tzinfo=UTC)


def judge(told: Mapping[str, Any], rules=throttles) -> list[dict[str, Any]]:
    """
    What is refused in a case, and where a strategy stops.

    :param told: ``limit``: ``per_second``, ``per_day``, or ``most_repeats`` within ``seconds``; ``sent``, in order of time: ``at``,
        seconds after three in the afternoon, ``n`` messages (or applications of a strategy), ``kind`` (35=; D where not said); a
        strategy's ``lifted``: when a person let it go on
    :returns: ``nr`` of what was sent, and what is said of it
    """
    limit, found, used, stopped_at = told["limit"], [], [], None
    lifted = _at(told["lifted"]) if "lifted" in told else None
    for nr, one in enumerate(told["sent"], 1):
        at, n = _at(one["at"]), one.get("n", 1)
        if stopped_at and not (lifted and stopped_at <= lifted <= at):
            found.append({"nr": nr, "said": "STOPPED"})
            continue
        stopped = False
        if "most_repeats" in limit:
            since = rules.repeats_since(at, limit["seconds"], lifted if lifted and lifted <= at else None)
            times = sum(m for then, m in used if then > since) + n
            over = rules.is_over(times, limit["most_repeats"])
            stopped = not over and rules.stops(times, limit["most_repeats"])
            said = rules.said(rules.REPEATED, times, limit["most_repeats"]) if over or stopped else ""
        else:
            found_over = [
                cap.over(sum(m for then, m in used if cap.counts(then)), n)
                for cap in rules.caps(at, limit.get("per_second"), limit.get("per_day"))
            ]
            said = next((text for text in found_over if text), "") if rules.is_refused([one.get("kind", "D")] * n) else ""
            over = bool(said)
        if said:
            found.append({"nr": nr, "said": said} | ({"stops": True} if stopped else {}))
        stopped_at = at if stopped else None
        if not over:
            used.append((at, n))
    return found


def _at(seconds: str) -> datetime:
    return BEGIN + timedelta(microseconds=round(float(seconds) * 1_000_000))


def words(found: list[dict[str, Any]]) -> str:
    """What becomes of what was sent, in words."""
    if not found:
        return "All of it goes out"
    return "; ".join(
        f"number {one['nr']} " + (f"goes out and the strategy stops ({one['said']})" if one.get("stops") else f"is refused ({one['said']})")
        for one in found
    )


SHELF = built_in.read(Path(__file__).with_name("library.json"), at="routing:throttles", judge=judge, words=words)
