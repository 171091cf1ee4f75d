"""Message throttles to other systems, with what is used of them. They are changed in the back office."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.users.doors import ApiDoor

from . import throttle_selectors as selectors


class ThrottleOut(serializers.Serializer):
    id = serializers.IntegerField(source="throttle.pk")
    session = serializers.CharField(source="throttle.session.__str__", default=None, help_text="the FIX session, or null of a strategy")
    strategy = serializers.CharField(source="throttle.strategy")
    per_second = serializers.IntegerField(source="throttle.per_second")
    per_day = serializers.IntegerField(source="throttle.per_day")
    over = serializers.CharField(source="throttle.over", help_text="REFUSE, or QUEUE: sent as fast as allowed")
    most_repeats = serializers.IntegerField(source="throttle.most_repeats")
    repeat_seconds = serializers.IntegerField(source="throttle.repeat_seconds")
    in_second = serializers.IntegerField(help_text="messages wanted out in the last second")
    in_day = serializers.IntegerField(help_text="on this day in UTC")
    waiting = serializers.IntegerField(help_text="kept for the gateway")
    stopped = serializers.BooleanField(help_text="whether the strategy is halted until a person lifts that")


class Throttles(ApiDoor, viewsets.ViewSet):
    permissions = ("routing.see",)

    @extend_schema(summary="Message throttles in force, with what is used of them", responses=ThrottleOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(ThrottleOut(selectors.throttles(timezone.now()), many=True).data)
