"""
``blotter``: the list of orders at 850, 100,000 and 1,000,000 orders, at the server and in Chromium; a view of it with
groups and a total; and the list of blocks at 10,000 and 50,000.

The yardstick of the page is as many rows as it has, read by one joined query and written as bare text; that of the paint
is the same rows as a bare static table without style or script, shown by the same browser in the same run. The first
100,000 orders are entered by the service; those beyond are finished ones, copied within the database from the first by one
statement, without a record, for nothing here reads it; blocks likewise. The yardstick of the grouped view is the bare page
and a bare query of its groups. A target not reached is said. Statements are counted: they are the same at every size.
"""

import io
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from benchmarks import ground

SIZES = (850, 100_000, 1_000_000)
ENTERED = 100_000  # Up to so many orders are entered by the service.
BLOCKS = (10_000, 50_000)
TIMES = 7
FIRST_PAGE_MS, PAINT_MS = 300, 300
TARGET = 2.0  # Times the bare joined query written as text, at 100,000 orders.
BARE = (
    "SELECT o.id, o.side, i.symbol, i.name, p.code, p.name, o.qty, o.filled_qty, o.limit_price, o.tif, o.status, o.created_at,"
    " o.qty * coalesce(o.decision_price, o.limit_price) * i.price_factor AS usd FROM orders_order o"
    " JOIN reference_instrument i ON i.id = o.instrument_id JOIN portfolios_portfolio p ON p.id = o.portfolio_id"
    " ORDER BY usd DESC NULLS LAST, o.id LIMIT %s"
)
BARE_GROUPS = (
    "SELECT i.symbol, count(*), sum(o.qty * coalesce(o.decision_price, o.limit_price) * i.price_factor) FROM orders_order o"
    " JOIN reference_instrument i ON i.id = o.instrument_id GROUP BY 1 ORDER BY 1 LIMIT %s"
)
BARE_BLOCKS = (
    "SELECT b.id, b.side, i.symbol, i.name, b.qty, b.filled_qty, b.filled_value / nullif(b.filled_qty, 0), b.arrival_price,"
    " b.status, b.opened_at, b.qty * coalesce((q.bid + q.ask) / 2, b.arrival_price) * i.price_factor AS usd"
    " FROM blocks_block b JOIN reference_instrument i ON i.id = b.instrument_id"
    " LEFT JOIN marketdata_quote q ON q.instrument_id = i.id ORDER BY usd DESC NULLS LAST, b.id LIMIT %s"
)
MADE_BLOCKS = (  # Ready, working and done ones, of all shares and bonds in turn.
    "INSERT INTO blocks_block (instrument_id, side, order_type, tif, terms, instructions, currency_id, desk_id, trade_date,"
    " settle_date, merge_key, wave, opened_at, arrival_price, qty, placed_qty, filled_qty, filled_value, cancelled_qty,"
    " status, version) SELECT i.id, CASE n %% 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, 'MARKET', 'DAY', '{}', '', i.currency_id,"
    " (SELECT min(id) FROM users_desk), current_date, current_date + 2, md5(n::text), 1, now(), q.bid, 1000 + n %% 900,"
    " least(n %% 4, 1) * 1000, least(n %% 4, 2) * 500, least(n %% 4, 2) * 500 * coalesce(q.bid, 1), 0,"
    " (ARRAY['OPEN', 'WORKING', 'DONE', 'DONE'])[1 + n %% 4], 3 FROM generate_series(%s, %s) n JOIN (SELECT *,"
    " row_number() OVER (ORDER BY id) - 1 AS nth, count(*) OVER () AS many FROM reference_instrument"
    " WHERE asset_class = ANY(%s)) i ON i.nth = n %% i.many LEFT JOIN marketdata_quote q ON q.instrument_id = i.id"
)


def median_ms(act) -> float:
    times = []
    for _ in range(TIMES + 1):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times[1:]), 1)  # The first warms.


def grow(to: int) -> None:
    """Makes so many orders of what there is."""
    enter(min(to, ENTERED))
    if to > ENTERED:
        copy(to)


