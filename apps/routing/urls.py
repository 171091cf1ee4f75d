from django.urls import path, re_path

from . import (
    alert_api,
    alert_views,
    api,
    halt_api,
    halt_views,
    message_api,
    rule_api,
    rule_views,
    session_api,
    staging_api,
    staging_views,
    strategy_api,
    strategy_views,
    throttle_api,
    throttle_views,
    views,
    wire_api,
    wire_views,
)

app_name = "routing"
PK = r"(?P<pk>[0-9]{1,18})"  # Acts on one thing are posted with or without the last slash.
api_urlpatterns = [
    path("routes/", api.Routes.as_view({"get": "list"}), name="api-routes"),
    re_path(rf"^routes/{PK}/$", api.Routes.as_view({"get": "retrieve"}), name="api-route"),
    re_path(rf"^routes/{PK}/cancel/?$", api.Routes.as_view({"post": "cancel"}), name="api-route-cancel"),
    re_path(rf"^routes/{PK}/replace/?$", api.Routes.as_view({"post": "replace"}), name="api-route-replace"),
    re_path(rf"^blocks/{PK}/route/?$", api.BlockRoutes.as_view({"post": "route"}), name="api-block-route"),
    path("cost-estimates/", api.CostEstimates.as_view({"get": "list"}), name="api-cost-estimates"),
    path("routing-rules/", rule_api.RoutingRules.as_view({"get": "list"}), name="api-routing-rules"),
    re_path(rf"^routing-rules/{PK}/stop/?$", rule_api.RoutingRules.as_view({"post": "stop"}), name="api-routing-rule-stop"),
    path(
        "routing-rule-changes/", rule_api.RuleChanges.as_view({"get": "list", "post": "create"}), name="api-routing-rule-changes"
    ),
    *(
        re_path(rf"^routing-rule-changes/{PK}/{act}/?$", rule_api.RuleChanges.as_view({"post": act}), name=f"api-routing-rule-{act}")
        for act in ("approve", "refuse", "drop")
    ),
    path("venue-accesses/", rule_api.VenueAccesses.as_view({"get": "list"}), name="api-venue-accesses"),
    path("routing-decisions/", rule_api.Decisions.as_view({"get": "list"}), name="api-routing-decisions"),
    path("executions/", api.Executions.as_view({"get": "list"}), name="api-executions"),
    path("inquiries/", api.Inquiries.as_view({"get": "list"}), name="api-inquiries"),
    re_path(rf"^inquiries/{PK}/$", api.Inquiries.as_view({"get": "retrieve"}), name="api-inquiry"),
    re_path(rf"^inquiries/{PK}/award/?$", api.Inquiries.as_view({"post": "award"}), name="api-inquiry-award"),
    re_path(rf"^inquiries/{PK}/pass/?$", api.Inquiries.as_view({"post": "pass_on"}), name="api-inquiry-pass"),
    path("alerts/", alert_api.Alerts.as_view({"get": "list"}), name="api-alerts"),
    path("alerts/counts/", alert_api.Alerts.as_view({"get": "counts"}), name="api-alert-counts"),
    re_path(rf"^alerts/{PK}/acknowledge/?$", alert_api.Alerts.as_view({"post": "acknowledge"}), name="api-alert-acknowledge"),
    re_path(rf"^alerts/{PK}/snooze/?$", alert_api.Alerts.as_view({"post": "snooze"}), name="api-alert-snooze"),
    path("quarantine/", message_api.Quarantine.as_view({"get": "list"}), name="api-quarantine"),
    re_path(rf"^quarantine/{PK}/$", message_api.Quarantine.as_view({"get": "retrieve"}), name="api-quarantined"),
    re_path(rf"^quarantine/{PK}/settle/?$", message_api.Quarantine.as_view({"post": "settle"}), name="api-quarantined-settle"),
    path("throttles/", throttle_api.Throttles.as_view({"get": "list", "post": "create"}), name="api-throttles"),
    re_path(rf"^throttles/{PK}/change/?$", throttle_api.Throttles.as_view({"post": "change"}), name="api-throttle-change"),
    re_path(rf"^throttles/{PK}/end/?$", throttle_api.Throttles.as_view({"post": "end"}), name="api-throttle-end"),
    path("broker-strategies/", strategy_api.BrokerStrategies.as_view({"get": "list"}), name="api-broker-strategies"),
    re_path(rf"^broker-strategies/{PK}/$", strategy_api.BrokerStrategies.as_view({"get": "retrieve"}), name="api-broker-strategy"),
    re_path(
        rf"^broker-strategies/{PK}/fill/?$", strategy_api.BrokerStrategies.as_view({"post": "fill"}), name="api-broker-strategy-fill"
    ),
    path("strategy-files/", strategy_api.StrategyFiles.as_view({"get": "list", "post": "create"}), name="api-strategy-files"),
    *(
        re_path(rf"^strategy-files/{PK}/{act}/?$", strategy_api.StrategyFiles.as_view({"post": act}), name=f"api-strategy-file-{act}")
        for act in ("approve", "decline", "end")
    ),
    path("halts/", halt_api.Halts.as_view({"get": "list", "post": "create"}), name="api-halts"),
    re_path(rf"^halts/{PK}/$", halt_api.Halts.as_view({"get": "retrieve"}), name="api-halt"),
    re_path(rf"^halts/{PK}/cancel/?$", halt_api.Halts.as_view({"post": "cancel"}), name="api-halt-cancel"),
    re_path(rf"^halts/{PK}/lift/?$", halt_api.Halts.as_view({"post": "lift"}), name="api-halt-lift"),
    path("fix-messages/", wire_api.FixMessages.as_view({"get": "list"}), name="api-fix-messages"),
    re_path(rf"^fix-messages/{PK}/$", wire_api.FixMessages.as_view({"get": "retrieve"}), name="api-fix-message"),
    path("fix-sessions/", session_api.Sessions.as_view({"get": "list"}), name="api-fix-sessions"),
    re_path(
        rf"^fix-sessions/{PK}/$", session_api.Sessions.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="api-fix-session",
    ),
    path(
        "staging-sessions/", staging_api.StagingSessions.as_view({"get": "list", "post": "create"}), name="api-staging-sessions"
    ),
    re_path(
        rf"^staging-sessions/{PK}/$",
        staging_api.StagingSessions.as_view({"get": "retrieve", "patch": "partial_update"}), name="api-staging-session",
    ),
    re_path(
        rf"^staging-sessions/{PK}/grants/?$", staging_api.StagingSessions.as_view({"post": "ask"}),
        name="api-staging-session-grants",
    ),
    path("staging-grants/", staging_api.Grants.as_view({"get": "list"}), name="api-staging-grants"),
    re_path(rf"^staging-grants/{PK}/$", staging_api.Grants.as_view({"get": "retrieve"}), name="api-staging-grant"),
    *(
        re_path(rf"^staging-grants/{PK}/{act}/?$", staging_api.Grants.as_view({"post": act}), name=f"api-staging-grant-{act}")
        for act in ("confirm", "decline", "end")
    ),
    path("staged-messages/", staging_api.StagedMessages.as_view({"get": "list"}), name="api-staged-messages"),
]
urlpatterns = [
    path("routes/", views.routes, name="routes"),
    path("routes/rows/", views.route_rows, name="route_rows"),
    path("routes/costs/<int:block_id>/", views.costs_of, name="costs_of"),
    path("routes/cancel/", views.cancel, name="cancel"),
    path("routes/<int:route_id>/", views.route, name="route"),
    path("inquiries/", views.inquiries, name="inquiries"),
    path("inquiries/rows/", views.inquiry_rows, name="inquiry_rows"),
    path("inquiries/<int:inquiry_id>/", views.inquiry, name="inquiry"),
    path("inquiries/<int:inquiry_id>/award/", views.award, name="award"),
    path("inquiries/<int:inquiry_id>/pass/", views.pass_on, name="pass"),
    path("alerts/", alert_views.listed, name="alerts"),
    path("alerts/of/<int:block_id>/", alert_views.of_block, name="alerts_of"),
    path("alerts/acknowledge/", alert_views.acknowledge, name="alert_acknowledge"),
    path("alerts/snooze/", alert_views.snooze, name="alert_snooze"),
    path("routing-rules/", rule_views.rules, name="rules"),
    path("routing-rules/new/", rule_views.propose, name="rule_propose"),
    path("routing-rules/<int:rule_id>/", rule_views.rule, name="rule"),
    path("routing-rules/<int:rule_id>/stop/", rule_views.stop, name="rule_stop"),
    path("routing-rules/changes/<int:change_id>/", rule_views.change, name="rule_change"),
    path("routing-rules/changes/<int:change_id>/decide/", rule_views.decide, name="rule_decide"),
    path("routing-rules/venues/", rule_views.venues, name="venues"),
    path("routing-rules/decisions/", rule_views.decisions, name="decisions"),
    path("routing-rules/decisions/<int:block_id>/", rule_views.decisions_of, name="decisions_of"),
    path("throttles/", throttle_views.throttles, name="throttles"),
    path("throttles/new/", throttle_views.set_throttle, name="throttle_set"),
    path("throttles/<int:throttle_id>/change/", throttle_views.change_throttle, name="throttle_change"),
    path("throttles/<int:throttle_id>/end/", throttle_views.end_throttle, name="throttle_end"),
    path("strategies/", strategy_views.strategies, name="strategies"),
    path("strategies/load/", strategy_views.load, name="strategies_load"),
    path("strategies/files/<int:file_id>/approve/", strategy_views.approve, name="strategies_approve"),
    path("strategies/files/<int:file_id>/decline/", strategy_views.decline, name="strategies_decline"),
    path("strategies/files/<int:file_id>/end/", strategy_views.end, name="strategies_end"),
    path("strategies/<int:strategy_id>/", strategy_views.strategy, name="strategy"),
    path("strategies/<int:strategy_id>/route/<int:block_id>/", strategy_views.route, name="strategy_route"),
    path("halts/", halt_views.halts, name="halts"),
    path("halts/set/", halt_views.set_halt, name="halt_set"),
    path("halts/<int:halt_id>/again/", halt_views.ask_again, name="halt_again"),
    path("halts/<int:halt_id>/lift/", halt_views.lift, name="halt_lift"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/staged/", staging_views.staged, name="staged"),
    path("sessions/staged/<int:message_id>/", staging_views.one, name="staged_one"),
    path("sessions/<int:session_id>/grants/", staging_views.ask, name="grant_ask"),
    path("sessions/grants/<int:grant_id>/confirm/", staging_views.confirm, name="grant_confirm"),
    path("sessions/grants/<int:grant_id>/decline/", staging_views.decline, name="grant_decline"),
    path("sessions/grants/<int:grant_id>/end/", staging_views.end, name="grant_end"),
    path("messages/", wire_views.messages, name="messages"),
    path("messages/<int:message_id>/", wire_views.message, name="message"),
    path("sessions/messages/<int:message_id>/", views.settle_message, name="settle_message"),
]
