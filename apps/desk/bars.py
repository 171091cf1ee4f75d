"""Shares, drifts and limits as drawn bars: SVG, whose widths are attributes, for pages may carry no style attribute."""

from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from .figures import fixed, read_number


def _of(part, whole) -> float:
    """Share of a whole in percent, 0 to 100, for drawing only."""
    part, whole = read_number(part) or 0, read_number(whole) or 0
    return 0.0 if whole <= 0 else max(0.0, min(100.0, float(part / whole * 100)))


def _shown_share(share: float) -> str:
    """100% is said of what is whole, 0% of what has not begun."""
    return f"{min(99, max(1, round(share))) if 0 < share < 100 else round(share)}%"


def fillbar(done, total) -> SafeString:
    """``{% fillbar block.filled_qty block.quantity %}``: a bar and its percent."""
    share = _of(done, total)
    return format_html(
        '<svg class="fillbar{}" aria-hidden="true"><rect width="{}%" height="6"/></svg>{}',
        " full" if share == 100 else "",
        f"{share:.1f}",
        _shown_share(share),
    )


def driftbar(drift, span) -> SafeString:
    """``{% driftbar weight_drift 2 %}``: a bar from the middle, right if above target; ``span`` is half the width."""
    moved = read_number(drift) or Decimal(0)
    width = _of(abs(moved), span) / 2
    return format_html(
        '<svg class="driftbar" role="img" aria-label="drift {}">'
        '<rect class="ground" y="3" width="100%" height="8" rx="4"/>'
        '<rect class="{}" x="{}%" y="3" width="{}%" height="8" rx="2"/>'
        '<rect class="mark" x="50%" width="1" height="14"/></svg>',
        fixed(moved, 2, plus=True),
        "above" if moved > 0 else "below",
        f"{50 if moved > 0 else 50 - width:.2f}",
        f"{width:.2f}",
    )


LIMITBAR = (
    '<svg class="limitbar" role="img" height="{h}" aria-label="{label}">'
    '<rect class="ground" y="18" width="100%" height="{bar}" rx="4"/>'
    '<rect class="held" y="18" width="{base}%" height="{bar}" rx="4"/>'
    '<rect class="{kind}" x="{base}%" y="18" width="{move}%" height="{bar}"/>'
    '<rect class="mark" x="{limit_at}%" y="14" width="2" height="{mark}"/>'
    '{warned}<text x="{limit_at}%" y="10" text-anchor="{limit_anchor}">{limit_word} {limit}</text>'
    '<text x="{left_at}%" y="{base_line}" text-anchor="{left_anchor}">{left}</text>'
    '<text x="{right_at}%" y="{base_line}" text-anchor="{right_anchor}">{right}</text></svg>'
)


WARNED = (
    '<rect class="warned" x="{at}%" y="14" width="2" height="{mark}"/><text x="{at}%" y="10" text-anchor="{anchor}">{said}</text>'
)


def limitbar(now, after, limit, unit: str = "%", places: int = 1, big: bool = False, least: bool = False, warning=None) -> SafeString:
    """
    ``{% limitbar now=4.1 after=5.4 limit=5 %}``: what is, what would be, and the limit, on one scale.

    :param now, after, limit: in one unit, from zero up; ``unit`` is written behind each (``%``, `` yr``, ``M``);
        ``now`` may be missing, where the order alone is measured
    :param places: decimals; left empty, as ``include`` leaves what it was not given, 1
    :param least: the limit is a floor, not a ceiling; :param warning: from where on it is said, if anywhere
    """
    places = 1 if places in ("", None) else int(places)
    values = [max(read_number(v) or Decimal(0), Decimal(0)) for v in (now, after, limit)]
    scale = max(values) * Decimal("1.3") or Decimal(1)
    at_now, at_after, at_limit = (_of(v, scale) for v in values)
    low, high = min(at_now, at_after), max(at_now, at_after)
    beyond = values[1] < values[2] if least else values[1] > values[2]
    kind = "over" if beyond else "within" if at_after >= at_now else "freed"
    words = [f"{fixed(v, places)}{unit}" for v in values]
    measured_alone = read_number(now) is None
    ends = ["", words[1]] if measured_alone else [f"{words[0]} now", f"{words[1]} after"]
    left, right = ends if at_now <= at_after else reversed(ends)
    bar = 14 if big else 8
    limit_word = "at least" if least else "limit"
    said = "" if read_number(warning) is None else f"warning {fixed(read_number(warning), places)}{unit}"
    at_level = _of(warning, scale)
    before = at_level < at_limit  # The words of warning and limit lean away from each other.
    anchor = "end" if before and at_level >= 26 else "start"
    return format_html(
        LIMITBAR,
        h=bar + 38,
        bar=bar,
        mark=bar + 8,
        base_line=bar + 34,
        label=", ".join([*filter(None, [*ends, said]), f"{limit_word} {words[2]}"]),
        warned=format_html(WARNED, at=f"{at_level:.2f}", mark=bar + 8, anchor=anchor, said=said) if said else "",
        base=f"{low:.2f}",
        move=f"{high - low:.2f}",
        kind=kind,
        limit_at=f"{at_limit:.2f}",
        limit_anchor="start" if at_limit < 12 or said and before else "end" if said else "middle",
        limit=words[2],
        limit_word=limit_word,
        # The two words lean away from each other, and stay inside the picture.
        left=left,
        left_at=f"{low if low >= 26 else 0:.2f}",
        left_anchor="end" if low >= 26 else "start",
        right=right,
        right_at=f"{max(high, 28) if low < 26 else high + 1.5:.2f}",
        right_anchor="start",
    )