def copy(to: int) -> None:
    """Finished orders of earlier years, like those entered, straight into their table."""
    from django.db import connection

    from apps.orders.models import Order

    columns = [field.column for field in Order._meta.concrete_fields if field.column != "id"]
    said = {"status": "'DONE'", "filled_qty": "qty", "created_at": "created_at - interval '1 year'"}
    shown = ", ".join(said.get(name, name) for name in columns)
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO orders_order ({names}) SELECT {shown} FROM (SELECT * FROM orders_order ORDER BY id LIMIT %s) o,"
            " generate_series(1, %s)",
            [ENTERED, (to - Order.objects.count()) // ENTERED],
        )


def enter(to: int) -> None:
    from django.utils import timezone

    from apps.core.acts import Act
    from apps.orders import services as orders
    from apps.orders.models import Order
    from apps.portfolios.selectors import portfolios_run_by
    from apps.reference.models import BONDS, SHARES, Instrument
    from apps.users.models import User

    mira = User.objects.get(username="mira")
    homes = list(portfolios_run_by(mira).values_list("pk", flat=True))
    what = list(
        Instrument.objects.filter(asset_class__in=(*SHARES, *BONDS)).order_by("pk").values_list("pk", "increment")
    )
    have = Order.objects.count()
    while have < to:
        count = min(10_000, to - have)
        wishes = []
        for n in range(count):
            instrument, increment = what[n % len(what)]
            qty = increment * Decimal(100 + n % 900)
            wishes.append(orders.Wish(homes[n % len(homes)], instrument, ("BUY", "SELL")[n % 2], qty))
        orders.create_orders(Act(by=mira.pk, at=timezone.now(), via="command"), wishes)
        have += count


def make_blocks(to: int) -> None:
    """So many blocks, straight into their table."""
    from django.db import connection

    from apps.blocks.models import Block
    from apps.reference.models import BONDS, SHARES

    with connection.cursor() as cursor:
        cursor.execute(MADE_BLOCKS, [Block.objects.count() + 1, to, [*SHARES, *BONDS]])
        cursor.execute("VACUUM ANALYZE blocks_block")


def grouped(user, sheet: str) -> str:
    """The address of a list of theirs, gathered by instrument with a total of its money."""
    from django.utils import timezone

    from apps.core.acts import Act
    from apps.desk.lists import saved, specs
    from apps.desk.sheets import get_sheet

    of = get_sheet(sheet, user)
    spec = specs.usual(of)._replace(group="instrument", totals=("usd",))
    view = saved.save_view(Act(by=user.pk, at=timezone.now(), via="command"), of, spec, name="By instrument")
    return f"/{sheet}/?view={view.pk}"


def bare(query: str = BARE) -> str:
    from django.db import connection

    from apps.desk.lists import listing

    with connection.cursor() as cursor:
        cursor.execute(query, [listing.PAGE])
        cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in cursor.fetchall())
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def measured(client, size: int, by_instrument: str) -> dict:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    grow(size)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    with CaptureQueriesContext(connection) as asked:
        page = client.get("/orders/").content.decode()
    mark = page.partition('data-more="')[2].partition('"')[0].replace("&amp;", "&")
    one = page.partition('data-row="order:')[2].partition('"')[0]
    return {
        "orders": size,
        "statements": len(asked),
        "first_page_ms": median_ms(lambda: client.get("/orders/")),
        "next_page_ms": median_ms(lambda: client.get(mark)) if mark else None,
        "counts_ms": median_ms(lambda: client.get("/orders/?part=chips", headers={"HX-Request": "true"})),
        "one_row_ms": median_ms(lambda: client.get(f"/orders/rows/?ids={one}")),
        "grouped_ms": median_ms(lambda: client.get(by_instrument)),
        "bare_ms": median_ms(bare),
        "bare_groups_ms": median_ms(lambda: bare() + bare(BARE_GROUPS)),
    }


