"""What trading came to beside what it was expected to cost, to other systems."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import day_in
from apps.core.refusals import Invalid
from apps.users.doors import ApiDoor

from . import cost_selectors, page_selectors, rules

BP = {"max_digits": 20, "decimal_places": 4, "allow_null": True}


class RealisedCostOut(serializers.Serializer):
    """Basis points of the value at arrival; positive is a cost. ``worked`` is each figure's arithmetic."""

    block_id = serializers.IntegerField(source="done.block_id")
    symbol = serializers.CharField(source="done.symbol")
    side = serializers.CharField(source="done.side")
    broker = serializers.CharField(source="done.broker")
    strategy = serializers.CharField(source="done.strategy")
    trade_date = serializers.DateField(source="done.trade_date")
    currency = serializers.CharField(source="done.currency")
    routes = serializers.ListField(child=serializers.CharField())
    qty = serializers.DecimalField(20, 4)
    average = serializers.DecimalField(20, 6)
    decision_bp = serializers.DecimalField(**BP, source="done.decision_bp", help_text="expected of the block as the desk got it")
    expected_bp = serializers.DecimalField(**BP, help_text="expected at arrival")
    is_whole = serializers.BooleanField(help_text="whether every part of it was known at arrival")
    price_bp = serializers.DecimalField(**BP, help_text="implementation shortfall against the mid at arrival")
    commission_bp = serializers.DecimalField(**BP)
    fees_bp = serializers.DecimalField(**BP)
    realised_bp = serializers.DecimalField(**BP)
    difference_bp = serializers.DecimalField(**BP, help_text="realised less expected at arrival")
    since_decision_bp = serializers.DecimalField(**BP, help_text="shortfall against the mid at decision")
    against_decision_bp = serializers.DecimalField(**BP, help_text="that with commission and fees, less expected at decision")
    worked = serializers.DictField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.CharField())


class CostGroupOut(serializers.Serializer):
    name = serializers.CharField()
    n = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="those that cannot be compared")
    value_usd = serializers.DecimalField(20, 2)
    expected_bp = serializers.DecimalField(**BP)
    realised_bp = serializers.DecimalField(**BP)
    difference_bp = serializers.DecimalField(**BP)
    worse = serializers.IntegerField(help_text="how many cost more than was expected")
    is_small = serializers.BooleanField(help_text="too few for anything to follow from the difference")


class RealisedCostsOut(serializers.Serializer):
    is_whole = serializers.BooleanField(help_text="false where only the caller's portfolios or desks are counted")
    groups = CostGroupOut(many=True)
    rows = RealisedCostOut(many=True)


class RealisedCosts(ApiDoor, viewsets.ViewSet):
    permissions = ("reporting.see",)

    @extend_schema(
        summary="What booked blocks came to beside what they were expected to cost", responses=RealisedCostsOut,
        operation_id="realised_costs",
        parameters=[OpenApiParameter(name, str) for name in ("since", "until", "broker", "strategy", "by")],
    )  # fmt: skip
    def list(self, request: Request) -> Response:
        ids = page_selectors.blocks_of(request.user)
        rows = cost_selectors.compared_costs(ids, asked_of(request.query_params))
        by = by_of(request.query_params)
        said = {"is_whole": ids is None, "groups": cost_selectors.groups_of(rows, by), "rows": [_line(row) for row in rows]}
        return Response(RealisedCostsOut(said).data)


def asked_of(said) -> cost_selectors.Asked:
    """The filters of an address. :raises Invalid: beside a day that is none"""
    days = [day_in(said[name], name) if said.get(name) else None for name in ("since", "until")]
    return cost_selectors.Asked(*days, said.get("broker", "")[:20], said.get("strategy", "")[:60])


def by_of(said) -> str:
    """How rows are grouped. :raises Invalid: where there is no such way"""
    by = said.get("by") or "broker"
    if by not in cost_selectors.GROUPS:
        raise Invalid(f"Rows are grouped by {', '.join(cost_selectors.GROUPS)}; got “{by[:20]}”.", field="by")
    return by


def _line(row: rules.Compared) -> dict:
    figures = {name: getattr(row, name) for name in (
        "done", "qty", "average", "expected_bp", "is_whole", "price_bp", "commission_bp", "fees_bp", "realised_bp", "difference_bp",
        "since_decision_bp", "against_decision_bp")}  # fmt: skip
    return figures | {"routes": [r.ref for r in row.done.routes], "worked": dict(row.worked), "missing": list(row.missing)}
