"""A portfolio's cash by currency and date with its open orders."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.portfolios import selectors as portfolios
from apps.users.doors import ApiDoor

from ..selectors.horizon import cash_horizon


class CashMoveOut(serializers.Serializer):
    what = serializers.CharField(help_text="a booked flow, or the order that it is of")
    amount = serializers.DecimalField(20, 2)


class CashRungOut(serializers.Serializer):
    date = serializers.DateField(source="on")
    balance = serializers.DecimalField(20, 2, help_text="at the end of the date")
    moves = CashMoveOut(many=True)


class CashLadderOut(serializers.Serializer):
    currency = serializers.CharField()
    first_negative = serializers.DateField(source="negative", allow_null=True, help_text="the first date below zero")
    rungs = CashRungOut(many=True)


class HorizonOut(serializers.Serializer):
    """Buys count wherever they stand; sells that wait for compliance bring nothing. Market orders at the quote, 0.5% worse."""

    ladders = CashLadderOut(many=True)
    unknown = serializers.ListField(child=serializers.IntegerField(), help_text="orders whose money or date cannot be told")


class CashHorizon(ApiDoor, viewsets.GenericViewSet):
    permissions = ("portfolios.see",)

    @extend_schema(summary="Its money by currency and date, with its open orders", responses=HorizonOut)
    def retrieve(self, request: Request, pk: int) -> Response:
        portfolio = portfolios.get_portfolio_seen_by(request.user, pk)
        return Response(HorizonOut(cash_horizon(portfolio, timezone.now())).data)
