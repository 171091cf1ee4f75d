"""Files of orders to other systems: uploaded, understood, looked at line by line, entered or set aside."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view, inline_serializer
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.edges import act_of, whole_number
from apps.core.refusals import Invalid

from . import selectors, services
from .api import KEY, NewestFirst, Scoped, SeenIn, yes
from .models import Import, ImportRow, ImportTemplate
from .rules import sheets


class ByLine(NewestFirst):
    ordering = "line"


class ImportOut(serializers.ModelSerializer):
    """A file of orders. Staged when ``rows_read`` = ``rows``; ``bad_rows`` of them cannot be orders."""

    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Import
        fields = (
            "id", "status", "version", "file_name", "sha256", "rows", "rows_read", "bad_rows", "error", "group_id",
            "created_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class ImportRowOut(serializers.ModelSerializer):
    class Meta:
        model = ImportRow
        fields = ("line", "raw", "problems", "parsed")
        read_only_fields = fields


class CommitIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    accept_valid = serializers.BooleanField(default=False, help_text="leave out the lines that cannot be orders")
    group_name = serializers.CharField(max_length=120, default="", allow_blank=True)
    submit = serializers.BooleanField(default=True)


class ColumnsIn(serializers.Serializer):
    """What a file's columns and words mean."""

    version = serializers.IntegerField(min_value=1)
    columns = serializers.DictField(
        child=serializers.CharField(max_length=100), help_text="field of an order to the heading that holds it"
    )
    words = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField(max_length=20)), required=False,
        help_text="side, order_type or tif to {their word: ours}",
    )  # fmt: skip
    save_as = serializers.CharField(max_length=80, default="", allow_blank=True, help_text="a template's name")
    desk = serializers.CharField(default="", allow_blank=True, help_text="code of a desk of yours to share it with")


class ListingsIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1)
    listings = serializers.DictField(child=serializers.IntegerField(min_value=1), help_text="name to the instrument's id")


class TemplateOut(serializers.ModelSerializer):
    """Files with these headings are understood so."""

    owner = serializers.CharField(source="owner.username")
    desk = serializers.CharField(source="desk.code", default=None)

    class Meta:
        model = ImportTemplate
        fields = ("id", "name", "owner", "desk", "headings", "columns", "words", "saved_at", "version")
        read_only_fields = fields


class RenameIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    name = serializers.CharField(max_length=80)


LISTING = inline_serializer(
    "Listing",
    {"name": serializers.CharField(), "lines": serializers.ListField(child=serializers.IntegerField()),
     "options": serializers.ListField(child=serializers.DictField())},
    many=True,
)  # fmt: skip