def measured_blocks(client, size: int, by_instrument: str) -> dict:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    make_blocks(size)
    with CaptureQueriesContext(connection) as asked:
        client.get("/blocks/")
    return {
        "blocks": size,
        "statements": len(asked),
        "first_page_ms": median_ms(lambda: client.get("/blocks/")),
        "grouped_ms": median_ms(lambda: client.get(by_instrument)),
        "bare_ms": median_ms(lambda: bare(BARE_BLOCKS)),
    }


def painted(client) -> dict | None:
    """First paint of the page and of its rows as a bare table, each from a file, so that the server's time is not in it."""
    chromium = Path("/usr/bin/chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if not chromium.exists():
        return None
    static = Path(__file__).resolve().parents[1] / "static"
    page = client.get("/orders/").content.decode().replace('"/static/', f'"file://{static}/')
    plain = f"<!doctype html><meta charset=utf-8>{bare()}"
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        found = {}
        for name, text in (("page", page), ("bare", plain)):
            path = Path(home) / f"{name}.html"
            path.write_text(text)
            times = []
            for _ in range(TIMES + 1):
                shown = browser.new_page(viewport={"width": 1440, "height": 900})
                shown.goto(path.as_uri(), wait_until="load")
                shown.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
                times.append(shown.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
                shown.close()
            found[f"{name}_paint_ms"] = round(statistics.median(times[1:]), 1)
        browser.close()
    return found | {"paint_ratio": round(found["page_paint_ms"] / found["bare_paint_ms"], 2)}


def main() -> None:
    with ground.servers():
        from django.core.management import call_command
        from django.test import Client

        from apps.users.models import User

        call_command("load_demo", scale=1, seed=1, stdout=io.StringIO())
        mira, tom = (User.objects.get(username=name) for name in ("mira", "tom"))
        client, trader = Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
        client.force_login(mira)
        trader.force_login(tom)
        orders, blocks = grouped(mira, "orders"), grouped(tom, "blocks")
        rows = [measured(client, SIZES[0], orders)]
        paint = painted(client)
        rows += [measured(client, size, orders) for size in SIZES[1:]]
        lists = [measured_blocks(trader, size, blocks) for size in BLOCKS]
    print(
        f"{'orders':>9} {'statements':>11} {'first page':>11} {'next page':>10} {'counts':>8} {'one row':>8}"
        f" {'grouped':>8} {'bare query':>11} {'ratio':>6} {'grouped':>8}  (ms)"
    )
    for row in rows:
        row["ratio"] = round(row["first_page_ms"] / row["bare_ms"], 2)
        row["grouped_ratio"] = round(row["grouped_ms"] / row["bare_groups_ms"], 2)
        print(
            f"{row['orders']:>9,} {row['statements']:>11} {row['first_page_ms']:>11} {row['next_page_ms'] or '–':>10}"
            f" {row['counts_ms']:>8} {row['one_row_ms']:>8} {row['grouped_ms']:>8} {row['bare_ms']:>11} {row['ratio']:>6}"
            f" {row['grouped_ratio']:>8}"
        )
    for row in lists:
        row["ratio"] = round(row["first_page_ms"] / row["bare_ms"], 2)
        print(
            f"{row['blocks']:>9,} blocks: {row['statements']} statements, first page {row['first_page_ms']}, grouped"
            f" {row['grouped_ms']}, bare query {row['bare_ms']} ms, ratio {row['ratio']}"
        )
    print(f"first paint of a page of rows: {paint or 'no Chromium here'}")
    small, large, largest = rows
    reached = (
        max(large["first_page_ms"], large["grouped_ms"], lists[0]["first_page_ms"]) < FIRST_PAGE_MS
        and len({row["statements"] for row in rows}) == 1
        and max(large["ratio"], largest["ratio"]) < TARGET
        and (paint is None or small["first_page_ms"] + paint["page_paint_ms"] < PAINT_MS)
    )
    ground.report("blotter", {"sizes": rows, "blocks": lists, "paint": paint}, large["ratio"], TARGET, reached)


if __name__ == "__main__":
    main()
