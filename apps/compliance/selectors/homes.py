"""Reading what the engine is told of portfolios: mandate, groups, unit, taxpayer, plan and whose contracts theirs are."""

from collections.abc import Sequence

from apps.reference import selectors as reference

from ..engine import columns as c


def homes_of(cursor, portfolio_ids: Sequence[int]) -> list[c.Portfolio]:
    limits = [name for name in c.Portfolio._fields if name.endswith("_pct")]
    own = {
        "unit": "p.aggregation_unit", "team": "p.team", "taxpayer": "p.taxpayer_id", "is_ira": "p.is_ira",
        "groups": "coalesce(g.codes, '{}')", "mandate_type": "coalesce(m.type, '')", "custodian": "k.name", "bank": "k.issuer_id",
        "plan": "r.id", "owner": "p.position_owner", "benchmark": "p.benchmark_id",
    }  # fmt: skip
    cursor.execute(
        f"SELECT p.id, p.code, {', '.join(f'm.{name}' for name in limits)}, {', '.join(own.values())}"
        " FROM portfolios_portfolio p JOIN reference_custodian k ON k.id = p.custodian_id"
        " LEFT JOIN portfolios_mandate m ON m.portfolio_id = p.id LEFT JOIN portfolios_plan r ON r.portfolio_id = p.id"
        " LEFT JOIN (SELECT i.portfolio_id, array_agg(g.code::text ORDER BY g.code) AS codes FROM portfolios_portfoliogroup_members i"
        "  JOIN portfolios_portfoliogroup g ON g.id = i.portfoliogroup_id WHERE i.portfolio_id = ANY(%s) GROUP BY 1) g"
        "  ON g.portfolio_id = p.id WHERE p.id = ANY(%s) ORDER BY p.id",
        [list(portfolio_ids)] * 2,
    )
    found = [c.Portfolio(*row[: -len(own)], **dict(zip(own, row[-len(own) :], strict=True))) for row in cursor.fetchall()]
    groups = reference.issuer_groups() if any(p.bank for p in found) else {}
    return [p._replace(bank=groups.get(p.bank)) for p in found]
