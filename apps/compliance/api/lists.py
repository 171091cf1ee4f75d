"""The firm's lists to other systems, and to the control room who met them."""

from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.core.refusals import Invalid

from .. import selectors, services
from ..engine.lists import KINDS, REACHES
from ..models import ListHit, Restriction
from .scoped import KEY, DecisionIn, Scoped


class RestrictionOut(serializers.ModelSerializer):
    """An entry of a list; ``reach``: how much of its group an issuer stands for."""

    issuer = serializers.CharField(source="issuer.code", default=None)
    instrument = serializers.CharField(source="instrument.symbol", default=None)
    broker = serializers.CharField(source="broker.code", default=None)
    custodian = serializers.CharField(source="custodian.code", default=None)
    portfolio = serializers.CharField(source="portfolio.code", default=None)
    group = serializers.CharField(source="group.code", default=None, help_text="of portfolios")
    desk = serializers.CharField(source="desk.code", default=None)
    person = serializers.CharField(source="person.username", default=None)
    lift_asked_by = serializers.CharField(source="lift_asked_by.username", default=None, help_text="who would have it lifted")
    lifted_by = serializers.CharField(source="lifted_by.username", default=None, help_text="the second officer")

    class Meta:
        model = Restriction
        fields = (
            "id", "status", "version", "kind", "issuer", "reach", "instrument", "broker", "custodian", "portfolio", "group", "desk",
            "person", "direction", "look_through", "reason", "source", "authorised_by", "effective_from", "effective_to",
            "lift_asked_by", "lift_reason", "lifted_by",
        )  # fmt: skip
        read_only_fields = fields


class RestrictionIn(serializers.Serializer):
    """
    An issuer, with as much of its group as ``reach`` says, an instrument, a broker or a custodian; for one portfolio, one
    group of them, one desk, or the firm.
    WATCH, GREY, INSIDER and WALL are the lists of the control room.
    """

    kind = serializers.ChoiceField(list(KINDS), default="RESTRICTED")
    issuer_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    reach = serializers.ChoiceField(list(REACHES), default="GROUP")
    instrument_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    broker_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    custodian_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    portfolio_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    group_id = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="of portfolios")
    desk_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    person_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    direction = serializers.ChoiceField(["ALL", "BUY", "SELL"], default="ALL")
    look_through = serializers.BooleanField(default=False, help_text="whether funds that hold it meet it too")
    reason = serializers.CharField(max_length=300)
    source = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    authorised_by = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    effective_from = serializers.DateField()
    effective_to = serializers.DateField(required=False, allow_null=True, default=None)


class ListHitOut(serializers.ModelSerializer):
    """One version of an order that met an entry; ``via`` is empty where the entry names what was ordered."""

    kind = serializers.CharField(source="entry.kind")
    on = serializers.SerializerMethodField(help_text="what the entry names")
    order_ref = serializers.CharField(source="order.ref")
    portfolio = serializers.CharField(source="order.portfolio.code")
    symbol = serializers.CharField(source="order.instrument.symbol")
    side = serializers.CharField(source="order.side")
    qty = serializers.DecimalField(20, 4, source="order.qty")
    author = serializers.CharField(source="order.created_by.username")

    class Meta:
        model = ListHit
        fields = (
            "id", "at", "entry", "kind", "on", "via", "order", "order_ref", "order_version", "portfolio", "symbol", "side",
            "qty", "author",
        )  # fmt: skip
        read_only_fields = fields

    def get_on(self, hit: ListHit) -> str:
        return selectors.entry_names(hit.entry)


@extend_schema_view(list=extend_schema(summary="The restricted list; to the control room also its own lists"))
class Restrictions(mixins.ListModelMixin, Scoped):
    acts = dict.fromkeys(("create", "ask_lift", "lift", "keep", "upload"), ("compliance.write_rules",))
    serializer_class = RestrictionOut
    filterset_fields = ("status", "direction", "kind")
    queryset = Restriction.objects.none()

    def get_queryset(self):
        return selectors.restrictions_seen_by(self.request.user)

    def _these(self, ids: list[int]) -> list[dict]:
        return RestrictionOut(self.get_queryset().filter(pk__in=ids).order_by("pk"), many=True).data

    @extend_schema(summary="List issuers or instruments: all or none", request=RestrictionIn(many=True),
                   responses={201: RestrictionOut(many=True)}, parameters=[KEY])  # fmt: skip
    def create(self, request: Request) -> Response:
        said = self.checked(RestrictionIn, many=True)
        act = act_of(request)

        def do():
            return self._these(services.restrict(act, [services.Listing(**one) for one in said]))

        return self.answered(act, "restrict", said, do, created=True)

    @extend_schema(
        summary="List what a CSV file says: all or none, every bad row named",
        request={"multipart/form-data": inline_serializer("ListingFile", {"file": serializers.FileField()})},
        responses={201: RestrictionOut(many=True)},
        parameters=[KEY],
    )
    def upload(self, request: Request) -> Response:
        file = request.FILES.get("file")
        if file is None:
            raise Invalid("No file was sent. Send it as “file” in a multipart form.", field="file")
        content = file.read(services.MAX_LISTING_BYTES + 1)
        act = act_of(request)
        asked = {"file": content.decode("utf-8", "replace")}
        return self.answered(act, "import_listings", asked, lambda: self._these(services.import_listings(act, content)), created=True)

    @extend_schema(summary="Ask another officer to take it off the list; until then it holds", request=DecisionIn,
                   responses=RestrictionOut, parameters=[KEY])  # fmt: skip
    def ask_lift(self, request: Request, pk: int) -> Response:
        return self._lift(request, pk, services.ask_to_lift)

    @extend_schema(summary="Take off the list what another officer asked to lift, or what is the control room's",
                   request=DecisionIn, responses=RestrictionOut, parameters=[KEY])  # fmt: skip
    def lift(self, request: Request, pk: int) -> Response:
        return self._lift(request, pk, services.lift)

    @extend_schema(summary="Leave on the list what somebody asked to lift", request=DecisionIn, responses=RestrictionOut, parameters=[KEY])
    def keep(self, request: Request, pk: int) -> Response:
        return self._lift(request, pk, services.keep_listed)

    def _lift(self, request: Request, pk: int, what) -> Response:
        said = self.checked(DecisionIn)
        act = act_of(request, reason=said["reason"])

        def do():
            what(act, [pk], seen={pk: said["version"]})
            return RestrictionOut(self.get_queryset().get(pk=pk)).data

        return self.answered(act, what.__name__, {"id": pk, "said": said}, do)


@extend_schema_view(list=extend_schema(summary="Which orders met which entries, newest first; for the control room"))
class ListHits(mixins.ListModelMixin, Scoped):
    permissions = ("compliance.control_room",)
    serializer_class = ListHitOut
    filterset_fields = ("entry", "entry__kind", "order")
    queryset = ListHit.objects.none()

    def get_queryset(self):
        return selectors.hits_seen_by(self.request.user)
