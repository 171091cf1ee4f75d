"""Whatever was filled where, orders get their shares and every cent of it, and brokers' fills come out whole."""

from datetime import date
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.allocations import rules
from apps.core.money import rounded
from apps.reference.rules import FeeTerms, fee_amount

D = Decimal
BOND = rules.Coupon(D("4.125"), 2, "30/360", date(2022, 8, 9), date(2032, 8, 15))
SHARE = rules.Coupon(None, None, "", None, None)
STAMP = FeeTerms("SDRT", "5", D(50))
LEVY = FeeTerms("LEVY", "6", D("0.3"), unit_amount=D("0.000166"), most=D("8.30"), rounding="UP")


@st.composite
def worked(draw):
    """A block of some orders, filled in part by up to three brokers."""
    bond = draw(st.booleans())
    step = 1000 if bond else 1
    wanted = draw(st.lists(st.integers(1, 4000), min_size=1, max_size=30))
    left = draw(st.integers(0, sum(wanted)))
    fills = []
    for broker in range(1, 4):
        part = left if broker == 3 else draw(st.integers(0, left))
        left -= part
        if part:
            price = draw(st.decimals(D("0.0001"), D(5000), places=6))
            qty = D(part * step)
            fills.append(
                rules.Filled(
                    broker, qty, qty * price, draw(st.decimals(0, 10_000, places=4)), date(2026, 3, 2), date(2026, 3, 3),
                    draw(st.sampled_from(([], [STAMP], [LEVY, STAMP]))),
                )
            )  # fmt: skip
    first = draw(st.integers(1, 10**6))
    n = len(wanted)
    return rules.BlockFacts(
        first, draw(st.sampled_from(["BUY", "SELL", "SELL_SHORT"])), "CORP" if bond else "EQUITY", D(step),
        D(draw(st.sampled_from([step, 5 * step]))), D("0.01") if bond else D(1), draw(st.sampled_from([0, 2, 3])),
        BOND if bond else SHARE, list(range(first, first + n)), list(range(n)), [w * step * 10_000 for w in wanted], fills,
    )  # fmt: skip


@given(st.lists(worked(), min_size=1, max_size=4))
@settings(max_examples=120, deadline=None)
def test_every_unit_and_every_cent_is_booked_once(blocks):
    shares, booked = rules.book(blocks)
    runs = rules.Segments(np.array([len(b.order_ids) for b in blocks]))
    for number, block in enumerate(blocks):
        mine = [one for one in booked if one.block is block]
        given_to = dict(zip(block.order_ids, shares[runs.rows(number)].tolist(), strict=True))
        for order_id, share in given_to.items():
            assert sum((o.qty for o in mine if o.order_id == order_id), D(0)) == rules.quantity(share)
        for fill in block.fills:
            parts = [one for one in mine if one.fill is fill]
            minor = block.minor_units
            assert sum(o.qty for o in parts) == fill.qty
            assert sum(o.gross for o in parts) == rules.gross_amount(fill.value, block.price_factor, minor)
            assert sum(o.commission for o in parts) == rounded(fill.commission, minor)
            assert sum(o.accrued for o in parts) == rules.accrued_amount(
                fill.qty, block.coupon, fill.settle_date, minor
            )
            gross = rules.gross_amount(fill.value, block.price_factor, minor)
            for terms in fill.fees:
                borne = [fee.amount for o in parts for fee in o.fees if (fee.code, fee.kind) == terms[:2]]
                assert sum(borne) == fee_amount(terms, fill.qty, gross, minor)
            assert len({o.price for o in parts}) == 1
            for o in parts:
                assert {fee.code for fee in o.fees} <= {terms.code for terms in fill.fees}
                assert o.net == rules.net_amount(block.side, o.gross, o.accrued, o.commission, o.fees_amount)


@given(worked())
@settings(max_examples=60, deadline=None)
def test_the_same_block_is_booked_the_same_way_alone_and_among_others(block):
    other = block._replace(block_id=block.block_id + 1)
    alone = [tuple(o)[2:] for o in rules.book([block])[1]]

    assert [tuple(o)[2:] for o in rules.book([block, other])[1]] == alone * 2
