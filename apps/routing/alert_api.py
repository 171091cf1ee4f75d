"""Alerts to other systems."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import alert_selectors, services
from .api import KEY, NewestFirst
from .models import Alert


class AlertOut(serializers.ModelSerializer):
    """A rule met by a block, or by one of its routes or algorithms."""

    rule = serializers.CharField(source="rule.name")
    kind = serializers.CharField(source="rule.kind")
    owner = serializers.CharField(source="block.owner.username", default=None, help_text="of the block; null: the pool")
    acknowledged_by = serializers.CharField(source="acknowledged_by.username", default=None)

    class Meta:
        model = Alert
        fields = (
            "id", "status", "version", "rule", "kind", "block_id", "route_id", "algo_id", "value", "text", "owner", "opened_at",
            "snoozed_until", "acknowledged_by", "acknowledged_at", "ended_at",
        )  # fmt: skip
        read_only_fields = fields


class AlertCountOut(serializers.Serializer):
    """How often a rule spoke, and what came of it: too many that end by themselves tire the desk."""

    rule = serializers.CharField(source="name")
    raised = serializers.IntegerField()
    acknowledged = serializers.IntegerField()
    snoozed = serializers.IntegerField()
    by_themselves = serializers.IntegerField(help_text="ended before anybody acknowledged them")


class SinceIn(serializers.Serializer):
    since = serializers.DateTimeField(required=False, default=None, help_text="where left out: midnight UTC")


class AlertIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")


class SnoozeIn(AlertIn):
    minutes = serializers.IntegerField(min_value=1, max_value=480)


@extend_schema_view(list=extend_schema(summary="Alerts of your desks, the newest first"))
class Alerts(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = dict.fromkeys(("acknowledge", "snooze"), ("blocks.work",))
    serializer_class = AlertOut
    pagination_class = NewestFirst
    filterset_fields = ("status", "block", "route", "rule__kind")
    queryset = Alert.objects.none()

    def get_queryset(self):
        rows = alert_selectors.alerts_seen_by(self.request.user)
        return rows.select_related("rule", "block__owner", "acknowledged_by")

    @extend_schema(
        summary="How often each rule spoke since a moment, and what came of it", responses=AlertCountOut(many=True),
        parameters=[SinceIn], filters=False,
    )  # fmt: skip
    def counts(self, request: Request) -> Response:
        asked = SinceIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        since = asked.validated_data["since"] or timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return Response(AlertCountOut(alert_selectors.counts_by_rule(request.user, since), many=True).data)

    @extend_schema(summary="Say that one sees to it", request=AlertIn, responses=AlertOut, parameters=[KEY])
    def acknowledge(self, request: Request, pk: str) -> Response:
        return self._act(request, pk, AlertIn, services.acknowledge_alerts)

    @extend_schema(summary="Hide it for some minutes", request=SnoozeIn, responses=AlertOut, parameters=[KEY])
    def snooze(self, request: Request, pk: str) -> Response:
        return self._act(request, pk, SnoozeIn, services.snooze_alerts)

    def _act(self, request: Request, pk: str, serializer: type[serializers.Serializer], service) -> Response:
        asked = serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said, act = dict(asked.validated_data), act_of(request)

        def do():
            more = {name: value for name, value in said.items() if name != "version"}
            service(act, [int(pk)], seen={int(pk): said["version"]}, **more)
            return AlertOut(alert_selectors.get_alert_seen_by(request.user, int(pk))).data

        return Response(answer_once(act, f"routing.{service.__name__}", {"id": int(pk), "said": said}, do)[0])
