"""Crosses to other systems: scoped as the pages are."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.blocks.api import KEY
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import selectors, services
from .models import Cross, Part


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"


class LineOut(serializers.Serializer):
    name = serializers.CharField()
    asks = serializers.CharField()
    source = serializers.CharField(help_text="the rule or section it comes from")
    passes = serializers.BooleanField()
    found = serializers.CharField()


class PartOut(serializers.ModelSerializer):
    """An order's part; only of portfolios the caller may see."""

    portfolio = serializers.CharField(source="portfolio.code")
    accepted_by = serializers.CharField(source="accepted_by.username", default=None)

    class Meta:
        model = Part
        fields = ("order_id", "order_version", "portfolio", "side", "intended_qty", "qty", "accepted_by", "accepted_at")
        read_only_fields = fields


class CrossOut(serializers.ModelSerializer):
    """
    ``status``: PROPOSED, ACCEPTED (by both sides), APPROVED (by compliance), EXECUTED, DECLINED, WITHDRAWN or EXPIRED.
    ``evidence``: what the price rests on: source, market, bid, ask, last, quoted_at.
    """

    ref = serializers.CharField(read_only=True)
    symbol = serializers.CharField(source="instrument.symbol")
    currency = serializers.CharField(source="currency_id")
    lines = LineOut(many=True)
    executed_lines = LineOut(many=True, allow_null=True)
    proposed_by = serializers.CharField(source="proposed_by.username")
    approved_by = serializers.CharField(source="approved_by.username", default=None)
    executed_by = serializers.CharField(source="executed_by.username", default=None)
    parts = serializers.SerializerMethodField()

    class Meta:
        model = Cross
        fields = (
            "id", "ref", "status", "version", "opposition_id", "symbol", "qty", "price", "currency", "evidence", "lines",
            "tolerance_bp", "reason", "proposed_by", "proposed_at", "expires_at", "approved_by", "approved_at", "approval",
            "executed_by", "executed_at", "executed_price", "executed_evidence", "executed_lines", "amount", "trade_date",
            "settle_date", "bought_in_id", "sold_in_id", "ended_at", "ended_because", "parts",
        )  # fmt: skip
        read_only_fields = fields

    def get_parts(self, cross: Cross) -> list[dict]:
        known = self.context["known"]
        rows = [part for part in cross.parts.all() if known is None or part.portfolio_id in known]
        return PartOut(rows, many=True).data


class EligibilityOut(serializers.Serializer):
    """The conditions of 17a-7 for two opposite blocks, as they are at this moment."""

    qty = serializers.DecimalField(20, 4, help_text="what could be crossed; 0 where a condition is not met")
    price = serializers.DecimalField(20, 8, allow_null=True)
    amount = serializers.DecimalField(20, 4, allow_null=True)
    evidence = serializers.DictField(allow_null=True)
    lines = LineOut(many=True)


class ProposeIn(serializers.Serializer):
    opposition = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1, help_text="the opposition's, as the caller saw it")
    reason = serializers.CharField(max_length=400)


class ActIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class Narrowed(django_filters.FilterSet):
    """``since`` and ``until`` are trade dates of executed crosses: a quarter for the board's review."""

    since = django_filters.DateFilter("trade_date", "gte")
    until = django_filters.DateFilter("trade_date", "lte")

    class Meta:
        model = Cross
        fields = ("status", "opposition", "instrument")


ACTS = {
    "accept": ("crossing.accept",), "approve": ("crossing.approve",), "decline": ("crossing.decline",),
    "withdraw": ("crossing.propose",), "execute": ("crossing.execute",),
}  # fmt: skip


@extend_schema_view(list=extend_schema(summary="Crosses inside the firm, the newest first"))
class Crosses(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("crossing.see",)
    acts = ACTS | {"create": ("crossing.propose",)}
    serializer_class = CrossOut
    pagination_class = NewestFirst
    filterset_class = Narrowed
    queryset = Cross.objects.none()

    def get_queryset(self):
        return selectors.crosses_seen_by(self.request.user).prefetch_related("parts__portfolio", "parts__accepted_by")

    def get_serializer_context(self):
        context = super().get_serializer_context()
        signed_in = getattr(self.request, "user", None) is not None and self.request.user.is_authenticated
        return context | {"known": selectors.portfolio_ids_seen_by(self.request.user) if signed_in else set()}

    @extend_schema(summary="One cross, with the parts you may see")
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(self._data(request, pk))

    @extend_schema(
        summary="Whether two opposite blocks can be crossed now, condition by condition", responses=EligibilityOut, filters=False
    )
    def eligibility(self, request: Request, pk: str) -> Response:
        opposition = selectors.get_opposition_seen_by(request.user, int(pk))
        found = selectors.prospect(opposition, act_of(request).at)
        price = found.matched.price
        said = {
            "qty": found.matched.qty, "price": price.price if price else None, "amount": found.amount,
            "evidence": price.evidence() if price else None, "lines": [line._asdict() for line in found.matched.lines],
        }  # fmt: skip
        return Response(EligibilityOut(said).data)

    @extend_schema(summary="Propose a cross", request=ProposeIn, responses={201: CrossOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        said = self._said(ProposeIn, request.data)
        act = act_of(request, reason=said["reason"])

        def do():
            pk = services.propose_cross(act, said["opposition"], seen={said["opposition"]: said["version"]})
            return self._data(request, pk)

        return Response(answer_once(act, "crossing.propose_cross", said, do)[0], status=201)

    @extend_schema(summary="Agree for the portfolios you run", request=ActIn, responses=CrossOut, parameters=[KEY])
    def accept(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.accept_cross)

    @extend_schema(summary="Approve, as compliance", request=ActIn, responses=CrossOut, parameters=[KEY])
    def approve(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.approve_cross)

    @extend_schema(summary="Decline; asks for a reason", request=ActIn, responses=CrossOut, parameters=[KEY])
    def decline(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.decline_cross)

    @extend_schema(summary="Take the proposal back; asks for a reason", request=ActIn, responses=CrossOut, parameters=[KEY])
    def withdraw(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.withdraw_cross)

    @extend_schema(
        summary="Execute at the independent price of this moment", request=ActIn, responses=CrossOut, parameters=[KEY]
    )
    def execute(self, request: Request, pk: str) -> Response:
        return self._act(request, int(pk), services.execute_cross)

    def _act(self, request: Request, pk: int, service) -> Response:
        said = self._said(ActIn, request.data)
        act = act_of(request, reason=said["reason"])

        def do():
            service(act, pk, seen={pk: said["version"]})
            return self._data(request, pk)

        return Response(answer_once(act, f"crossing.{service.__name__}", {"id": pk, "said": said}, do)[0])

    def _said(self, serializer: type[serializers.Serializer], data) -> dict:
        asked = serializer(data=data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data

    def _data(self, request: Request, pk: int) -> dict:
        return CrossOut(selectors.get_cross_seen_by(request.user, int(pk)), context=self.get_serializer_context()).data
