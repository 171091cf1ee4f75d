from django.urls import path

from . import api

app_name = "marketdata"
api_urlpatterns = [
    path("quotes/", api.Quotes.as_view({"get": "list"}), name="api-quotes"),
    path("venue-quotes/", api.VenueQuotes.as_view({"get": "list", "post": "create"}), name="api-venue-quotes"),
    path("short-sale-breakers/", api.Breakers.as_view({"get": "list"}), name="api-breakers"),
    path("fx-rates/", api.Rates.as_view({"get": "list"}), name="api-fx-rates"),
]
