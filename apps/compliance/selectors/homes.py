"""Reading what the engine is told of portfolios: mandate, groups, unit, taxpayer, plan and whose contracts theirs are."""

from collections.abc import Sequence
from datetime import date

from apps.reference import selectors as reference

from ..engine import columns as c


def homes_of(cursor, portfolio_ids: Sequence[int], on: date) -> list[c.Portfolio]:
    """The portfolios by id, as they are on a day."""
    limits = [name for name in c.Portfolio._fields if name.endswith("_pct")]
    own = {
        "unit": "p.aggregation_unit", "team": "p.team", "taxpayer": "p.taxpayer_id", "is_ira": "p.is_ira",
        "groups": "coalesce(g.codes, '{}')", "mandate_type": "coalesce(m.type, '')", "custodian": "k.name", "bank": "k.issuer_id",
        "plan": "r.id", "owner": "p.position_owner", "benchmark": "p.benchmark_id",
        "named": "coalesce(n.issuers, '{}')",
    }  # fmt: skip
    cursor.execute(
        f"SELECT p.id, p.code, {', '.join(f'm.{name}' for name in limits)}, {', '.join(own.values())}"
        " FROM portfolios_portfolio p JOIN reference_custodian k ON k.id = p.custodian_id"
        " LEFT JOIN portfolios_mandate m ON m.portfolio_id = p.id LEFT JOIN portfolios_plan r ON r.portfolio_id = p.id"
        " LEFT JOIN (SELECT i.portfolio_id, array_agg(g.code::text ORDER BY g.code) AS codes FROM portfolios_portfoliogroup_members i"
        "  JOIN portfolios_portfoliogroup g ON g.id = i.portfoliogroup_id WHERE i.portfolio_id = ANY(%s) GROUP BY 1) g"
        "  ON g.portfolio_id = p.id LEFT JOIN (SELECT portfolio_id, array_agg(DISTINCT issuer_id) AS issuers FROM portfolios_namedissuer"
        "  WHERE portfolio_id = ANY(%s) AND daterange(starts_on, ends_on, '[]') @> %s GROUP BY 1) n ON n.portfolio_id = p.id"
        " WHERE p.id = ANY(%s) ORDER BY p.id",
        [list(portfolio_ids), list(portfolio_ids), on, list(portfolio_ids)],
    )
    found = [c.Portfolio(*row[: -len(own)], **dict(zip(own, row[-len(own) :], strict=True))) for row in cursor.fetchall()]
    groups = reference.issuer_groups() if any(p.bank or p.named for p in found) else {}
    return [p._replace(bank=groups.get(p.bank), named=tuple(sorted({groups[one] for one in p.named}))) for p in found]
