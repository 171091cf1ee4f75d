"""Addresses of matrices, for people and for programs."""

from django.urls import path, re_path

from . import api, views

app_name = "certification"
PK = r"(?P<pk>[0-9]{1,18})"
api_urlpatterns = [
    path("matrices/plays/", api.Plays.as_view({"get": "listed", "post": "play"}), name="api-plays"),
    re_path(rf"^matrices/reports/{PK}/?$", api.Reports.as_view({"get": "retrieve"}), name="api-matrix-report"),
]
urlpatterns = [
    path("matrices/", views.matrices, name="matrices"),
    path("matrices/plays/", views.plays, name="plays"),
    path("matrices/report/<int:session_id>/", views.report, name="report"),
]
