"""What officers ask of orders, and the managers' answers."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.edges import act_of
from apps.core.refusals import NotFound

from .. import selectors, services
from ..models import Question
from .scoped import KEY, Scoped


class QuestionOut(serializers.ModelSerializer):
    asked_by = serializers.CharField(source="asked_by.username")
    answered_by = serializers.CharField(source="answered_by.username", default=None)

    class Meta:
        model = Question
        fields = (
            "id", "status", "version", "review_id", "order_id", "text", "asked_by", "asked_at", "answer", "answered_by",
            "answered_at",
        )  # fmt: skip
        read_only_fields = fields


class WordsIn(serializers.Serializer):
    """What is asked or answered, and the version of the review or question that the caller looked at."""

    version = serializers.IntegerField(min_value=1)
    text = serializers.CharField(max_length=2000, allow_blank=True)


@extend_schema_view(list=extend_schema(summary="What officers asked, of the orders you see"))
class Questions(mixins.ListModelMixin, Scoped):
    permissions = ("compliance.see", "compliance.see_own")
    acts = {"answer": ("compliance.answer",)}
    serializer_class = QuestionOut
    filterset_fields = ("status", "order", "review")
    queryset = Question.objects.none()

    def get_queryset(self):
        return selectors.questions_seen_by(self.request.user)

    @extend_schema(summary="Answer it", request=WordsIn, responses=QuestionOut, parameters=[KEY])
    def answer(self, request: Request, pk: int) -> Response:
        said = self.checked(WordsIn)
        if not self.get_queryset().filter(pk=pk).exists():
            raise NotFound("There is no such question, or it is not for you to see.")
        act = act_of(request, reason=said["text"])

        def do():
            services.answer(act, pk, said["text"], seen=said["version"])
            return QuestionOut(self.get_queryset().get(pk=pk)).data

        return self.answered(act, "answer", {"id": pk, "said": said}, do)
