"""Addresses of algorithms, for people and for other systems."""

from django.urls import path, re_path

from . import api, views

app_name = "algos"
PK = r"(?P<pk>[0-9]{1,18})"
ACTS = ("start", "pause", "resume", "stop", "change")
api_urlpatterns = [
    path("algos/", api.Algos.as_view({"get": "list"}), name="api-algos"),
    re_path(rf"^algos/{PK}/$", api.Algos.as_view({"get": "retrieve"}), name="api-algo"),
    *(re_path(rf"^algos/{PK}/{act}/?$", api.Algos.as_view({"post": act}), name=f"api-algo-{act}") for act in ACTS),
    re_path(rf"^blocks/{PK}/algos/?$", api.BlockAlgos.as_view({"post": "plan"}), name="api-block-algos"),
    re_path(rf"^blocks/{PK}/algos/preview/?$", api.BlockAlgos.as_view({"post": "preview"}), name="api-block-algos-preview"),
]
urlpatterns = [
    path("algos/", views.algos, name="list"),
    path("algos/of/<int:block_id>/", views.of_block, name="of_block"),
    path("algos/new/<int:block_id>/", views.ticket, name="ticket"),
    path("algos/<int:algo_id>/", views.algo, name="algo"),
    path("algos/<int:algo_id>/change/", views.change, name="change"),
    *(path(f"algos/<int:algo_id>/{act}/", getattr(views, act), name=act) for act in ("start", "pause", "resume", "stop")),
]
