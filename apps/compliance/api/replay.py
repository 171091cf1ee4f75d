"""Screenings of the past judged again, to other systems."""

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.users.doors import ApiDoor

from .. import selectors
from ..models import Run


class ReplayIn(serializers.Serializer):
    day = serializers.DateField(required=False, help_text="UTC; today where none is given")


class ReplayRulesIn(serializers.Serializer):
    days = serializers.IntegerField(min_value=1, max_value=366, default=90, help_text="how many days up to today")


class DifferenceOut(serializers.Serializer):
    run_id = serializers.IntegerField()
    order_id = serializers.IntegerField()
    rule = serializers.CharField(help_text="code; empty where it is of the order as a whole")
    was = serializers.CharField()
    is_now = serializers.CharField()


class FaultOut(serializers.Serializer):
    run_id = serializers.IntegerField()
    why = serializers.CharField()


class ReplayOut(serializers.Serializer):
    """What judging again came to."""

    is_same = serializers.BooleanField()
    runs = serializers.IntegerField(help_text="screenings")
    judged = serializers.IntegerField(help_text="verdicts, one an order and screening")
    left_out = serializers.IntegerField(help_text="screenings beyond what one request judges; the command takes all")
    differences = DifferenceOut(many=True)
    faults = FaultOut(many=True, help_text="what is no longer what was stored")
    unasked = serializers.DictField(child=serializers.IntegerField(), help_text="rules that old inputs have nothing for")


class Replays(ApiDoor, viewsets.GenericViewSet):
    permissions = ("compliance.see",)
    serializer_class = ReplayOut
    queryset = Run.objects.none()

    @extend_schema(
        summary="Judge a day's screenings again from what was stored with them",
        parameters=[OpenApiParameter("day", str)], responses=ReplayOut,
    )  # fmt: skip
    def of_day(self, request: Request) -> Response:
        """The same inputs and the same versions of the rules must give the same verdicts."""
        asked = ReplayIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        day = asked.validated_data.get("day") or timezone.now().date()
        return Response(ReplayOut(selectors.replay_day(day, most_orders=selectors.MOST_REPLAYED)).data)

    @extend_schema(
        summary="Judge the last days by the rules of today: what would have been held or let through",
        parameters=[OpenApiParameter("days", int)], responses=ReplayOut,
    )  # fmt: skip
    def by_rules(self, request: Request) -> Response:
        asked = ReplayRulesIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        today = timezone.now().date()
        since = today - timedelta(days=asked.validated_data["days"] - 1)
        report = selectors.replay_rules(selectors.rules_before_the_desk(today), since, today, most_orders=selectors.MOST_REPLAYED)
        return Response(ReplayOut(report).data)
