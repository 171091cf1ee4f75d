from django.urls import path, re_path

from . import views
from .api import ACTS, LinkedGroups

PK = r"(?P<pk>[0-9]{1,18})"
app_name = "groups"
urlpatterns = [
    path("linked/", views.listed, name="list"),
    path("linked/compose/", views.compose, name="compose"),
    path("linked/<int:group_id>/", views.detail, name="detail"),
    *(path(f"linked/<int:group_id>/{act}/", getattr(views, act), name=act) for act in (*ACTS, "wave", "change")),
]
api_urlpatterns = [
    path("linked-groups/", LinkedGroups.as_view({"get": "list", "post": "create"}), name="api-linked-groups"),
    path("linked-groups/proposed/", LinkedGroups.as_view({"get": "proposed"}, pagination_class=None), name="api-linked-groups-proposed"),
    path("linked-groups/<int:pk>/", LinkedGroups.as_view({"get": "retrieve"}), name="api-linked-group"),
    path("linked-groups/<int:pk>/package/", LinkedGroups.as_view({"get": "package"}), name="api-linked-group-package"),
    path("linked-groups/<int:pk>/program/", LinkedGroups.as_view({"get": "program"}), name="api-linked-group-program"),
    *(
        re_path(rf"^linked-groups/{PK}/{act}/?$", LinkedGroups.as_view({"post": act}), name=f"api-linked-group-{act}")
        for act in (*ACTS, "wave", "change")
    ),
]
