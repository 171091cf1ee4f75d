from django.urls import path

from . import api, record, views
from .portfolios.api import DayPnl

app_name = "desk"
api_urlpatterns = [
    path("record/", api.Record.as_view({"get": "list"}), name="api-record"),
    path("portfolios/<int:pk>/pnl/", DayPnl.as_view({"get": "retrieve"}), name="api-portfolio-pnl"),
]
urlpatterns = [
    path("", views.home, name="home"),
    path("desk/find/", views.find, name="find"),
    path("desk/health/", views.health, name="health"),
    path("desk/parts/", views.parts, name="parts"),
    path("desk/parts/check/", views.check, name="check"),
    path("desk/parts/again/", views.try_again, name="try_again"),
    path("record/", record.search, name="record"),
    path("record/verify/", record.verify, name="verify"),
    path("record/<str:subject>/<int:subject_id>/", record.timeline, name="timeline"),
]
