"""Saved views to other systems: the person's own, and those shared with their desks."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of, whole_number
from apps.users.doors import ApiDoor

from ..models import SavedView
from ..sheets import SHEETS, get_sheet
from . import saved, specs


class ByNumber(CursorPagination):
    ordering = "id"
    page_size = 100


class ViewOut(serializers.ModelSerializer):
    """A view of a list. What ``spec`` may say is refused with the reason where the list has no such thing."""

    owner = serializers.CharField(source="owner.username")
    desk = serializers.CharField(source="desk.code", default=None, help_text="the desk it is shared with")

    class Meta:
        model = SavedView
        fields = ("id", "list", "name", "owner", "desk", "is_first", "spec", "version", "changed_at")
        read_only_fields = fields


class ViewIn(serializers.Serializer):
    """
    ``spec``: ``columns`` (codes in order), ``widths`` (pixels by code), ``sort`` ([{code, falls}]), ``group`` (code),
    ``totals`` (codes), ``filters`` ([{code, op, value}]), ``colours`` ([{code, op, value, tone, whole}]).
    """

    list = serializers.ChoiceField(sorted(SHEETS))
    name = serializers.CharField(max_length=60)
    desk = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="code of a desk to share it with"
    )
    is_first = serializers.BooleanField(required=False, default=False, help_text="the list opens with it")
    spec = serializers.JSONField()
    version = serializers.IntegerField(required=False, min_value=1, help_text="the version seen, when one of yours is changed")


@extend_schema_view(
    list=extend_schema(summary="Your views of lists, and those shared with your desks"),
    retrieve=extend_schema(summary="One view"),
)
class Views(ApiDoor, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    permissions = ("desk.see",)
    serializer_class = ViewOut
    pagination_class = ByNumber
    filter_backends = ()
    queryset = SavedView.objects.none()

    @extend_schema(parameters=[OpenApiParameter("list", OpenApiTypes.STR, description="of this list alone")])
    def list(self, request: Request, *args, **kwargs) -> Response:
        return super().list(request, *args, **kwargs)

    def get_queryset(self):
        asked = self.request.query_params.get("list", "")
        return saved.views_seen_by(self.request.user, get_sheet(asked, self.request.user).name if asked else "")

    def get_object(self) -> SavedView:
        return saved.get_view_seen_by(self.request.user, self.kwargs["pk"])

    @extend_schema(summary="Keep a view under a name", request=ViewIn, responses={201: ViewOut})
    def create(self, request: Request) -> Response:
        return Response(ViewOut(self._saved(request)).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Change a view", request=ViewIn, responses={200: ViewOut, 201: ViewOut})
    def update(self, request: Request, pk: int) -> Response:
        """201 where the view is a colleague's: theirs stays, and the change is kept as a view of yours."""
        view = self._saved(request, pk)
        return Response(ViewOut(view).data, status.HTTP_200_OK if view.pk == pk else status.HTTP_201_CREATED)

    @extend_schema(
        summary="Throw a view of yours away", responses={204: None},
        parameters=[OpenApiParameter("version", OpenApiTypes.INT, required=True, description="the version seen")],
    )  # fmt: skip
    def destroy(self, request: Request, pk: int) -> Response:
        seen = whole_number(request.query_params.get("version"), "version", 1)
        saved.remove_view(act_of(request), pk, seen=seen)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _saved(self, request: Request, pk: int | None = None) -> SavedView:
        said = ViewIn(data=request.data)
        said.is_valid(raise_exception=True)
        asked = said.validated_data
        sheet = get_sheet(asked["list"], request.user)
        return saved.save_view(
            act_of(request), sheet, specs.read(sheet, asked["spec"]), name=asked["name"], view_id=pk,
            seen=asked.get("version"), desk=asked["desk"], is_first=asked["is_first"],
        )  # fmt: skip
