"""Addresses of algorithms, for people and for other systems."""

from django.urls import path, re_path

from . import api, views, wheel_api, wheel_views

app_name = "algos"
PK = r"(?P<pk>[0-9]{1,18})"
ACTS = ("start", "pause", "resume", "stop", "change")
api_urlpatterns = [
    path("algos/", api.Algos.as_view({"get": "list"}), name="api-algos"),
    re_path(rf"^algos/{PK}/$", api.Algos.as_view({"get": "retrieve"}), name="api-algo"),
    *(re_path(rf"^algos/{PK}/{act}/?$", api.Algos.as_view({"post": act}), name=f"api-algo-{act}") for act in ACTS),
    re_path(rf"^blocks/{PK}/algos/?$", api.BlockAlgos.as_view({"post": "plan"}), name="api-block-algos"),
    re_path(rf"^blocks/{PK}/algos/preview/?$", api.BlockAlgos.as_view({"post": "preview"}), name="api-block-algos-preview"),
    path("wheels/", wheel_api.Wheels.as_view({"get": "list"}), name="api-wheels"),
    path("wheel-changes/", wheel_api.WheelChanges.as_view({"get": "list", "post": "create"}), name="api-wheel-changes"),
    *(
        re_path(rf"^wheel-changes/{PK}/{act}/?$", wheel_api.WheelChanges.as_view({"post": act}), name=f"api-wheel-change-{act}")
        for act in ("approve", "refuse", "drop")
    ),
    path("wheel-seasons/", wheel_api.Seasons.as_view({"get": "list"}), name="api-seasons"),
    re_path(rf"^wheel-seasons/{PK}/report/$", wheel_api.Seasons.as_view({"get": "report"}), name="api-season-report"),
    re_path(rf"^wheel-seasons/{PK}/close/?$", wheel_api.Seasons.as_view({"post": "close"}), name="api-season-close"),
    path("wheel-draws/", wheel_api.Draws.as_view({"get": "list"}), name="api-draws"),
    re_path(rf"^wheel-draws/{PK}/route/?$", wheel_api.Draws.as_view({"post": "route"}), name="api-draw-route"),
    re_path(rf"^wheel-draws/{PK}/set-aside/?$", wheel_api.Draws.as_view({"post": "set_aside"}), name="api-draw-set-aside"),
    re_path(rf"^blocks/{PK}/draws/?$", wheel_api.Draws.as_view({"post": "make"}), name="api-block-draws"),
]
urlpatterns = [
    path("algos/", views.algos, name="list"),
    path("algos/of/<int:block_id>/", views.of_block, name="of_block"),
    path("algos/wheels/", wheel_views.wheels, name="wheels"),
    path("algos/wheels/new/", wheel_views.propose, name="wheel_propose"),
    path("algos/wheels/<int:wheel_id>/", wheel_views.wheel, name="wheel"),
    path("algos/wheels/<int:wheel_id>/draw/<int:block_id>/", wheel_views.draw, name="draw"),
    path("algos/wheels/changes/<int:change_id>/", wheel_views.change, name="wheel_change"),
    path("algos/wheels/changes/<int:change_id>/decide/", wheel_views.decide, name="wheel_decide"),
    path("algos/wheels/seasons/<int:season_id>/verify/", wheel_views.verify, name="verify"),
    path("algos/wheels/seasons/<int:season_id>/close/", wheel_views.close, name="season_close"),
    path("algos/wheels/draws/<int:draw_id>/", wheel_views.one_draw, name="one_draw"),
    path("algos/wheels/draws/<int:draw_id>/use/", wheel_views.use, name="use_draw"),
    path("algos/new/<int:block_id>/", views.ticket, name="ticket"),
    path("algos/<int:algo_id>/", views.algo, name="algo"),
    path("algos/<int:algo_id>/change/", views.change, name="change"),
    *(path(f"algos/<int:algo_id>/{act}/", getattr(views, act), name=act) for act in ("start", "pause", "resume", "stop")),
]
