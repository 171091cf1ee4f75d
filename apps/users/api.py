"""Sign-in of other systems: a token for a password, once."""

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth import authenticate, user_logged_in
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.edges import act_of
from apps.core.refusals import NotAllowed

from . import services


class NeedsSecondFactor(NotAllowed):
    """A password alone does not let this person in."""


class TokenIn(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
    name = serializers.CharField(
        max_length=40, default="API", help_text="the system that will use the token; one of the same name ends"
    )


class TokenOut(serializers.Serializer):
    token = serializers.CharField(help_text="send it as “Authorization: Token …”; it is shown this once")


class Tokens(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        """A wrong password is a 401, though this address itself asks for no sign-in."""
        return "Token"

    @extend_schema(
        summary="A token for a name and a password",
        description="Wrong passwords count towards the same lock-out as the page's (429). People with a second factor"
        " make their token on the page.",
        request=TokenIn,
        responses={201: TokenOut},
        operation_id="token_create",
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """
        :raises AuthenticationFailed: for a wrong name or password, the same answer to both
        :raises NeedsSecondFactor: for a person who signs in with two factors
        """
        asked = TokenIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        http = request._request  # Where the lock-out looks for what was tried.
        person = authenticate(http, username=said["username"], password=said["password"])
        if person is None:
            raise AuthenticationFailed("No person has this name and password.")
        if is_mfa_enabled(person):
            raise NeedsSecondFactor(
                "You sign in with a second factor, so a password alone gets no token. Sign in on the page and make one"
                " under your name, “API tokens”."
            )
        user_logged_in.send(sender=type(person), request=http, user=person)
        http.user = person
        return Response({"token": services.make_token(act_of(http), said["name"])}, status=status.HTTP_201_CREATED)
