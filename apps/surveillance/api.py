"""Days and incidents to other systems: scoped as the pages are."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.compliance.api.scoped import KEY
from apps.core.edges import act_of, day_in, versions_once
from apps.users.doors import ApiDoor

from . import selectors, services
from .models import Day, Filing, Finding, Incident


class NewestDayFirst(CursorPagination):
    ordering = "-date"
    page_size = 100


class IncidentsByPk(CursorPagination):
    ordering = "-id"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"


class DayOut(serializers.ModelSerializer):
    """``status``: REPORTED, then SIGNED; made anew it is REPORTED again. The counts are those of the newest run."""

    reported_at = serializers.DateTimeField(source="run.at")
    portfolios = serializers.IntegerField(source="run.portfolios")
    asked = serializers.IntegerField(source="run.asked", help_text="numbers compared with a limit")
    breaches = serializers.IntegerField(source="run.breaches")
    unsure = serializers.IntegerField(source="run.unsure")
    warnings = serializers.IntegerField(source="run.warnings")
    signed_by = serializers.CharField(source="signed_by.username", default=None)

    class Meta:
        model = Day
        fields = (
            "id", "date", "status", "version", "reported_at", "portfolios", "asked", "breaches", "unsure", "warnings", "signed_by",
            "signed_at", "note",
        )  # fmt: skip
        read_only_fields = fields


class FindingOut(serializers.ModelSerializer):
    """``outcome``: FAIL, INDETERMINATE or WARNING."""

    rule = serializers.CharField(source="rule_version.rule.code")
    portfolio = serializers.CharField(source="portfolio.code", default=None, help_text="null: all portfolios together")

    class Meta:
        model = Finding
        fields = (
            "rule", "rule_version_id", "portfolio", "group", "outcome", "value", "limit", "unit", "over_amount", "text", "data",
            "incident_id",
        )  # fmt: skip
        read_only_fields = fields


class LeftOutOut(serializers.Serializer):
    """A rule in force that was asked of no portfolio, or not of all that its scope names."""

    rule = serializers.CharField(source="version.rule.code")
    rule_version_id = serializers.IntegerField(source="version.pk")
    why = serializers.CharField()


class ReportOut(DayOut):
    findings = FindingOut(many=True, source="found")
    left_out = LeftOutOut(many=True)

    class Meta(DayOut.Meta):
        fields = (*DayOut.Meta.fields, "findings", "left_out")
        read_only_fields = fields


class AskedAgainOut(serializers.Serializer):
    """``is_whole``: whether the stored inputs are those that the report was made of."""

    is_whole = serializers.BooleanField()
    differences = serializers.ListField(child=serializers.CharField())


class IncidentOut(serializers.ModelSerializer):
    """``status``: OPEN, CURED (the rule passes again) or CLOSED (by an officer). ``cause``: ACTIVE, PASSIVE or UNKNOWN."""

    ref = serializers.CharField(read_only=True)
    rule = serializers.CharField(source="rule.code")
    portfolio = serializers.CharField(source="portfolio.code", default=None, help_text="null: all portfolios together")
    owner = serializers.CharField(source="owner.username", default=None)

    class Meta:
        model = Incident
        fields = (
            "id", "ref", "rule", "portfolio", "group", "cause", "opened_on", "seen_on", "cure_by", "value", "limit", "unit",
            "over_amount", "text", "owner", "ended_on", "status", "version",
        )  # fmt: skip
        read_only_fields = fields


class FilingOut(serializers.ModelSerializer):
    """``status``: DUE, MADE or NOT_NEEDED. ``pct`` of the class when its clock started, ``direct_pct`` by shares alone."""

    ref = serializers.CharField(read_only=True)
    symbol = serializers.CharField(source="instrument.symbol", default=None)
    ended_by = serializers.CharField(source="ended_by.username", default=None)

    class Meta:
        model = Filing
        fields = (
            "id", "ref", "form", "symbol", "pct", "direct_pct", "threshold", "started_on", "due_on", "text", "source", "reference",
            "ended_by", "ended_at", "status", "version",
        )  # fmt: skip
        read_only_fields = fields


class FilingMadeIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    reference = serializers.CharField(max_length=100)


class ReportIn(serializers.Serializer):
    """Nothing is said: the report is of the day it is."""


class SignIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the officer looked at")
    note = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)


class SeenIncidentIn(serializers.Serializer):
    id = serializers.IntegerField(min_value=1)
    version = serializers.IntegerField(min_value=1)


class AssignIncidentsIn(serializers.Serializer):
    incidents = SeenIncidentIn(many=True, allow_empty=False)
    owner = serializers.IntegerField(min_value=1, help_text="id of the colleague")


class CloseIncidentsIn(serializers.Serializer):
    incidents = SeenIncidentIn(many=True, allow_empty=False)
    reason = serializers.CharField(max_length=1000)


class NoteIncidentIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=1000)


class GiveTimeIn(NoteIncidentIn):
    cure_by = serializers.DateField()


class Wanted(django_filters.FilterSet):
    class Meta:
        model = Incident
        fields = ("status", "cause", "portfolio", "rule", "owner")


class Said:
    def _said(self, serializer: type[serializers.Serializer], data) -> dict:
        asked = serializer(data=data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data


@extend_schema_view(list=extend_schema(summary="Reports of days, the newest first"))
class Days(ApiDoor, Said, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("compliance.see",)
    acts = {"create": ("surveillance.report",), "sign": ("surveillance.sign",)}
    serializer_class = DayOut
    pagination_class = NewestDayFirst
    queryset = Day.objects.none()

    def get_queryset(self):
        return selectors.days_seen_by(self.request.user)

    @extend_schema(summary="Report today, or today anew", request=ReportIn, responses={201: DayOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        act = act_of(request)

        def do():
            return DayOut(self.get_queryset().get(pk=services.report_day(act))).data

        return Response(answer_once(act, "surveillance.report_day", {}, do)[0], status=201)

    @extend_schema(summary="One day's report with what was found", responses=ReportOut)
    def retrieve(self, request: Request, on: str) -> Response:
        found = selectors.get_day_seen_by(request.user, day_in(on, "date"))
        found.found, found.left_out = selectors.findings_of(request.user, found), selectors.left_out(found.run)
        return Response(ReportOut(found).data)

    @extend_schema(summary="The same rules of the same stored inputs once more", responses=AskedAgainOut)
    def again(self, request: Request, on: str) -> Response:
        return Response(AskedAgainOut(selectors.ask_again(selectors.get_day_seen_by(request.user, day_in(on, "date")).run)._asdict()).data)

    @extend_schema(summary="Sign it", request=SignIn, responses=DayOut, parameters=[KEY])
    def sign(self, request: Request, on: str) -> Response:
        found, said = selectors.get_day_seen_by(request.user, day_in(on, "date")), self._said(SignIn, request.data)
        act = act_of(request, reason=said["note"])

        def do():
            services.sign_day(act, found.pk, seen={found.pk: said["version"]}, note=said["note"])
            return DayOut(self.get_queryset().get(pk=found.pk)).data

        return Response(answer_once(act, "surveillance.sign_day", {"id": found.pk, "said": said}, do)[0])


@extend_schema_view(list=extend_schema(summary="Incidents, the newest first"))
class Incidents(ApiDoor, Said, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("compliance.see", "compliance.see_own")
    acts = dict.fromkeys(("assign", "close", "note", "time"), ("surveillance.work",))
    serializer_class = IncidentOut
    pagination_class = IncidentsByPk
    filterset_class = Wanted
    queryset = Incident.objects.none()

    def get_queryset(self):
        return selectors.incidents_seen_by(self.request.user)

    @extend_schema(summary="One incident")
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(IncidentOut(selectors.get_incident_seen_by(request.user, pk)).data)

    @extend_schema(
        summary="Make a colleague answer for incidents", request=AssignIncidentsIn, responses=IncidentOut(many=True),
        parameters=[KEY], filters=False,
    )  # fmt: skip
    def assign(self, request: Request) -> Response:
        said = self._said(AssignIncidentsIn, request.data)
        seen = versions_once(said["incidents"], "incidents")
        act = act_of(request)
        return self._many(act, said, seen, lambda: services.assign_incidents(act, list(seen), said["owner"], seen=seen))

    @extend_schema(
        summary="End incidents, for a reason", request=CloseIncidentsIn, responses=IncidentOut(many=True),
        parameters=[KEY], filters=False,
    )  # fmt: skip
    def close(self, request: Request) -> Response:
        said = self._said(CloseIncidentsIn, request.data)
        seen = versions_once(said["incidents"], "incidents")
        act = act_of(request, reason=said["reason"])
        return self._many(act, said, seen, lambda: services.close_incidents(act, list(seen), seen=seen))

    @extend_schema(summary="Keep a note on it", request=NoteIncidentIn, responses=IncidentOut, parameters=[KEY])
    def note(self, request: Request, pk: str) -> Response:
        said = self._said(NoteIncidentIn, request.data)
        act = act_of(request, reason=said["reason"])
        return self._one(act, int(pk), said, lambda: services.note_incident(act, int(pk), seen={int(pk): said["version"]}))

    @extend_schema(summary="Move the day by which it is to be cured", request=GiveTimeIn, responses=IncidentOut, parameters=[KEY])
    def time(self, request: Request, pk: str) -> Response:
        said = self._said(GiveTimeIn, request.data)
        act = act_of(request, reason=said["reason"])
        seen = {int(pk): said["version"]}
        return self._one(act, int(pk), said, lambda: services.give_time(act, int(pk), said["cure_by"], seen=seen))

    def _many(self, act, said: dict, seen: dict[int, int], change) -> Response:
        def do():
            change()
            return IncidentOut(self.get_queryset().filter(pk__in=seen), many=True).data

        return Response(answer_once(act, f"surveillance.{self.action}", said, do)[0])

    def _one(self, act, pk: int, said: dict, change) -> Response:
        selectors.get_incident_seen_by(self.request.user, pk)

        def do():
            change()
            return IncidentOut(self.get_queryset().get(pk=pk)).data

        return Response(answer_once(act, f"surveillance.{self.action}", {"id": pk, "said": said}, do)[0])


class FilingsByDay(IncidentsByPk):
    ordering = ("due_on", "id")


@extend_schema_view(list=extend_schema(summary="Reports to authorities, by the day they are due"))
class Filings(ApiDoor, Said, mixins.ListModelMixin, viewsets.GenericViewSet):
    permissions = ("compliance.see",)
    acts = dict.fromkeys(("made", "not_needed"), ("surveillance.work",))
    serializer_class = FilingOut
    pagination_class = FilingsByDay
    filterset_fields = ("status", "form", "instrument")
    queryset = Filing.objects.none()

    def get_queryset(self):
        return selectors.filings_seen_by(self.request.user)

    @extend_schema(summary="It was sent", request=FilingMadeIn, responses=FilingOut, parameters=[KEY])
    def made(self, request: Request, pk: str) -> Response:
        said, act = self._said(FilingMadeIn, request.data), act_of(request)
        seen = {int(pk): said["version"]}
        return self._end(act, int(pk), said, lambda: services.filing_made(act, int(pk), said["reference"], seen=seen))

    @extend_schema(summary="None is needed, for a reason", request=NoteIncidentIn, responses=FilingOut, parameters=[KEY])
    def not_needed(self, request: Request, pk: str) -> Response:
        said = self._said(NoteIncidentIn, request.data)
        act, seen = act_of(request, reason=said["reason"]), {int(pk): said["version"]}
        return self._end(act, int(pk), said, lambda: services.filing_not_needed(act, int(pk), seen=seen))

    def _end(self, act, pk: int, said: dict, change) -> Response:
        def do():
            change()
            return FilingOut(self.get_queryset().get(pk=pk)).data

        return Response(answer_once(act, f"surveillance.filing_{self.action}", {"id": pk, "said": said}, do)[0])
