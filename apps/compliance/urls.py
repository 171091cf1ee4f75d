"""Addresses of compliance."""

from django.urls import path, re_path

from . import (
    api,
    build_views,
    library_views,
    limit_views,
    lists_views,
    position_limit_views,
    replay_views,
    room_views,
    rule_views,
    sanctions_views,
    views,
)
from .api.horizon import CashHorizon
from .api.limits import TradingLimits
from .api.position_limits import PositionLimits

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
    re_path(rf"^reviews/{PK}/ask/?$", api.Reviews.as_view({"post": "ask"}), name="api-review-ask"),
    path("questions/", api.Questions.as_view({"get": "list"}), name="api-questions"),
    re_path(rf"^questions/{PK}/answer/?$", api.Questions.as_view({"post": "answer"}), name="api-question-answer"),
    path("checks/<int:pk>/evidence/", api.Checks.as_view({"get": "evidence"}), name="api-check-evidence"),
    path("checks/<int:pk>/evidence/pdf/", api.Checks.as_view({"get": "evidence_pdf"}), name="api-check-evidence-pdf"),
    path("overrides/", api.Overrides.as_view({"get": "list"}), name="api-overrides"),
    path("orders/<int:pk>/checks/", api.Checks.as_view({"get": "of_order"}), name="api-order-checks"),
    path("rules/", api.Rules.as_view({"get": "list"}), name="api-rules"),
    re_path(r"^proposals/try/?$", api.WhatIf.as_view({"post": "create"}), name="api-proposals-try"),
    path("shared-room/", api.SharedRoom.as_view({"get": "list"}), name="api-shared-room"),
    re_path(r"^shared-room/reserve/?$", api.SharedRoom.as_view({"post": "reserve"}), name="api-room-reserve"),
    re_path(rf"^shared-room/{PK}/release/?$", api.SharedRoom.as_view({"post": "release"}), name="api-room-release"),
    path("replay/", api.Replays.as_view({"get": "of_day"}), name="api-replay"),
    path("replay/rules/", api.Replays.as_view({"get": "by_rules"}), name="api-replay-rules"),
    path("rules/measures/", api.Rules.as_view({"get": "measures"}), name="api-measures"),
    path("rules/file/", api.Rules.as_view({"get": "export"}), name="api-rules-file"),
    re_path(r"^rule-drafts/take/?$", api.Drafts.as_view({"post": "take"}), name="api-rule-drafts-take"),
    path("rules/<int:pk>/", api.Rules.as_view({"get": "retrieve"}), name="api-rule"),
    path("rules/<int:pk>/versions/", api.Rules.as_view({"get": "versions"}), name="api-rule-versions"),
    path("rules/library/", api.Library.as_view({"get": "listed"}), name="api-rule-library"),
    re_path(r"^rules/library/take/?$", api.Library.as_view({"post": "take"}), name="api-rule-library-take"),
    path("rule-drafts/", api.Drafts.as_view({"get": "list", "post": "create"}), name="api-rule-drafts"),
    re_path(r"^rule-drafts/end/?$", api.Drafts.as_view({"post": "end"}), name="api-rule-drafts-end"),
    path("rule-drafts/<int:pk>/", api.Drafts.as_view({"get": "retrieve"}), name="api-rule-draft"),
    *(
        re_path(rf"^rule-drafts/{PK}/{act}/?$", api.Drafts.as_view({"post": act}), name=f"api-rule-draft-{act}")
        for act in ("edit", "propose", "approve", "refuse", "drop")
    ),
    path("rule-drafts/<int:pk>/bench/", api.Drafts.as_view({"get": "bench"}), name="api-rule-draft-bench"),
    path("rule-drafts/<int:pk>/history/", api.Drafts.as_view({"get": "history"}), name="api-rule-draft-history"),
    path("portfolios/<int:pk>/horizon/", CashHorizon.as_view({"get": "retrieve"}), name="api-cash-horizon"),
    path("position-limits/", PositionLimits.as_view({"get": "list", "post": "create"}), name="api-position-limits"),
    re_path(r"^position-limits/import/?$", PositionLimits.as_view({"post": "upload"}), name="api-position-limits-import"),
    re_path(rf"^position-limits/{PK}/end/?$", PositionLimits.as_view({"post": "end"}), name="api-position-limit-end"),
    path("trading-limits/", TradingLimits.as_view({"get": "list"}), name="api-trading-limits"),
    re_path(r"^restrictions/import/?$", api.Restrictions.as_view({"post": "upload"}), name="api-restrictions-import"),
    path("sanctions/lists/", api.SanctionsLists.as_view({"get": "list"}), name="api-sanctions-lists"),
    path("sanctions/matches/", api.Matches.as_view({"get": "list"}), name="api-matches"),
    *(
        re_path(rf"^sanctions/matches/{PK}/{act}/?$", api.Matches.as_view({"post": act}), name=f"api-match-{act}")
        for act in ("confirm", "clear")
    ),
    path("list-hits/", api.ListHits.as_view({"get": "list"}), name="api-list-hits"),
    path("restrictions/", api.Restrictions.as_view({"get": "list", "post": "create"}), name="api-restrictions"),
    re_path(rf"^restrictions/{PK}/lift/?$", api.Restrictions.as_view({"post": "lift"}), name="api-restriction-lift"),
]
urlpatterns = [
    path("reviews/", views.reviews, name="reviews"),
    path("reviews/<int:review_id>/", views.review, name="review"),
    path("reviews/<int:review_id>/decide/", views.decide, name="decide"),
    path("reviews/<int:review_id>/ask/", views.ask, name="ask"),
    path("checks/<int:check_id>/evidence.json", views.evidence_json, name="evidence_json"),
    path("checks/<int:check_id>/evidence.pdf", views.evidence_pdf, name="evidence_pdf"),
    path("orders/<int:order_id>/questions/<int:question_id>/answer/", views.answer, name="answer"),
    path("orders/<int:order_id>/checks/", views.order_checks, name="order_checks"),
    path("proposals/try/", views.try_proposals, name="try_proposals"),
    path("room/", room_views.room, name="room"),
    path("room/reserve/", room_views.reserve, name="reserve_room"),
    path("room/release/", room_views.release, name="release_room"),
    path("replay/", replay_views.replay, name="replay"),
    path("rules/", rule_views.rules, name="rules"),
    path("rules/<str:code>/", build_views.rule, name="rule"),
    path("rules/<str:code>/end/", rule_views.end_rule, name="rule_end"),
    path("rule-library/", library_views.library, name="library"),
    path("rule-file/", rule_views.rule_file, name="rule_file"),
    path("rule-file/take/", rule_views.take_file, name="take_file"),
    path("rule-drafts/", rule_views.drafts, name="drafts"),
    path("rule-drafts/new/", build_views.new_rule, name="new_rule"),
    path("rule-drafts/limits/", build_views.limits, name="rule_limits"),
    path("rule-drafts/try/", build_views.try_rule, name="try_rule"),
    path("rule-drafts/<int:draft_id>/edit/", build_views.edit, name="draft_edit"),
    path("rule-drafts/<int:draft_id>/", rule_views.draft, name="draft"),
    path("rule-drafts/<int:draft_id>/history/", rule_views.history, name="draft_history"),
    path("rule-drafts/<int:draft_id>/act/", rule_views.act_on_draft, name="draft_act"),
    path("portfolios/<int:portfolio_id>/horizon/", limit_views.cash_horizon, name="cash_horizon"),
    path("trading-limits/", limit_views.trading_limits, name="trading_limits"),
    path("position-limits/", position_limit_views.position_limits, name="position_limits"),
    path("position-limits/new/", position_limit_views.add, name="add_position_limit"),
    path("position-limits/import/", position_limit_views.upload, name="import_position_limits"),
    path("position-limits/<int:limit_id>/end/", position_limit_views.end, name="end_position_limit"),
    path("restrictions/", lists_views.restrictions, name="restrictions"),
    path("restrictions/new/", lists_views.restrict, name="restrict"),
    path("restrictions/import/", lists_views.upload, name="import_listings"),
    path("sanctions/", sanctions_views.sanctions, name="sanctions"),
    path("sanctions/<int:match_id>/decide/", sanctions_views.decide_match, name="decide_match"),
    path("list-hits/", lists_views.hits, name="list_hits"),
    path("restrictions/<int:restriction_id>/lift/", lists_views.lift, name="lift"),
]
