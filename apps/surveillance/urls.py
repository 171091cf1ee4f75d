"""Addresses of surveillance."""

from django.urls import path, re_path

from . import api, views

app_name = "surveillance"
PK = r"(?P<pk>[0-9]{1,18})"  # Acts on one thing are posted with or without the last slash.
api_urlpatterns = [
    path("surveillance/days/", api.Days.as_view({"get": "list", "post": "create"}), name="api-surveillance-days"),
    path("surveillance/days/<str:on>/", api.Days.as_view({"get": "retrieve"}), name="api-surveillance-day"),
    path("surveillance/days/<str:on>/again/", api.Days.as_view({"get": "again"}), name="api-surveillance-day-again"),
    re_path(r"^surveillance/days/(?P<on>[0-9-]{1,12})/sign/?$", api.Days.as_view({"post": "sign"}), name="api-surveillance-day-sign"),
    path("filings/", api.Filings.as_view({"get": "list"}), name="api-filings"),
    re_path(rf"^filings/{PK}/made/?$", api.Filings.as_view({"post": "made"}), name="api-filing-made"),
    re_path(rf"^filings/{PK}/not-needed/?$", api.Filings.as_view({"post": "not_needed"}), name="api-filing-not-needed"),
    path("incidents/", api.Incidents.as_view({"get": "list"}), name="api-incidents"),
    re_path(r"^incidents/assign/?$", api.Incidents.as_view({"post": "assign"}), name="api-incidents-assign"),
    re_path(r"^incidents/close/?$", api.Incidents.as_view({"post": "close"}), name="api-incidents-close"),
    path("incidents/<int:pk>/", api.Incidents.as_view({"get": "retrieve"}), name="api-incident"),
    re_path(rf"^incidents/{PK}/note/?$", api.Incidents.as_view({"post": "note"}), name="api-incident-note"),
    re_path(rf"^incidents/{PK}/time/?$", api.Incidents.as_view({"post": "time"}), name="api-incident-time"),
]
urlpatterns = [
    path("surveillance/", views.days, name="days"),
    path("surveillance/report/", views.report, name="report"),
    path("surveillance/assign/", views.assign, name="assign"),
    path("surveillance/incidents/<int:incident_id>/", views.incident, name="incident"),
    path("surveillance/incidents/<int:incident_id>/work/", views.work, name="work"),
    path("surveillance/filings/<int:filing_id>/", views.filing, name="filing"),
    path("surveillance/<str:on>/", views.day, name="day"),
    path("surveillance/<str:on>/sign/", views.sign, name="sign"),
]
