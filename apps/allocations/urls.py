"""Addresses of allocations."""

from rest_framework.routers import SimpleRouter

from . import api

app_name = "allocations"
router = SimpleRouter()
router.register("allocations", api.Allocations, basename="api-allocation")

api_urlpatterns = router.urls
urlpatterns: list = []
