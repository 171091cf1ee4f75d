"""Soft dollars and step-outs to other systems."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.blocks import selectors as blocks
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from . import csa_selectors as selectors
from . import services
from .models import CsaAccount, CsaEntry, StepOut

AMOUNT = {"max_digits": 20, "decimal_places": 4}


class CsaEntryOut(serializers.ModelSerializer):
    by = serializers.CharField(source="by.username")
    kind = serializers.CharField(help_text="CREDIT, BACK, PAYMENT or CORRECT")

    class Meta:
        model = CsaEntry
        fields = (
            "id", "nth", "kind", "amount", "balance_amount", "charge_id", "provider", "invoice_ref", "overdraws", "reason", "by", "at",
        )  # fmt: skip
        read_only_fields = fields


class CsaAccountOut(serializers.ModelSerializer):
    """A broker's account for research in a currency; its balance is that of its last entry."""

    ref = serializers.CharField()
    broker = serializers.CharField(source="broker.code")
    currency = serializers.CharField(source="currency_id")

    class Meta:
        model = CsaAccount
        fields = ("id", "ref", "version", "broker", "currency", "balance_amount")
        read_only_fields = fields


class CsaCorrectIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=0, help_text="the version that the caller looked at")
    amount = serializers.DecimalField(**AMOUNT)
    overdraws = serializers.BooleanField(required=False, default=False, help_text="it may go below zero")
    reason = serializers.CharField(max_length=400)


class CsaPayIn(CsaCorrectIn):
    provider = serializers.CharField(max_length=80)
    invoice = serializers.CharField(max_length=60)


@extend_schema_view(list=extend_schema(summary="Soft-dollar accounts"), retrieve=extend_schema(summary="One soft-dollar account"))
class CsaAccounts(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("settlement.see",)
    acts = dict.fromkeys(("pay", "correct"), ("allocations.keep_csa",))
    serializer_class = CsaAccountOut
    filterset_fields = ("broker", "currency")
    queryset = CsaAccount.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return selectors.csa_accounts(self.request.user)

    def get_object(self):
        return selectors.get_csa_account(self.request.user, int(self.kwargs["pk"]))

    @extend_schema(summary="Its ledger, the newest first", responses=CsaEntryOut(many=True))
    @action(detail=True)
    def entries(self, request: Request, pk: str) -> Response:
        page = self.paginate_queryset(selectors.csa_entries(self.get_object()))
        return self.get_paginated_response(CsaEntryOut(page, many=True).data)

    @extend_schema(summary="Pay a provider's invoice out of it", request=CsaPayIn, responses=CsaAccountOut)
    @action(detail=True, methods=["post"])
    def pay(self, request: Request, pk: str) -> Response:
        said = _said(CsaPayIn, request)

        def do(act):
            services.pay_research(
                act, int(pk), said["amount"], said["provider"], said["invoice"], seen=said["version"], overdraws=said["overdraws"]
            )

        return self._once(request, said, "pay_research", do)

    @extend_schema(summary="Write a signed amount to it", request=CsaCorrectIn, responses=CsaAccountOut)
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        said = _said(CsaCorrectIn, request)

        def do(act):
            services.correct_csa(act, int(pk), said["amount"], seen=said["version"], overdraws=said["overdraws"])

        return self._once(request, said, "correct_csa", do)

    def _once(self, request: Request, said: dict, name: str, do) -> Response:
        self.get_object()
        act = act_of(request, reason=said["reason"])

        def done():
            do(act)
            return CsaAccountOut(self.get_object()).data

        return Response(answer_once(act, f"allocations.{name}", {"id": self.kwargs["pk"], "said": said}, done)[0])


class StepOutOut(serializers.ModelSerializer):
    """One broker executed, another confirms and settles the part."""

    ref = serializers.CharField()
    symbol = serializers.CharField(source="block.instrument.symbol")
    from_broker = serializers.CharField(source="from_broker.code")
    to_broker = serializers.CharField(source="to_broker.code")
    by = serializers.CharField(source="by.username")

    class Meta:
        model = StepOut
        fields = (
            "id", "ref", "status", "version", "block_id", "symbol", "from_broker", "to_broker", "qty", "gives_commission", "reason",
            "by", "at",
        )  # fmt: skip
        read_only_fields = fields


class StepOutIn(serializers.Serializer):
    block = serializers.IntegerField()
    version = serializers.IntegerField(min_value=1, help_text="of the block, as the caller looked at it")
    from_broker = serializers.CharField(max_length=20, help_text="who executed")
    to_broker = serializers.CharField(max_length=20, help_text="who steps in")
    qty = serializers.DecimalField(**AMOUNT)
    gives_commission = serializers.BooleanField(help_text="the part's commission goes to who steps in")
    reason = serializers.CharField(max_length=400)


class StepOutVersionIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")


@extend_schema_view(list=extend_schema(summary="Step-outs, the newest first"), retrieve=extend_schema(summary="One step-out"))
class StepOuts(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("allocations.see",)
    acts = dict.fromkeys(("create", "withdraw"), ("allocations.step_out",))
    serializer_class = StepOutOut
    filterset_fields = ("status", "block")
    queryset = StepOut.objects.none()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return selectors.step_outs_seen_by(self.request.user)

    def get_object(self):
        return selectors.get_step_out_seen_by(self.request.user, int(self.kwargs["pk"]))

    @extend_schema(summary="Have one broker step out of a part of what it executed", request=StepOutIn, responses={201: StepOutOut})
    def create(self, request: Request) -> Response:
        said = _said(StepOutIn, request)
        block = blocks.get_block_seen_by(request.user, said["block"])
        act = act_of(request, reason=said["reason"])

        def do():
            pk = services.agree_step_out(
                act, block.pk, said["from_broker"], said["to_broker"], said["qty"], gives_commission=said["gives_commission"],
                seen=said["version"],
            )  # fmt: skip
            return StepOutOut(selectors.get_step_out_seen_by(request.user, pk)).data

        return Response(answer_once(act, "allocations.agree_step_out", said, do)[0], status=201)

    @extend_schema(summary="Undo what was agreed, until the block is booked", request=StepOutVersionIn, responses=StepOutOut)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        said = _said(StepOutVersionIn, request)
        self.get_object()
        act = act_of(request)

        def do():
            services.withdraw_step_out(act, int(pk), seen={int(pk): said["version"]})
            return StepOutOut(self.get_object()).data

        return Response(answer_once(act, "allocations.withdraw_step_out", {"id": pk, "said": said}, do)[0])


def _said(serializer: type[serializers.Serializer], request: Request) -> dict:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data
