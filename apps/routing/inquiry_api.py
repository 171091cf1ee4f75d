"""Inquiries over the API: dealers' prices, and what is done with them."""

from collections.abc import Sequence

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.reference import yields

from . import inquiry_selectors as inquiring
from . import selectors, services
from .api import KEY, RouteActIn, RoutedOut, Seen, said_in, unless_stopped
from .models import Award, Counter, DealerQuote, Inquiry


class QuoteOut(serializers.ModelSerializer):
    """A dealer's answer; price in percent of par. ``better_bp``: better than mid for us, in basis points of mid."""

    dealer = serializers.CharField(source="dealer.code")
    better_bp = serializers.SerializerMethodField()
    yield_pct = serializers.SerializerMethodField(help_text="to maturity; null where it cannot be told")
    spread_bp = serializers.SerializerMethodField(help_text="of the yield over the benchmark's; null where it cannot be told")

    class Meta:
        model = DealerQuote
        fields = (
            "id", "dealer", "result", "price", "qty", "better_bp", "yield_pct", "spread_bp", "answered_at", "valid_until", "text",
        )  # fmt: skip
        read_only_fields = fields

    def get_better_bp(self, quote) -> str | None:
        distance = self.context["distances"].get(quote.pk)
        return None if distance is None else f"{distance:.4f}"

    def get_yield_pct(self, quote) -> str | None:
        rate = self.context["rates"].get(quote.pk, (None, None))[0]
        return None if rate is None else f"{rate:.5f}"

    def get_spread_bp(self, quote) -> str | None:
        spread = self.context["rates"].get(quote.pk, (None, None))[1]
        return None if spread is None else f"{spread:.3f}"


class AwardOut(serializers.ModelSerializer):
    """A part that was taken at a dealer's price. Cover: the best price of those of whom nothing was taken."""

    dealer = serializers.CharField(source="quote.dealer.code")
    benchmark = serializers.CharField(source="benchmark.symbol", default=None, help_text="the government bond it was compared with")
    spread_bp = serializers.DecimalField(20, 6, allow_null=True, help_text="of the yield over the benchmark's, at that moment")

    class Meta:
        model = Award
        fields = (
            "quote_id", "dealer", "route_id", "qty", "price", "cover_price", "is_tied", "yield_pct", "benchmark", "benchmark_yield_pct",
            "spread_bp",
        )  # fmt: skip
        read_only_fields = fields


class CounterOut(serializers.ModelSerializer):
    """Our price against a dealer's, and what came of it."""

    dealer = serializers.CharField(source="quote.dealer.code")

    class Meta:
        model = Counter
        fields = ("id", "quote_id", "dealer", "quoted_price", "price", "qty", "at", "answer", "answered_at")
        read_only_fields = fields


