"""Mandates to other systems: documents, their clauses, and which rule proves which."""

import base64
import binascii
import hashlib

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view, inline_serializer
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of, attachment, whole_number
from apps.core.refusals import Invalid

from .. import selectors, services
from ..models import ClauseMapping, MandateDocument, MandateEdition
from .scoped import KEY, DecisionIn, Scoped


class EditionOut(serializers.ModelSerializer):
    added_by = serializers.CharField(source="added_by.username")

    class Meta:
        model = MandateEdition
        fields = ("id", "number", "effective_date", "file_name", "size", "sha256", "added_by", "added_at")
        read_only_fields = fields


class CoverageOut(serializers.Serializer):
    """How many clauses stand how; ``total`` need a rule, and ``waiting`` are among the missing."""

    total = serializers.IntegerField()
    covered = serializers.IntegerField()
    stale = serializers.IntegerField()
    missing = serializers.IntegerField()
    waiting = serializers.IntegerField()
    exempt = serializers.IntegerField()
    words = serializers.CharField()


class MandateDocumentOut(serializers.ModelSerializer):
    portfolio = serializers.CharField(source="portfolio.code", default=None)
    group = serializers.CharField(source="group.code", default=None)
    editions = EditionOut(many=True)
    coverage = serializers.SerializerMethodField()

    class Meta:
        model = MandateDocument
        fields = ("id", "code", "title", "portfolio", "group", "status", "version", "editions", "coverage")
        read_only_fields = fields

    @extend_schema_field(CoverageOut)
    def get_coverage(self, row: MandateDocument) -> dict:
        return CoverageOut(self.context["coverage"][row.pk]).data


class ProofOut(serializers.ModelSerializer):
    """A mapping that is not over; ``rule`` is null where it says that no rule is needed."""

    ref = serializers.CharField()
    document = serializers.CharField(source="clause.document.code")
    reference = serializers.CharField(source="clause.reference")
    rule = serializers.CharField(source="rule.code", default=None)
    rule_number = serializers.IntegerField(source="rule_version.number", default=None, help_text="the version of the rule")
    wording = serializers.IntegerField(source="wording.number", help_text="the number of the clause's wording")
    written_by = serializers.CharField(source="written_by.username")
    decided_by = serializers.CharField(source="decided_by.username", default=None)

    class Meta:
        model = ClauseMapping
        fields = (
            "id", "ref", "clause", "document", "reference", "wording", "rule_id", "rule", "rule_number", "status", "version", "reason",
            "why", "written_by", "written_at", "decided_by", "decided_at", "answer", "stale_at", "ended_at",
        )  # fmt: skip
        read_only_fields = fields


class ClauseOut(serializers.Serializer):
    """A clause as it reads, how it stands, and what proves it; ``fixtures`` are those of the rules that name it."""

    id = serializers.IntegerField(source="clause.pk")
    version = serializers.IntegerField(source="clause.version")
    reference = serializers.CharField(source="clause.reference")
    status = serializers.CharField(source="clause.status")
    page = serializers.IntegerField(source="wording.page", allow_null=True)
    text = serializers.CharField(source="wording.text")
    sha256 = serializers.CharField(source="wording.sha256")
    wording = serializers.IntegerField(source="wording.number")
    standing = serializers.CharField(help_text="STALE, OPEN, WAITING, COVERED or EXEMPT")
    mappings = serializers.SerializerMethodField()
    fixtures = serializers.SerializerMethodField()

    @extend_schema_field(ProofOut(many=True))
    def get_mappings(self, line: selectors.ClauseLine) -> list:
        return ProofOut([one.mapping for one in line.proofs], many=True).data

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_fixtures(self, line: selectors.ClauseLine) -> list:
        return [name for one in line.proofs for name in one.proving]


class ClauseIn(serializers.Serializer):
    reference = serializers.CharField(max_length=40)
    text = serializers.CharField(max_length=8000)
    page = serializers.IntegerField(required=False, allow_null=True, default=None)
    no_rule = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True, help_text="why no rule is needed; another officer has to agree"
    )


class FileIn(serializers.Serializer):
    file_name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    content = serializers.CharField(required=False, default="", allow_blank=True, help_text="the PDF as base64, up to 10 MiB decoded")


class MandateDocumentIn(FileIn):
    """For a portfolio, for a group of portfolios, or for neither: the whole firm."""

    code = serializers.CharField(max_length=40)
    title = serializers.CharField(max_length=200)
    portfolio_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    group_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    effective_date = serializers.DateField()
    clauses = ClauseIn(many=True, required=False, default=list)


class ReissueIn(FileIn):
    """A new edition; ``clauses`` are all of it, null where they are those of the last."""

    version = serializers.IntegerField(min_value=1)
    effective_date = serializers.DateField()
    clauses = ClauseIn(many=True, required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class ClausesIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="of the document that the caller looked at")
    clauses = ClauseIn(many=True)


class ClausesOutIn(DecisionIn):
    references = serializers.ListField(child=serializers.CharField(max_length=40))


