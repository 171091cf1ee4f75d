"""Addresses of reporting."""

from django.urls import path

from . import api, views

app_name = "reporting"
api_urlpatterns = [path("results/", api.Results.as_view({"get": "list"}), name="api-results")]
urlpatterns = [path("results/", views.results, name="results")]
