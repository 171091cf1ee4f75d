"""The firm's default rules and own fields to other systems."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from apps.users.doors import ApiDoor

from . import selectors


class DefaultOut(serializers.Serializer):
    """A rule in force today. ``values`` is what it fills in where nothing was said."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    conditions = serializers.DictField(child=serializers.CharField(), help_text="all must hold; none asks nothing")
    values = serializers.DictField(child=serializers.CharField())


class OrderDefaults(ApiDoor, viewsets.ViewSet):
    permissions = ("orders.see",)

    @extend_schema(summary="The default rules in force today, in their order", responses=DefaultOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(DefaultOut(selectors.defaults_on(timezone.now().date()), many=True).data)


class OwnFieldOut(serializers.Serializer):
    """A field of the firm's own, as ``own`` of an order takes it by its code."""

    code = serializers.CharField()
    label = serializers.CharField()
    kind = serializers.CharField(help_text="text, number, date, yes_no or list")
    choices = serializers.JSONField(help_text="of a list its values, or by the value of its parent")
    parent = serializers.CharField(allow_null=True)
    is_asked = serializers.BooleanField(help_text="whoever types an order must say it")
    is_screened = serializers.BooleanField(help_text="compliance may ask for it: changing it opens an order again")


class OwnFields(ApiDoor, viewsets.ViewSet):
    permissions = ("orders.see",)

    @extend_schema(summary="The firm's own fields of orders", responses=OwnFieldOut(many=True))
    def list(self, request: Request) -> Response:
        return Response(OwnFieldOut(selectors.own_fields(), many=True).data)
