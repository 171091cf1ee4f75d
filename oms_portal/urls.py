"""Every address of the portal. A new one must also be put in the matrix of tests/house/test_doors.py."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

if settings.ENVIRONMENT == "simulation":
    admin.site.site_header = "OMS Portal reference data (simulation)"
