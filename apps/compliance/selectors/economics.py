"""What makes an order another one to compliance, as SQL."""


def economic_hash(order: str, qty: str = "") -> str:
    """
    SHA-256 of an order's economic state: portfolio, instrument, side, quantity, type, limit, time in force and handling.

    :param order: its table or alias; :param qty: another quantity than its own
    """
    return (
        f"encode(sha256(convert_to(concat_ws('|', {order}.portfolio_id, {order}.instrument_id, {order}.side,"
        f" {qty or f'{order}.qty'}, {order}.order_type, coalesce({order}.limit_price::text, ''), {order}.tif,"
        f" {order}.terms::text), 'UTF8')), 'hex')"
    )
