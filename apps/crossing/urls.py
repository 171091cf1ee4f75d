"""Addresses of crosses for other systems; the pages join across apps, so the desk has them."""

from django.urls import path, re_path

from .api import ACTS, Crosses

PK = r"(?P<pk>[0-9]{1,18})"
api_urlpatterns = [
    path("crosses/", Crosses.as_view({"get": "list", "post": "create"}), name="api-crosses"),
    path("crosses/<int:pk>/", Crosses.as_view({"get": "retrieve"}), name="api-cross"),
    path(
        "oppositions/<int:pk>/eligibility/", Crosses.as_view({"get": "eligibility"}), name="api-opposition-eligibility"
    ),
    *(
        re_path(rf"^crosses/{PK}/{act}/?$", Crosses.as_view({"post": act}), name=f"api-cross-{act}") for act in ACTS
    ),
]
