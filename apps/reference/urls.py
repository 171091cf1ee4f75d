from django.urls import path

from . import api

app_name = "reference"
api_urlpatterns = [
    path("instruments/", api.Instruments.as_view({"get": "list"}), name="api-instruments"),
    path("constituents/", api.Constituents.as_view({"get": "list"}), name="api-constituents"),
    path("own-attributes/", api.OwnAttributes.as_view({"get": "listed"}), name="api-own-attributes"),
    path("own-values/", api.OwnAttributes.as_view({"post": "say"}), name="api-own-values-say"),
    path("own-values/<str:of>/", api.OwnAttributes.as_view({"get": "values"}), name="api-own-values"),
    path("instruments/<int:pk>/", api.Instruments.as_view({"get": "retrieve"}), name="api-instrument"),
]