class InquiryOut(serializers.ModelSerializer):
    """One request for quotes to several dealers at once."""

    ref = serializers.CharField(read_only=True)
    symbol = serializers.CharField(source="block.instrument.symbol")
    side = serializers.CharField(source="block.side")
    quotes = QuoteOut(many=True)
    awards = AwardOut(many=True)
    counters = serializers.SerializerMethodField()

    class Meta:
        model = Inquiry
        fields = (
            "id", "ref", "asked_in_id", "status", "version", "block_id", "symbol", "side", "qty", "sent_at", "due_at", "mid_at_send",
            "mid_at_decision", "decided_at", "few_dealers_reason", "quotes", "awards", "counters", "trace", "environment",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(CounterOut(many=True))
    def get_counters(self, inquiry) -> list[dict]:
        return [CounterOut(one).data for quote in inquiry.quotes.all() for one in quote.counters.all()]


class ShareIn(serializers.Serializer):
    quote_id = serializers.IntegerField(min_value=1)
    qty = serializers.DecimalField(20, 4)


class AwardIn(RouteActIn):
    quote_id = serializers.IntegerField(min_value=1, required=False, help_text="the best where absent")
    shares = ShareIn(many=True, required=False, help_text="parts to take of several, instead of quote_id; what is left is free again")

    def validate_shares(self, said: list[dict]) -> list[dict]:
        if len({share["quote_id"] for share in said}) < len(said) or not said:
            raise serializers.ValidationError("Name at least one quote, and each once.")
        return said

    def validate(self, said: dict) -> dict:
        if "quote_id" in said and "shares" in said:
            raise serializers.ValidationError({"shares": "Give parts, or a quote for all of it."})
        return said


class InquirySeenIn(serializers.Serializer):
    id = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")


def _seen(said: list[dict]) -> dict[int, int]:
    return {one["id"]: one["version"] for one in said}


class AskIn(serializers.Serializer):
    """Whom to ask about what is unplaced of blocks, all at once; of several blocks as one list."""

    blocks = InquirySeenIn(many=True, allow_empty=False)
    dealers = serializers.ListField(
        child=serializers.CharField(max_length=20), required=False, allow_empty=False, help_text="codes; the rule's where absent"
    )
    seconds = serializers.IntegerField(min_value=1, max_value=services.LONGEST, required=False)
    award = serializers.ChoiceField(["auto", "person"], required=False, help_text="who decides; the rule's where absent")
    qty = serializers.DecimalField(20, 4, required=False, help_text="of one block")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class TakeBestIn(serializers.Serializer):
    inquiries = InquirySeenIn(many=True, allow_empty=False)
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class LeftOut(serializers.Serializer):
    id = serializers.IntegerField()
    why = serializers.CharField()


class TakenOut(serializers.Serializer):
    taken = serializers.ListField(child=serializers.IntegerField(), help_text="ids of the inquiries of which the best price was taken")
    left = LeftOut(many=True, help_text="those without a price to take, which go on")


class CounterIn(RouteActIn):
    quote_id = serializers.IntegerField(min_value=1)
    price = serializers.DecimalField(20, 8)
    qty = serializers.DecimalField(20, 4, required=False, help_text="all that was asked for where absent")


class Inquiries(Seen):
    serializer_class = InquiryOut
    queryset = Inquiry.objects.none()
    filterset_fields = ("status", "block", "asked_in")

    def get_queryset(self):
        rows = selectors.inquiries_seen_by(self.request.user)
        return rows.select_related("block__instrument").prefetch_related(*selectors.OF_AN_INQUIRY)

    @extend_schema(summary="Inquiries you may see, newest first, with every dealer's answer")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self._data(page, many=True))

    @extend_schema(summary="Ask dealers about blocks", request=AskIn, responses=RoutedOut, parameters=[KEY])
    def ask(self, request: Request) -> Response:
        said = said_in(AskIn, request)
        act, seen = act_of(request, reason=said["reason"]), _seen(said["blocks"])

        def do():
            routed = services.send_inquiries(
                act, list(seen), seen=seen, dealer_codes=said.get("dealers"), seconds=said.get("seconds"),
                award=said.get("award"), qty=said.get("qty"),
            )  # fmt: skip
            return RoutedOut(routed).data | {"stopped": routed.stopped}

        return unless_stopped(answer_once(act, "routing.send_inquiries", {"said": said}, do)[0])

    @extend_schema(
        summary="Take the best price of each, and leave those without one", request=TakeBestIn, responses=TakenOut, parameters=[KEY]
    )
    def take_best(self, request: Request) -> Response:
        said = said_in(TakeBestIn, request)
        act, seen = act_of(request, reason=said["reason"]), _seen(said["inquiries"])

        def do():
            made = services.award_at_best(act, list(seen), seen=seen)
            left = [{"id": pk, "why": why} for pk, why in made.left.items()]
            return {"taken": made.taken, "left": left, "stopped": made.stopped}

        return unless_stopped(answer_once(act, "routing.award_at_best", {"said": said}, do)[0], is_award=True)

    @extend_schema(summary="One inquiry with every dealer's answer")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._data(selectors.get_inquiry_seen_by(request.user, int(pk))))

    @extend_schema(
        summary="Take a price: the best, or another with a reason; or parts at several", request=AwardIn, responses=InquiryOut,
        parameters=[KEY],
    )  # fmt: skip
    def award(self, request: Request, pk: str) -> Response:
        said, inquiry_id = said_in(AwardIn, request), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            stopped = services.award_inquiry(
                act, inquiry_id, seen={inquiry_id: said["version"]}, quote_id=said.get("quote_id"),
                shares={s["quote_id"]: s["qty"] for s in said["shares"]} if "shares" in said else None,
            )  # fmt: skip
            return self._data(selectors.get_inquiry_seen_by(request.user, inquiry_id)) | {"stopped": stopped}

        answer, _ = answer_once(act, "routing.award_inquiry", {"id": inquiry_id, "said": said}, do)
        return unless_stopped(answer, is_award=True)

    @extend_schema(
        summary="End it with nobody's price", request=RouteActIn, responses=InquiryOut, parameters=[KEY]
    )
    def pass_on(self, request: Request, pk: str) -> Response:
        said, inquiry_id = said_in(RouteActIn, request), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.pass_inquiry(act, inquiry_id, seen={inquiry_id: said["version"]})
            return self._data(selectors.get_inquiry_seen_by(request.user, inquiry_id))

        return Response(answer_once(act, "routing.pass_inquiry", {"id": inquiry_id, "said": said}, do)[0])

    @extend_schema(
        summary="Answer a dealer's price with ours; the dealer quotes anew, or passes", request=CounterIn, responses=InquiryOut,
        parameters=[KEY],
    )  # fmt: skip
    def counter(self, request: Request, pk: str) -> Response:
        said, inquiry_id = said_in(CounterIn, request), int(pk)
        act = act_of(request, reason=said["reason"])

        def do():
            services.counter_quote(
                act, said["quote_id"], price=said["price"], qty=said.get("qty"), seen={inquiry_id: said["version"]}
            )
            return self._data(selectors.get_inquiry_seen_by(request.user, inquiry_id))

        return Response(answer_once(act, "routing.counter_quote", {"id": inquiry_id, "said": said}, do)[0])

    def _data(self, found, many: bool = False):
        rows: Sequence[Inquiry] = found if many else [found]
        against = inquiring.against_of(rows, [a for i in rows for a in i.awards.all()], timezone.now())
        rates = {}
        for inquiry in rows:
            for quote in inquiry.quotes.all():
                rate = inquiring.yield_at(inquiry.block, quote.price)
                benchmark = against[inquiry.pk].benchmark if inquiry.pk in against else None
                rates[quote.pk] = (rate, yields.spread_bp(rate, benchmark))
        return InquiryOut(found, many=many, context={"distances": selectors.distances_bp(rows), "rates": rates}).data
