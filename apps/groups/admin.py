"""Which brokers take lists, and orders of several legs, as one message."""

from django.contrib import admin

from apps.reference.admin import KeptAdmin

from .models import ListBroker, PackageBroker


@admin.register(ListBroker)
class ListBrokerAdmin(KeptAdmin):
    writes = ("reference.write",)
    list_display = ("broker", "note")


@admin.register(PackageBroker)
class PackageBrokerAdmin(KeptAdmin):
    writes = ("reference.write",)
    list_display = ("broker", "reports", "note")
