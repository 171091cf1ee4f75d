"""Addresses of settlement."""

from rest_framework.routers import SimpleRouter

from . import api

app_name = "settlement"
router = SimpleRouter()
router.register("confirmations", api.Confirmations, basename="api-confirmation")
router.register("instructions", api.Instructions, basename="api-instruction")

api_urlpatterns = router.urls
urlpatterns: list = []
