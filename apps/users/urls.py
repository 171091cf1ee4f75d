"""Addresses of people's own tokens."""

from django.urls import path

from . import api, views

app_name = "users"
api_urlpatterns = [path("token/", api.Tokens.as_view(), name="api-token")]
urlpatterns = [
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:token_id>/end/", views.end_token, name="end_token"),
]
