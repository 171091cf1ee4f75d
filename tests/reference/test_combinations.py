"""Which orders are taken: the narrower rows stand in place of the wider."""

from apps.reference.rules import ORDINARY, Taken, taken_by


def row(order_type: str, tif: str, venue: int | None = None, broker: int | None = None) -> Taken:
    return Taken("EQUITY", venue, broker, order_type, tif, False, False)


EVERYWHERE = [row("MARKET", "DAY"), row("STOP", "DAY")]
AT_ONE = [row("MARKET", "CLS", venue=1)]
BY_ONE = [row("LIMIT", "DAY", broker=7)]


def test_the_rows_of_a_market_or_broker_stand_alone():
    table = EVERYWHERE + AT_ONE + BY_ONE
    assert taken_by(table, "EQUITY", 1) == AT_ONE
    assert taken_by(table, "EQUITY", 2) == EVERYWHERE
    assert taken_by(table, "EQUITY", None, 7) == BY_ONE


def test_a_class_without_rows_takes_what_is_ordinary():
    assert [(one.order_type, one.tif) for one in taken_by(EVERYWHERE, "FUND")] == list(ORDINARY)