@extend_schema_view(
    list=extend_schema(summary="Imported files, the newest first"),
    retrieve=extend_schema(summary="One import: what it holds and what is wrong with it"),
)
class Imports(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    permissions = ("orders.import", "audit.see")
    acts = dict.fromkeys(("create", "commit", "discard", "columns", "choose"), ("orders.import",))
    serializer_class = ImportOut
    pagination_class = NewestFirst
    queryset = Import.objects.none()

    def get_queryset(self):
        return selectors.imports_seen_by(self.request.user).select_related("created_by")

    def get_object(self) -> Import:
        return selectors.get_import_seen_by(self.request.user, self.kwargs["pk"])

    @extend_schema(
        summary="Upload a file of orders, CSV or XLSX, to be staged",
        request={"multipart/form-data": inline_serializer("ImportFile", {"file": serializers.FileField()})},
        responses={201: ImportOut, 200: ImportOut},
    )
    def create(self, request: Request) -> Response:
        """201, or 200 where the same file was imported before: then it is the same import, and nothing happens."""
        file = request.FILES.get("file")
        if file is None:
            raise Invalid("No file was sent. Send it as “file” in a multipart form.", field="file")
        if file.size > sheets.MAX_BYTES:
            raise sheets.Unreadable(f"At most {sheets.MAX_BYTES // 1024**2} MB are read. Split the file.", field="file")
        act = act_of(request)
        batch = selectors.get_import_seen_by(request.user, services.upload_import(act, file.name, file.read()))
        is_new = batch.created_at == act.at
        return Response(ImportOut(batch).data, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @extend_schema(
        summary="Its lines: what was written, what is wrong, what it means",
        responses=ImportRowOut(many=True),
        parameters=[OpenApiParameter("bad", OpenApiTypes.BOOL, description="only the bad lines, or only the good ones")],
    )
    def rows(self, request: Request, pk: int) -> Response:
        bad = request.query_params.get("bad")
        lines = selectors.import_rows(self.get_object(), bad=None if bad is None else yes(bad))
        pages = ByLine()
        page = pages.paginate_queryset(lines, request, view=self)
        return pages.get_paginated_response(ImportRowOut(page, many=True).data)

    @extend_schema(
        summary="Enter its orders, linked as groups: all, or the valid ones",
        request=CommitIn,
        parameters=[KEY],
        responses=inline_serializer(
            "Committed",
            {"import_id": serializers.IntegerField(),
             "group_id": serializers.IntegerField(help_text="null where its lines name several", allow_null=True),
             "orders": serializers.IntegerField(), "left_out": serializers.IntegerField()},
        ),
    )  # fmt: skip
    def commit(self, request: Request, pk: int) -> Response:
        said = self.checked(CommitIn)
        self.get_object()
        act = act_of(request)

        def enter():
            ids = services.commit_import(
                act, pk, seen={pk: said["version"]}, accept_valid=said["accept_valid"],
                group_name=said["group_name"], submit=said["submit"],
            )  # fmt: skip
            batch = self.get_object()
            return {"import_id": pk, "group_id": batch.group_id, "orders": len(ids), "left_out": batch.bad_rows}

        return Response(answer_once(act, "orders.commit_import", {"id": pk, "said": said}, enter)[0])

    @extend_schema(summary="Set a staged file aside", request=SeenIn, responses=ImportOut)
    def discard(self, request: Request, pk: int) -> Response:
        said = self.checked(SeenIn)
        self.get_object()
        services.discard_import(act_of(request, reason=said["reason"]), pk, seen={pk: said["version"]})
        return Response(ImportOut(self.get_object()).data)

    @extend_schema(summary="Say what its columns and words mean; it is read anew", request=ColumnsIn, responses=ImportOut)
    def columns(self, request: Request, pk: int) -> Response:
        said = self.checked(ColumnsIn)
        self.get_object()
        desk = request.user.desks.filter(code=said["desk"]).first() if said["desk"] else None
        if said["desk"] and desk is None:
            raise Invalid(f"You do not sit at a desk “{said['desk'][:20]}”.", field="desk")
        services.map_import(
            act_of(request), pk, seen={pk: said["version"]}, columns=said["columns"], words=said.get("words"),
            save_as=said["save_as"], desk_id=desk and desk.pk,
        )  # fmt: skip
        return Response(ImportOut(self.get_object()).data)

    @extend_schema(summary="The names in it that mean several listings", responses=LISTING)
    def listings(self, request: Request, pk: int) -> Response:
        found = selectors.ambiguous_names(self.get_object())
        return Response(
            {"name": one.name, "lines": one.lines,
             "options": [{"id": i.pk, "symbol": i.symbol, "mic": i.venue.mic} for i in one.options]}
            for one in found
        )  # fmt: skip

    @extend_schema(summary="Choose a listing for such names; it is read anew", request=ListingsIn, responses=ImportOut)
    def choose(self, request: Request, pk: int) -> Response:
        said = self.checked(ListingsIn)
        self.get_object()
        services.choose_listings(act_of(request), pk, seen={pk: said["version"]}, listings=said["listings"])
        return Response(ImportOut(self.get_object()).data)


@extend_schema_view(list=extend_schema(summary="Templates by which files that are not ours are understood"))
class Templates(mixins.ListModelMixin, Scoped):
    permissions = ("orders.import", "audit.see")
    acts = {"partial_update": ("orders.import",), "destroy": ("orders.import",)}
    serializer_class = TemplateOut
    pagination_class = NewestFirst
    queryset = ImportTemplate.objects.none()

    def get_queryset(self):
        return selectors.templates_seen_by(self.request.user)

    @extend_schema(summary="Call a template of yours otherwise", request=RenameIn, responses=TemplateOut)
    def partial_update(self, request: Request, pk: int) -> Response:
        said = self.checked(RenameIn)
        services.rename_template(act_of(request), pk, said["name"], seen={pk: said["version"]})
        return Response(TemplateOut(self.get_queryset().get(pk=pk)).data)

    @extend_schema(
        summary="Read no more file by a template of yours", responses={204: None},
        parameters=[OpenApiParameter("version", OpenApiTypes.INT, required=True, description="that the caller looked at")],
    )  # fmt: skip
    def destroy(self, request: Request, pk: int) -> Response:
        seen = {pk: whole_number(request.query_params.get("version"), "version", 1)}
        services.remove_template(act_of(request), pk, seen=seen)
        return Response(status=204)
