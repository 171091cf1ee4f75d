"""Addresses of compliance."""

from django.urls import path, re_path

from . import api, replay_views, views

app_name = "compliance"
PK = r"(?P<pk>[0-9]{1,18})"  # Acts on one thing are posted with or without the last slash.
api_urlpatterns = [
    path("reviews/", api.Reviews.as_view({"get": "list"}), name="api-reviews"),
    re_path(r"^reviews/decide/?$", api.Reviews.as_view({"post": "decide"}), name="api-reviews-decide"),
    path("reviews/<int:pk>/", api.Reviews.as_view({"get": "retrieve"}), name="api-review"),
    *(
        re_path(rf"^reviews/{PK}/{act.replace('_', '-')}/?$", api.Reviews.as_view({"post": act}), name=f"api-review-{act}")
        for act in ("approve", "send_back", "reject")
    ),
    path("overrides/", api.Overrides.as_view({"get": "list"}), name="api-overrides"),
    path("orders/<int:pk>/checks/", api.Checks.as_view({"get": "of_order"}), name="api-order-checks"),
    path("rules/", api.Rules.as_view({"get": "list", "post": "create"}), name="api-rules"),
    re_path(r"^proposals/try/?$", api.WhatIf.as_view({"post": "create"}), name="api-proposals-try"),
    path("replay/", api.Replays.as_view({"get": "of_day"}), name="api-replay"),
    path("replay/rules/", api.Replays.as_view({"get": "by_rules"}), name="api-replay-rules"),
    path("rules/measures/", api.Rules.as_view({"get": "measures"}), name="api-measures"),
    path("rules/<int:pk>/", api.Rules.as_view({"get": "retrieve"}), name="api-rule"),
    path("rules/<int:pk>/versions/", api.Rules.as_view({"get": "versions", "post": "new_version"}), name="api-rule-versions"),
    re_path(rf"^rules/{PK}/retire/?$", api.Rules.as_view({"post": "retire"}), name="api-rule-retire"),
    path("restrictions/", api.Restrictions.as_view({"get": "list", "post": "create"}), name="api-restrictions"),
    re_path(rf"^restrictions/{PK}/lift/?$", api.Restrictions.as_view({"post": "lift"}), name="api-restriction-lift"),
]
urlpatterns = [
    path("reviews/", views.reviews, name="reviews"),
    path("reviews/<int:review_id>/", views.review, name="review"),
    path("reviews/<int:review_id>/decide/", views.decide, name="decide"),
    path("orders/<int:order_id>/checks/", views.order_checks, name="order_checks"),
    path("proposals/try/", views.try_proposals, name="try_proposals"),
    path("replay/", replay_views.replay, name="replay"),
    path("rules/", views.rules, name="rules"),
    path("rules/<str:code>/", views.rule, name="rule"),
    path("restrictions/", views.restrictions, name="restrictions"),
    path("restrictions/new/", views.restrict, name="restrict"),
    path("restrictions/<int:restriction_id>/lift/", views.lift, name="lift"),
]
