"""Profit and loss of the day to other systems: the same figures as the portfolio's page."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.portfolios import selectors as portfolios
from apps.portfolios.api import Money, Share
from apps.users.doors import ApiDoor

from .holdings import holdings


class PnlOut(serializers.Serializer):
    """In the portfolio's base currency; total = price + fx − costs, and realised is a part of price."""

    price = Money(help_text="of what was held since the last closes, and of today's trades since their own prices")
    realised = Money()
    fx = Money(help_text="what exchange rates did to yesterday's value")
    costs = Money(help_text="commission, fees and taxes of today's booked trades")
    total = Money()


class LinePnlOut(serializers.Serializer):
    instrument_id = serializers.IntegerField(source="instrument.pk")
    symbol = serializers.CharField(source="instrument.symbol")
    qty = serializers.DecimalField(20, 4, help_text="held now, with provisional shares")
    provisional_qty = serializers.DecimalField(20, 4, source="provisional")
    pnl = PnlOut()


class DayPnlOut(PnlOut):
    """The portfolio's day. ``missing`` lacks a price, a rate or a close and is in no figure."""

    base_currency = serializers.CharField()
    since = serializers.DateField(allow_null=True, help_text="the oldest of the closes it starts from")
    percent = Share(allow_null=True, help_text="of the value at the closes; null while something is missing")
    cash_fx = Money(help_text="the part of fx that is of cash in other currencies")
    missing = serializers.ListField(child=serializers.CharField())
    positions = LinePnlOut(many=True)


class DayPnl(ApiDoor, viewsets.GenericViewSet):
    permissions = ("portfolios.see",)

    @extend_schema(summary="Profit and loss of the day, with provisional shares", responses=DayPnlOut)
    def retrieve(self, request: Request, pk: int) -> Response:
        portfolio = portfolios.get_portfolio_seen_by(request.user, pk)
        made = holdings(portfolio, timezone.now())
        day, total = made.day, made.day.total
        figures = total._asdict() | {
            "total": total.total, "base_currency": portfolio.base_currency_id, "since": day.since,
            "percent": day.percent, "cash_fx": day.cash, "missing": day.missing,
            "positions": [line for line in made.lines if line.pnl is not None and (line.qty or line.pnl.price)],
        }  # fmt: skip
        return Response(DayPnlOut(figures).data)
