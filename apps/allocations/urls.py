"""Addresses of allocations."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from . import api, charge_api, views

app_name = "allocations"
router = SimpleRouter()
router.register("allocations", api.Allocations, basename="api-allocation")
router.register("commissions", charge_api.Charges, basename="api-charge")

api_urlpatterns = router.urls
urlpatterns = [
    path("allocations/", views.listing, name="list"),
    path("allocations/rows/", views.rows, name="rows"),
    path("allocations/blocks/<int:block_id>/", views.block, name="block"),
]
