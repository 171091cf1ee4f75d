"""Which brokers take lists as one message."""

from django.contrib import admin

from apps.reference.admin import KeptAdmin

from .models import ListBroker


@admin.register(ListBroker)
class ListBrokerAdmin(KeptAdmin):
    writes = ("reference.write",)
    list_display = ("broker", "note")
