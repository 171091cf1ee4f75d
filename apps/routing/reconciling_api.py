"""What brokers said of open orders as sessions came back, to other systems: looked at, mended or kept."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import reconciling_selectors as selectors
from . import services
from .api import KEY, NewestFirst
from .models import ReconciledRoute, Reconciliation


class ReconciledRouteOut(serializers.Serializer):
    id = serializers.IntegerField(source="row.pk")
    route_id = serializers.IntegerField(source="row.route_id")
    cl_ord_id = serializers.CharField(source="row.cl_ord_id")
    found = serializers.CharField(
        source="row.found", help_text="ASKED, AGREES, MORE or LESS (filled there), OVER, ALIVE (there), UNKNOWN (there), SILENT"
    )
    our_status = serializers.CharField(source="row.our_status")
    our_cum_qty = serializers.DecimalField(20, 4, source="row.our_cum")
    their_ord_status = serializers.CharField(source="row.their_status", help_text="OrdStatus (39)")
    their_cum_qty = serializers.DecimalField(20, 4, source="row.their_cum", allow_null=True)
    their_leaves_qty = serializers.DecimalField(20, 4, source="row.their_leaves", allow_null=True)
    their_avg_price = serializers.DecimalField(20, 8, source="row.their_price", allow_null=True)
    text = serializers.CharField(source="row.text", help_text="what the broker said with it, or whence a leg's price is")
    mend = serializers.CharField(help_text="what would be done for it to be as there; empty where a person must call the broker")
    is_open = serializers.BooleanField(help_text="whether a person is to decide")
    decision = serializers.CharField(source="row.decision", help_text="MEND, KEEP or empty")
    decided_by = serializers.CharField(source="row.decided_by.username", default=None)
    reason = serializers.CharField(source="row.reason")


class ReconciliationOut(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    ref = serializers.CharField()
    version = serializers.IntegerField()
    session_id = serializers.IntegerField()
    session = serializers.CharField(source="session.target_comp_id")
    status = serializers.CharField(help_text="WAITING: new orders wait; AGREED, DIFFERS, MENDED or REPLACED")
    began_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    routes = serializers.SerializerMethodField()

    def get_routes(self, row) -> list[dict]:
        return ReconciledRouteOut([selectors.line_of(one, row) for one in row.rows.all()], many=True).data


class DifferenceIn(serializers.Serializer):
    how = serializers.ChoiceField(ReconciledRoute.Decision.choices, help_text="MEND: as the broker says; KEEP: as it is here")
    version = serializers.IntegerField(min_value=1, help_text="of the reconciliation that the caller looked at")
    reason = serializers.CharField(max_length=400)


@extend_schema_view(list=extend_schema(summary="Open orders as brokers stated them when sessions came back, the newest first"))
class Reconciliations(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("routing.see",)
    acts = {"decide": ("routing.mend_messages",)}
    serializer_class = ReconciliationOut
    pagination_class = NewestFirst
    filterset_fields = ("status", "session")
    queryset = Reconciliation.objects.none()

    def get_queryset(self):
        return selectors.reconciliations(self.request.user)

    @extend_schema(summary="Mend an order as its broker says it is, with other legs of its package; or keep it", request=DifferenceIn,
                   responses=ReconciledRouteOut, parameters=[KEY])  # fmt: skip
    def decide(self, request: Request, pk: str) -> Response:
        """:param pk: id of the reconciled route"""
        asked = DifferenceIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, pk = asked.validated_data, int(pk)
        act = act_of(request, reason=said["reason"])
        of = selectors.get_line(request.user, pk).row.reconciliation_id

        def do():
            services.decide_difference(act, pk, said["how"], seen={of: said["version"]})
            return ReconciledRouteOut(selectors.get_line(request.user, pk)).data

        return Response(answer_once(act, "routing.decide_difference", {"id": pk, "said": said}, do)[0])
