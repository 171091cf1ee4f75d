"""What one person proposes and another decides about, to other systems: the acts that are alike for all of it."""

from collections.abc import Callable
from typing import Any

from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import answer_once
from apps.core.acts import Act
from apps.core.edges import act_of
from apps.users.doors import ApiDoor

from .api import NewestFirst, said_in


class ProposalVersionIn(serializers.Serializer):
    version = serializers.IntegerField(min_value=1, help_text="the version that the caller looked at")
    reason = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)


class Proposals(ApiDoor, mixins.ListModelMixin, viewsets.GenericViewSet):
    """What one person proposes and another decides about, the newest first."""

    pagination_class = NewestFirst
    get_one: Callable[[int], Any]  # By its id.

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self._data(int(pk)))

    def _propose(self, act: Act, said: dict, service: Callable[..., int], *args, **kwargs) -> Response:
        """201 with what the service made, which gives its id; ``said`` is what makes the same key the same request."""

        def do():
            return self._data(service(act, *args, **kwargs))

        return Response(answer_once(act, f"routing.{service.__name__}", said, do)[0], status=201)

    def _decide(self, request: Request, pk: int, service: Callable[..., None]) -> Response:
        """As it is once the service has decided about the version that the caller looked at."""
        said = said_in(ProposalVersionIn, request)
        act = act_of(request, reason=said["reason"])

        def do():
            service(act, pk, seen={pk: said["version"]})
            return self._data(pk)

        return Response(answer_once(act, f"routing.{service.__name__}", {"id": pk, "said": said}, do)[0])

    def _data(self, pk: int) -> dict:
        return self.serializer_class(self.get_one(pk)).data