@extend_schema_view(
    retrieve=extend_schema(summary="One mandate document", responses=MandateDocumentOut),
)
class Mandates(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    acts = dict.fromkeys(("create", "reissue", "keep", "upload", "remove", "retire"), ("compliance.write_rules",))
    serializer_class = MandateDocumentOut
    filterset_fields = ("status", "code", "group__code")
    queryset = MandateDocument.objects.none()

    def get_queryset(self):
        return selectors.mandates_seen_by(self.request.user)

    def _told(self, rows) -> list[dict]:
        rows = list(rows)
        return MandateDocumentOut(rows, many=True, context={"coverage": selectors.coverage_of(row.pk for row in rows)}).data

    def _one(self, pk: int) -> dict:
        return self._told([selectors.get_mandate_seen_by(self.request.user, pk)])[0]

    @extend_schema(summary="Mandate documents, with how far rules cover them", responses=MandateDocumentOut(many=True))
    def list(self, request: Request) -> Response:
        return self.get_paginated_response(self._told(self.paginate_queryset(self.filter_queryset(self.get_queryset()))))

    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(self._one(pk))

    @extend_schema(summary="Its clauses, those that need somebody first", responses=ClauseOut(many=True))
    def clauses(self, request: Request, pk: int) -> Response:
        return Response(ClauseOut(selectors.reading(request.user, pk).lines, many=True).data)

    @extend_schema(summary="The file of an edition", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def file(self, request: Request, pk: int) -> HttpResponse:
        row = selectors.get_edition_seen_by(request.user, pk)
        return attachment(bytes(row.content), row.file_name)

    @extend_schema(summary="Enter a mandate document", request=MandateDocumentIn, responses={201: MandateDocumentOut}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        said, act = self.checked(MandateDocumentIn), act_of(request)

        def do():
            home = services.Home(said["portfolio_id"], said["group_id"])
            pk = services.enter_mandate(
                act, said["code"], said["title"], said["effective_date"], home=home, file=_pdf(said), clauses=_said(said["clauses"])
            )
            return self._one(pk)

        return self.answered(act, "enter_mandate", said, do, created=True)

    @extend_schema(summary="Enter a new edition", request=ReissueIn, responses={201: MandateDocumentOut}, parameters=[KEY])
    def reissue(self, request: Request, pk: int) -> Response:
        said = self.checked(ReissueIn)
        act = act_of(request, reason=said["reason"])

        def do():
            clauses = None if said["clauses"] is None else _said(said["clauses"])
            services.reissue_mandate(act, pk, said["effective_date"], seen=said["version"], file=_pdf(said), clauses=clauses)
            return self._one(pk)

        return self.answered(act, "reissue_mandate", {"id": pk, "said": said}, do, created=True)

    @extend_schema(summary="Enter clauses, or word them anew; others stay", request=ClausesIn, responses=ClauseOut(many=True),
                   parameters=[KEY])  # fmt: skip
    def keep(self, request: Request, pk: int) -> Response:
        said, act = self.checked(ClausesIn), act_of(request)

        def do():
            services.keep_clauses(act, pk, _said(said["clauses"]), seen=said["version"])
            return ClauseOut(selectors.reading(request.user, pk).lines, many=True).data

        return self.answered(act, "keep_clauses", {"id": pk, "said": said}, do)

    @extend_schema(
        summary="Enter the clauses of a CSV or XLSX file: all or none, every bad row named",
        request={"multipart/form-data": inline_serializer(
            "ClauseFile", {"file": serializers.FileField(), "version": serializers.IntegerField(min_value=1)}
        )},
        responses=ClauseOut(many=True), parameters=[KEY],
    )  # fmt: skip
    def upload(self, request: Request, pk: int) -> Response:
        file, version = request.FILES.get("file"), whole_number(request.data.get("version"), "version", 1)
        if file is None:
            raise Invalid("No file was sent. Send it as “file” in a multipart form.", field="file")
        name, content = file.name or "", file.read(services.MOST_CLAUSE_BYTES + 1)
        act = act_of(request)

        def do():
            services.keep_clauses(act, pk, services.read_clauses(name, content), seen=version)
            return ClauseOut(selectors.reading(request.user, pk).lines, many=True).data

        asked = {"id": pk, "version": version, "sha256": hashlib.sha256(content).hexdigest()}
        return self.answered(act, "import_clauses", asked, do)

    @extend_schema(summary="Take clauses out", request=ClausesOutIn, responses=ClauseOut(many=True), parameters=[KEY])
    def remove(self, request: Request, pk: int) -> Response:
        said = self.checked(ClausesOutIn)
        act = act_of(request, reason=said["reason"])

        def do():
            services.remove_clauses(act, pk, said["references"], seen=said["version"])
            return ClauseOut(selectors.reading(request.user, pk).lines, many=True).data

        return self.answered(act, "remove_clauses", {"id": pk, "said": said}, do)

    @extend_schema(summary="Have it bind no more: its mappings end", request=DecisionIn, responses=MandateDocumentOut, parameters=[KEY])
    def retire(self, request: Request, pk: int) -> Response:
        said = self.checked(DecisionIn)
        act = act_of(request, reason=said["reason"])

        def do():
            services.retire_mandate(act, pk, seen=said["version"])
            return self._one(pk)

        return self.answered(act, "retire_mandate", {"id": pk, "said": said}, do)


def _said(clauses: list[dict]) -> list[services.Said]:
    return [services.Said(**one) for one in clauses]


def _pdf(said: dict) -> services.Pdf | None:
    if not said["content"]:
        return None
    try:
        return services.Pdf(said["file_name"], base64.b64decode(said["content"], validate=True))
    except (binascii.Error, ValueError):
        raise Invalid("The content is not base64.", field="content") from None
