from django.urls import path

from . import api, built_in, record, tree, views
from .lists import api as lists_api
from .lists import views as lists
from .portfolios.api import DayPnl

app_name = "desk"
api_urlpatterns = [
    path("record/", api.Record.as_view({"get": "list"}), name="api-record"),
    path("portfolios/<int:pk>/pnl/", DayPnl.as_view({"get": "retrieve"}), name="api-portfolio-pnl"),
    path("views/", lists_api.Views.as_view({"get": "list", "post": "create"}), name="api-views"),
    path(
        "views/<int:pk>/",
        lists_api.Views.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        name="api-view",
    ),
    path("rules/built-in/", api.BuiltInRules.as_view({"get": "listed"}), name="api-built-in-rules"),
    path("events/", api.Events.as_view({"get": "list"}), name="api-events"),
]
urlpatterns = [
    path("", views.home, name="home"),
    path("desk/find/", views.find, name="find"),
    path("desk/health/", views.health, name="health"),
    path("desk/parts/", views.parts, name="parts"),
    path("desk/parts/check/", views.check, name="check"),
    path("desk/parts/again/", views.try_again, name="try_again"),
    path("desk/below/<str:subject>/<int:subject_id>/", tree.below, name="tree"),
    path("desk/views/<str:sheet>/", lists.arrange, name="arrange"),
    path("desk/views/<str:sheet>/widths/", lists.widths, name="widths"),
    path("desk/views/<str:sheet>/stands/", lists.stands, name="view_stands"),
    path("desk/views/<str:sheet>/remove/", lists.remove, name="remove_view"),
    path("rule-library/built-in/", built_in.built_in, name="built_in"),
    path("record/", record.search, name="record"),
    path("record/verify/", record.verify, name="verify"),
    path("record/<str:subject>/<int:subject_id>/", record.timeline, name="timeline"),
]
