from django.urls import path

from . import api

app_name = "reference"
api_urlpatterns = [
    path("instruments/", api.Instruments.as_view({"get": "list"}), name="api-instruments"),
    path("constituents/", api.Constituents.as_view({"get": "list"}), name="api-constituents"),
    path("instruments/<int:pk>/", api.Instruments.as_view({"get": "retrieve"}), name="api-instrument"),
]
