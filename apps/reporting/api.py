"""The result of a program to other systems: the figures of the page, for the blocks that the caller may see."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.money import rounded
from apps.users.doors import ApiDoor

from . import page_selectors, selectors

PERCENT = {"max_digits": 20, "decimal_places": 2, "allow_null": True}
USD = {"max_digits": 30, "decimal_places": 2}


class FiguresOut(serializers.Serializer):
    """The headline. Improvement and savings are the client's: positive is money saved; null where nothing compares."""

    equity_filled_pct = serializers.DecimalField(**PERCENT)
    equity_improvement_bp = serializers.DecimalField(**PERCENT, help_text="against the interval VWAP")
    equity_saved_usd = serializers.DecimalField(**USD)
    bond_improvement_bp = serializers.DecimalField(**PERCENT, help_text="against the mid at decision")
    bond_saved_usd = serializers.DecimalField(**USD)
    saved_usd = serializers.DecimalField(**USD)
    violations = serializers.IntegerField(help_text="orders worked without a pass or an officer's approval")


class QualityOut(serializers.Serializer):
    """Execution of one class of blocks, amounts in USD."""

    benchmark = serializers.CharField()
    blocks = serializers.IntegerField()
    routes = serializers.IntegerField()
    unbenchmarked = serializers.IntegerField(help_text="routes without a benchmark on file")
    ordered_usd = serializers.DecimalField(**USD)
    filled_usd = serializers.DecimalField(**USD)
    filled_pct = serializers.DecimalField(**PERCENT)
    benchmark_usd = serializers.DecimalField(**USD)
    improvement_bp = serializers.DecimalField(**PERCENT)
    saved_usd = serializers.DecimalField(**USD)
    arrival_usd = serializers.DecimalField(**USD)
    arrival_bp = serializers.DecimalField(**PERCENT)
    arrival_saved_usd = serializers.DecimalField(**USD)
    commission_usd = serializers.DecimalField(**USD)


class StageOut(serializers.Serializer):
    name = serializers.CharField()
    facts = serializers.IntegerField()
    first_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)


class ResultOut(serializers.Serializer):
    is_whole = serializers.BooleanField(help_text="false where only the caller's portfolios or desks are counted")
    figures = FiguresOut()
    equity = QualityOut()
    bonds = QualityOut()
    held = serializers.IntegerField(help_text="orders that compliance held at least once")
    overridden = serializers.IntegerField(help_text="of those, approved by an officer")
    stages = StageOut(many=True)


class Results(ApiDoor, viewsets.ViewSet):
    permissions = ("reporting.see",)

    @extend_schema(
        summary="What was reached: filled, saved, violated, and when", responses=ResultOut, operation_id="results"
    )
    def list(self, request: Request) -> Response:
        ids = page_selectors.blocks_of(request.user)
        made = selectors.result(ids)
        said = {
            "is_whole": ids is None,
            "figures": selectors.figures(made),
            "equity": _quality(made.equity),
            "bonds": _quality(made.bonds),
            "held": made.held,
            "overridden": made.overridden,
            "stages": [
                {"name": name, "facts": count, "first_at": first, "last_at": last}
                for name, count, first, last in made.stages
            ],
        }
        return Response(ResultOut(said).data)


def _quality(of: selectors.Quality) -> dict:
    """Published: percent, basis points and money to two decimals."""
    values = asdict(of) | {name: getattr(of, name) for name in ("filled_pct", "improvement_bp", "arrival_bp")}
    return {
        name: value if value is None or isinstance(value, str | int) else rounded(value, 2)
        for name, value in values.items()
    }
