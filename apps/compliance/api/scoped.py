"""What the views of compliance's API have in common."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers, status, viewsets
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.users.doors import ApiDoor

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)


class DecisionIn(serializers.Serializer):
    """The version that the caller looked at, and why, in a person's words."""

    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=2000, allow_blank=True)


class Scoped(ApiDoor, viewsets.GenericViewSet):
    """Opens to roles that may look; what they see is the selectors' to say."""

    permissions = ("compliance.see",)

    def dispatch(self, request, *args, **kwargs):
        if "pk" in kwargs:
            kwargs["pk"] = int(kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def checked(self, serializer: type[serializers.Serializer], **more) -> dict:
        asked = serializer(data=self.request.data, **more)
        asked.is_valid(raise_exception=True)
        return asked.validated_data

    def answered(self, act, what: str, asked, do, *, created: bool = False) -> Response:
        answer, repeated = answer_once(act, f"compliance.{what}", asked, do)
        first = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(answer, status.HTTP_200_OK if repeated else first)
