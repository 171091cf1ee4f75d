"""Addresses of reporting."""

from django.urls import path

from . import api, cost_api, views

app_name = "reporting"
api_urlpatterns = [
    path("results/", api.Results.as_view({"get": "list"}), name="api-results"),
    path("realised-costs/", cost_api.RealisedCosts.as_view({"get": "list"}), name="api-realised-costs"),
]
urlpatterns = [path("results/", views.results, name="results")]
