"""
Every address and who may knock (fault R11). A new URL fails here until somebody decides.

Tried with every role, a signed-in stranger without a role, and nobody, by GET and by POST. Whoever may not is refused
before anything is looked up: pages and API answer 403, nobody is sent to sign in (pages) or answered 401 or 403 (API).
"""

from itertools import product

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

M, T, C, O, A, X = "mira", "tom", "omar", "olga", "ada", "alan"  # noqa: E741
ALL = {M, T, C, O, A, X}
FLOOR = {M, T, C, O, A}
PUBLIC = "public"  # Signing in and out.
SIGNED_IN = "signed in"  # Whoever has signed in, of any role or none: their own account.

MATRIX: dict[str, set[str] | str] = {
    # Homes and what joins across apps
    "desk:home": ALL, "desk:find": ALL, "desk:health": ALL,
    "desk:parts": {C, O, A, X}, "desk:check": {C, O, A, X}, "desk:try_again": {O, X},
    "desk:record": {C, A}, "desk:verify": {A}, "desk:timeline": ALL,
    "desk:arrange": ALL, "desk:widths": ALL, "desk:remove_view": ALL, "desk:view_stands": ALL, "desk:tree": FLOOR,
    # Portfolios and results
    "portfolios:plans": {M, C, O, A}, "api-plans": {M, C, O, A}, "api-plan-parties": {M, C, O, A},
    "portfolios:list": {M, C, O, A}, "portfolios:detail": {M, C, O, A}, "reporting:results": FLOOR,
    "costs:report": FLOOR, "costs:file": FLOOR, "api-realised-costs": FLOOR,
    # Orders
    "orders:list": FLOOR, "orders:rows": FLOOR, "orders:export": FLOOR, "orders:detail": FLOOR,
    "orders:defaults": FLOOR, "api-order-defaults": FLOOR, "orders:own": {M}, "api-own-fields": FLOOR,
    "api-order-fields": {M},
    "orders:evidence": FLOOR, "orders:document": FLOOR, "orders:attach_locate": {M, T, C}, "orders:release_locate": {M, T, C},
    "orders:add_document": {M, T, C}, "api-order-locates": FLOOR, "api-order-locate-release": {M, T, C},
    "api-order-documents": FLOOR,
    "orders:ticket": {M}, "orders:instruments": {M}, "orders:sketch": {M},
    "orders:imports": {M, C, A}, "orders:import_detail": {M, C, A},
    "orders:import_columns": {M}, "orders:import_listings": {M}, "orders:import_commit": {M}, "orders:import_discard": {M},
    "orders:submit": {M}, "orders:cancel": {M}, "orders:amend": {M}, "orders:derive": {M},
    "orders:approvals": {M, C, A}, "orders:approval": {M, C, A}, "orders:approve_clean": {M, C},
    "orders:decide_approval": {M, C}, "orders:deputy": {M, C}, "orders:end_deputy": {M, C},
    "orders:approval_rule_new": {C}, "orders:approval_rule": {C}, "orders:approval_rule_retire": {C},
    "orders:groups": FLOOR, "orders:group": FLOOR, "orders:submit_group": {M}, "orders:cancel_group": {M},
    "orders:approve_group": {M, C}, "orders:link": {M}, "orders:change": {M}, "orders:clone": {M}, "orders:reverse": {M},
    "orders:proposals": {M, C, A}, "orders:promote_proposals": {M}, "orders:discard_proposals": {M},
    # Compliance
    "compliance:try_proposals": {M},
    "compliance:reviews": {C, A}, "compliance:review": {C, A}, "compliance:decide": {C},
    "compliance:ask": {C}, "compliance:answer": {M},
    **dict.fromkeys(("compliance:evidence_json", "compliance:evidence_pdf", "api-check-evidence", "api-check-evidence-pdf"), {C, A}),
    "compliance:order_checks": {M, C, A}, "compliance:rules": {C, A}, "compliance:rule": {C},
    "compliance:rule_end": {C}, "compliance:rule_scope": {C, A}, "api-rule-scope": {C, A},
    "compliance:drafts": {C, A}, "compliance:library": {C, A}, "api-rule-library": {C, A},
    "desk:built_in": {C, A}, "api-built-in-rules": {C, A},
    "api-rule-library-take": {C}, "compliance:draft": {C, A}, "compliance:draft_act": {C}, "compliance:draft_history": {C, A},
    "compliance:rule_file": {C, A}, "compliance:take_file": {C}, "api-rules-file": {C, A}, "api-rule-drafts-take": {C},
    **dict.fromkeys(("compliance:new_rule", "compliance:rule_limits", "compliance:try_rule", "compliance:draft_edit"), {C}),
    **dict.fromkeys(("compliance:mandates", "compliance:mandate", "compliance:edition_file", "api-mandate", "api-mandates",
                     "api-mandate-clauses", "api-edition-file", "api-clause-mappings", "api-clause-mapping"), {C, A}),
    **dict.fromkeys(("compliance:mandate_new", "compliance:edition_new", "compliance:clauses_import", "compliance:clause_new",
                     "compliance:mandate_retire", "compliance:clause", "compliance:clause_map", "compliance:clause_remove",
                     "compliance:mapping_act", "api-mandate-clauses-import", "api-mandate-clauses-remove", "api-mandate-editions",
                     "api-mandate-retire"), {C}),
    **{f"api-clause-mapping-{act}": {C} for act in ("approve", "refuse", "drop", "end")},
    "compliance:restrictions": {C, A}, "compliance:restrict": {C}, "compliance:lift": {C},
    "surveillance:days": {C, A}, "surveillance:day": {C, A}, "surveillance:incident": {M, C, A}, "surveillance:report": {C},
    "surveillance:sign": {C}, "surveillance:assign": {C}, "surveillance:work": {C}, "surveillance:filing": {C},
    "api-filings": {C, A}, "api-filing-made": {C}, "api-filing-not-needed": {C},
    "api-surveillance-days": {C, A}, "api-surveillance-day": {C, A}, "api-surveillance-day-again": {C, A},
    "api-surveillance-day-sign": {C}, "api-incidents": {M, C, A}, "api-incident": {M, C, A}, "api-incidents-assign": {C},
    "api-incidents-close": {C}, "api-incident-note": {C}, "api-incident-time": {C},
    "compliance:sanctions": {C, A}, "compliance:decide_match": {C}, "api-sanctions-lists": {C, A}, "api-matches": {C, A},
    "api-match-confirm": {C}, "api-match-clear": {C},
    "compliance:close_outs": {C, O, A}, "compliance:close_out_close": {C},
    "api-close-outs": {C, O, A}, "api-close-out-close": {C},
    "compliance:import_listings": {C}, "compliance:list_hits": set(),
    "compliance:room": {M, C, A}, "compliance:reserve_room": {M}, "compliance:release_room": {M, C},
    "api-shared-room": {M, C, A}, "api-room-reserve": {M}, "api-room-release": {M, C},
    "compliance:replay": {C, A}, "api-replay": {C, A}, "api-replay-rules": {C, A},
    # Blocks and routing
    "blocks:list": FLOOR, "blocks:export": FLOOR, "blocks:rows": FLOOR, "blocks:detail": FLOOR, "blocks:of_order": FLOOR,
    "blocks:route": {T}, "blocks:cancel_routes": {T}, "blocks:finish": {T},
    "routing:routes": {T, C, O, A}, "routing:route_rows": {T, C, O, A}, "routing:route": {T, C, O, A},
    **dict.fromkeys(("routing:rules", "routing:rule", "routing:rule_change", "routing:decisions", "routing:decisions_of",
                     "routing:venues", "api-venue-accesses",
                     "api-routing-rules", "api-routing-rule-changes", "api-routing-decisions"), {T, C, O, A}),
    "routing:rule_propose": {T, C}, "routing:rule_stop": {T, C}, "routing:rule_decide": {T, C}, "api-routing-rule-stop": {T, C},
    "api-routing-rule-approve": {C}, "api-routing-rule-refuse": {C}, "api-routing-rule-drop": {T, C},
    "routing:costs_of": {T, C, O, A}, "api-cost-estimates": {T, C, O, A},
    "routing:cancel": {T}, "routing:inquiries": {T, C, O, A}, "routing:inquiry_rows": {T, C, O, A},
    "routing:inquiry": {T, C, O, A}, "routing:award": {T}, "routing:counter": {T},
    **dict.fromkeys(("routing:ask", "routing:take_best", "routing:pass_selected", "routing:axes_load"), {T}),
    **dict.fromkeys(("routing:axes", "routing:axes_of", "api-axes", "routing:leakage", "api-leakage"), {T, C, O, A}),
    "routing:inquiry_list": {T, C, O, A}, "routing:inquiry_list_rows": {T, C, O, A}, "api-inquiries-take-best": {T}, "routing:pass": {T},
    "routing:sessions": {T, C, O, A}, "routing:settle_message": {T},
    "routing:staged": {T, C, O, A}, "routing:staged_one": {T, C, O, A},
    **dict.fromkeys(("routing:grant_ask", "routing:grant_confirm", "routing:grant_decline", "routing:grant_end"), {C, O}),
    "routing:by_hand": {T}, "routing:take_back": {T}, "api-block-by-hand": {T}, "api-execution-take-back": {T},
    "routing:strategies": {T, C, O, A}, "routing:strategy": {T, C, O, A}, "routing:strategy_route": {T},
    **dict.fromkeys((f"routing:strategies_{act}" for act in ("load", "approve", "decline", "end")), {T, O}),
    "api-broker-strategies": {T, C, O, A}, "api-broker-strategy": {T, C, O, A}, "api-broker-strategy-fill": {T, C, O, A},
    "api-strategy-files": {T, C, O, A}, **{f"api-strategy-file-{act}": {T, O} for act in ("approve", "decline", "end")},
    "routing:halts": {T, C, O, A}, "routing:halt_set": {T, C}, "routing:halt_again": {T, C}, "routing:halt_lift": {T, C},
    "routing:alerts": {T, C, O, A}, "routing:alerts_of": {T, C, O, A}, "routing:alert_acknowledge": {T},
    "routing:alert_snooze": {T},
    "blocks:pick_up": {T}, "blocks:split": {T}, "blocks:split_order": {T}, "blocks:join_orders": {T}, "blocks:family": FLOOR,
    "blocks:opposition": {T}, "blocks:oppositions": FLOOR,
    "blocks:oppositions_of_block": FLOOR, "blocks:oppositions_of_order": FLOOR, "blocks:unblock": {T}, "blocks:hand_over": {T},
    "blocks:queues": FLOOR, "blocks:notes_of_order": FLOOR, "blocks:notes_of_block": FLOOR,
    "blocks:notes_read": FLOOR, "blocks:notes_unread": FLOOR, "blocks:take_queue": set(),
    "blocks:rotations": ALL, "blocks:rotation": ALL, "blocks:rotation_csv": ALL, "blocks:rotation_make": {X},
    "blocks:rotation_reset": {X}, "blocks:rotation_end": {X},
    # Algorithms of our own
    **dict.fromkeys(("algos:list", "algos:of_block", "algos:algo", "api-algos", "api-algo"), {T, C, O, A}),
    **{f"{door}{act}": {T} for door in ("algos:", "api-algo-") for act in ("start", "pause", "resume", "stop", "change")},
    **dict.fromkeys(
        ("certification:matrices", "certification:plays", "certification:report", "api-plays", "api-matrix-report"), {T, C, O, A}
    ),
    "algos:ticket": {T}, "api-block-algos": {T}, "api-block-algos-preview": {T},
    **dict.fromkeys(("algos:wheels", "algos:wheel", "algos:wheel_change", "algos:verify", "algos:one_draw", "api-wheels",
                     "api-wheel-changes", "api-seasons", "api-season-report", "api-draws"), {T, C, O, A}),
    **dict.fromkeys(("algos:wheel_propose", "algos:wheel_decide", "api-wheel-change-drop"), {T, C}),
    **dict.fromkeys(("algos:season_close", "api-season-close", "api-wheel-change-approve", "api-wheel-change-refuse"), {C}),
    **dict.fromkeys(("algos:draw", "algos:use_draw", "api-block-draws", "api-draw-route", "api-draw-set-aside"), {T}),
    # Crosses
    "crossing:list": FLOOR, "crossing:report": FLOOR, "crossing:detail": FLOOR, "crossing:propose": {T}, "crossing:accept": {M},
    "crossing:approve": {C}, "crossing:decline": {M, C}, "crossing:withdraw": {T}, "crossing:execute": {T},
    "api-crosses": FLOOR, "api-cross": FLOOR, "api-opposition-eligibility": FLOOR, "api-cross-accept": {M},
    "api-cross-approve": {C}, "api-cross-decline": {M, C}, "api-cross-withdraw": {T}, "api-cross-execute": {T},
    # Linked blocks
    "groups:list": {T, C, O, A}, "groups:detail": {T, C, O, A}, "groups:compose": {T},
    "api-linked-groups": {T, C, O, A}, "api-linked-group": {T, C, O, A},
    **{f"{name}{act}": {T} for name in ("groups:", "api-linked-group-") for act in
       ("send", "pause", "resume", "end", "drop", "again", "wave", "change")},
    "api-linked-group-program": {T, C, O, A}, "api-linked-group-package": {T, C, O, A}, "api-linked-groups-proposed": {T, C, O, A},
    # Allocations and settlement
    "allocations:list": FLOOR, "allocations:rows": FLOOR, "allocations:block": FLOOR,
    "settlement:board": {C, O, A}, "settlement:rows": {C, O, A}, "settlement:confirmation_rows": {C, O, A},
    "settlement:instruction": {C, O, A}, "settlement:instruction_xml": {C, O, A},
    "settlement:confirmation": {C, O, A}, "settlement:confirmation_pdf": {C, O, A},
    "allocations:step_out": {T}, "allocations:step_out_withdraw": {T}, "api-step-out-list": {M, T, C, O, A},
    "api-step-out-detail": {M, T, C, O, A}, "api-step-out-withdraw": {T},
    "allocations:csa": {C, O, A}, "allocations:csa_account": {C, O, A}, "allocations:csa_pay": {O}, "allocations:csa_correct": {O},
    "api-csa-account-list": {C, O, A}, "api-csa-account-detail": {C, O, A}, "api-csa-account-entries": {C, O, A},
    "api-csa-account-pay": {O}, "api-csa-account-correct": {O},
    "settlement:charge": {C, O, A}, "settlement:charge_settle": {O},
    "api-charge-list": {C, O, A}, "api-charge-detail": {C, O, A}, "api-charge-settle": {O},
    "settlement:standing": {C, O, A}, "settlement:unblock": {O}, "settlement:note": {O}, "settlement:resend": {O},
    "settlement:add_standing": {O},
    "users:tokens": ALL, "users:end_token": ALL,
    # API
    "schema": SIGNED_IN, "api-token": PUBLIC, "api-results": FLOOR, "api-record": {C, A}, "api-events": FLOOR,
    "api-views": ALL, "api-view": ALL,
    "api-orders": FLOOR, "api-order": FLOOR, "api-order-submit": {M}, "api-order-cancel": {M}, "api-order-amend": {M},
    "api-approvals": {M, C, A}, "api-approval": {M, C, A}, "api-approvals-approve": {M, C},
    "api-approvals-send_back": {M, C}, "api-approval-rules": {M, C, A}, "api-approval-rule-retire": {C},
    "api-deputies": {M, C, A}, "api-deputy-end": {M, C},
    "api-groups": FLOOR, "api-group": FLOOR, "api-group-submit": {M}, "api-group-cancel": {M},
    "api-group-approve": {M, C},
    "api-orders-change": {M}, "api-orders-clone": {M}, "api-orders-reverse": {M},
    "api-imports": {M, C, A}, "api-import": {M, C, A}, "api-import-rows": {M, C, A}, "api-import-commit": {M},
    "api-import-discard": {M}, "api-import-columns": {M}, "api-import-listings": {M, C, A},
    "api-import-templates": {M, C, A}, "api-import-template": {M},
    "orders:templates": {M, C, A}, "orders:template_rename": {M}, "orders:template_remove": {M},
    "api-proposals": {M, C, A}, "api-proposals-promote": {M}, "api-proposals-discard": {M}, "api-proposals-try": {M},
    "api-merge-rules": FLOOR, "api-blocks": FLOOR, "api-block": FLOOR, "api-block-orders": FLOOR, "api-block-statement": FLOOR,
    "api-block-finish": {T}, "api-block-route": {T},
    "api-routes": {T, C, O, A}, "api-route": {T, C, O, A}, "api-route-cancel": {T}, "api-route-replace": {T},
    "api-executions": {T, C, O, A}, "api-inquiries": {T, C, O, A}, "api-inquiry": {T, C, O, A}, "api-inquiry-award": {T},
    "api-inquiry-pass": {T}, "api-inquiry-counter": {T},
    "api-halts": {T, C, O, A}, "api-halt": {T, C, O, A}, "api-halt-cancel": {T, C}, "api-halt-lift": {T, C},
    "api-quarantine": {T, C, O, A}, "api-quarantined": {T, C, O, A}, "api-quarantined-settle": {T},
    "api-alerts": {T, C, O, A}, "api-alert-counts": {T, C, O, A}, "api-alert-acknowledge": {T}, "api-alert-snooze": {T},
    "routing:messages": {T, C, O, A}, "routing:message": {T, C, O, A}, "api-fix-messages": {T, C, O, A}, "api-fix-message": {T, C, O, A},
    "routing:reconciliations": {T, C, O, A}, "api-reconciliations": {T, C, O, A}, "api-difference-decide": {T},
    "routing:difference_mend": {T}, "routing:difference_keep": {T},
    "routing:console": {T, C, O, A, X}, "routing:console_session": {T, C, O, A, X},
    **dict.fromkeys(("api-session-states", "api-session-state", "api-sequence-resets"), {T, C, O, A, X}),
    **dict.fromkeys(("routing:session_stop", "routing:session_start", "routing:numbers_propose", "routing:numbers_approve",
                     "routing:numbers_decline", "api-session-stop", "api-session-start", "api-sequence-reset-approve",
                     "api-sequence-reset-decline"), {O, X}),
    "routing:dialects": {T, C, O, A, X}, "api-dialects": {T, C, O, A, X}, "api-dialect": {T, C, O, A, X},
    "routing:rate_cards": {T, C, O, A, X}, "api-rate-cards": {T, C, O, A, X}, "api-rate-card": {T, C, O, A, X},
    **dict.fromkeys(("routing:rate_card_propose", "routing:rate_card_approve", "routing:rate_card_decline", "api-rate-card-approve",
                     "api-rate-card-decline"), {O, X}),
    **dict.fromkeys(("routing:dialect_propose", "routing:dialect_approve", "routing:dialect_decline", "api-dialect-approve",
                     "api-dialect-decline"), {O, X}),
    "api-fix-sessions": {T, C, O, A, X}, "api-fix-session": {T, C, O, A, X},
    "api-staging-sessions": {T, C, O, A, X}, "api-staging-session": {T, C, O, A, X}, "api-staging-session-grants": {C, O},
    "api-staging-grants": {T, C, O, A}, "api-staging-grant": {T, C, O, A}, "api-staging-grant-confirm": {C, O},
    "api-staging-grant-decline": {C, O}, "api-staging-grant-end": {C, O}, "api-staged-messages": {T, C, O, A},
    "api-block-notes": FLOOR, "api-order-notes": FLOOR, "api-block-pick-up": {T}, "api-block-split": {T}, "api-block-split-by-broker": {T},
    "api-order-split": {T}, "api-orders-join": {T}, "api-oppositions": FLOOR,
    "api-opposition-decide": {T},
    "api-block-unblock": {T},
    "api-block-hand-over": {T}, "api-queue-take-over": set(),
    "api-block-turn": FLOOR, "api-rotations": ALL, "api-rotation": ALL, "api-rotation-evidence": ALL,
    "api-rotation-reset": {X}, "api-rotation-end": {X}, "api-portfolio-directions": {M, C, O, A}, "api-portfolio-brokers": {M, C, O, A},
    "api-portfolio-lots": {M, C, O, A},
    "api-allocation-list": FLOOR, "api-allocation-detail": FLOOR,
    "api-exchange-list": {C, O, A},
    "api-confirmation-list": {C, O, A}, "api-confirmation-detail": {C, O, A}, "api-confirmation-pdf": {C, O, A},
    "api-instruction-list": {C, O, A}, "api-instruction-detail": {C, O, A}, "api-instruction-xml": {C, O, A},
    "api-instruction-note": {O}, "api-instruction-unblock": {O},
    "api-instruction-resend": {O},
    "api-benchmarks": ALL, "api-benchmark-weights": ALL, "api-own-attributes": ALL, "api-own-values": ALL, "api-own-values-say": {O, X},
    "api-instruments": ALL, "api-instrument": ALL, "api-quotes": ALL,
    "api-venue-quotes": ALL, "api-fx-rates": ALL, "api-breakers": ALL, "api-constituents": ALL,
    "api-portfolios": {M, C, O, A}, "api-portfolio-groups": {M, C, O, A}, "api-portfolio": {M, C, O, A}, "api-portfolio-cash": {M, C, O, A},
    "api-portfolio-pnl": {M, C, O, A},
    "api-reviews": {C, A}, "api-review": {C, A}, "api-reviews-decide": {C}, "api-review-approve": {C},
    "api-overrides": {C, A}, "api-questions": {M, C, A}, "api-question-answer": {M}, "api-review-ask": {C},
    "api-review-send_back": {C}, "api-review-reject": {C}, "api-order-checks": {M, C, A},
    "api-rules": {C, A}, "api-rule": {C, A}, "api-rule-versions": {C, A},
    "api-rule-drafts": {C, A}, "api-rule-draft": {C, A}, "api-rule-drafts-end": {C},
    "api-rule-draft-bench": {C, A}, "api-rule-draft-history": {C, A},
    **{f"api-rule-draft-{act}": {C} for act in ("edit", "propose", "approve", "refuse", "drop")},
    "routing:throttles": {T, C, O, A}, "api-throttles": {T, C, O, A}, "routing:throttle_set": {C}, "routing:throttle_change": {C},
    "portfolios:terms": {M, C, O, A}, "api-broker-terms": {M, C, O, A}, "portfolios:term_set": {C}, "portfolios:term_end": {C},
    "api-broker-term-end": {C}, "routing:throttle_end": {C}, "api-throttle-change": {C}, "api-throttle-end": {C},
    "compliance:cash_horizon": {M, C, O, A}, "api-cash-horizon": {M, C, O, A},
    "compliance:position_limits": {C, A}, "api-position-limits": {C, A}, "api-position-limits-import": {C}, "api-position-limit-end": {C},
    **dict.fromkeys(("compliance:add_position_limit", "compliance:import_position_limits", "compliance:end_position_limit"), {C}),
    "compliance:trading_limits": {C, A}, "api-trading-limits": {C, A},
    "compliance:limit_set": {C}, "compliance:limit_end": {C}, "api-trading-limit-end": {C},
    "api-limit-ends": {C, A}, "compliance:limit_end_act": {C}, **{f"api-limit-end-{act}": {C} for act in ("approve", "refuse", "drop")},
    "api-restriction-lift": {C}, "api-restriction-ask-lift": {C}, "api-restriction-keep": {C},
    "api-restrictions": {C, A}, "api-restrictions-import": {C}, "api-list-hits": set(), "api-measures": {C, A},
    # The account of whoever is signed in, and the way in (allauth)
    **dict.fromkeys(
        ("account_login", "account_logout", "account_inactive", "account_signup", "account_email_verification_sent",
         "account_reset_password", "account_confirm_login_code", "account_confirm_email",
         "account_reset_password_from_key_done", "account_reset_password_from_key", "account_reset_password_done",
         "mfa_authenticate", "socialaccount_login_cancelled", "socialaccount_login_error", "socialaccount_signup",
         "openid_connect_login", "openid_connect_callback", None),
        PUBLIC,
    ),
    **dict.fromkeys(
        ("account_reauthenticate", "account_email", "account_change_password", "account_set_password", "mfa_index",
         "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes",
         "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "socialaccount_connections"),
        SIGNED_IN,
    ),
}  # fmt: skip

# Where looking and acting share an address: who may act.
POSTS = {"api-inquiries": {T}, "api-axes": {T}, "api-dialects": {O, X}, "api-rate-cards": {O, X}, "api-step-out-list": {T},
         "api-sequence-resets": {O, X},
         "api-routing-rule-changes": {T, C}, "api-wheel-changes": {T, C}, "certification:matrices": {T}, "api-plays": {T},
         "api-broker-terms": {C}, "api-trading-limits": {C}, "api-throttles": {C},
         "api-strategy-files": {T, O}, "api-venue-quotes": {O},
         "api-rotations": {X}, "compliance:library": {C}, "api-crosses": {T}, "api-linked-groups": {T}, "api-staging-sessions": {O, X},
         "api-orders": {M}, "api-imports": {M}, "api-import-listings": {M}, "api-proposals": {M},
         "api-mandates": {C}, "api-mandate-clauses": {C}, "api-clause-mappings": {C},
         "api-rule-drafts": {C}, "api-restrictions": {C}, "api-position-limits": {C}, "api-surveillance-days": {C}, "api-halts": {T, C},
         "api-block-notes": {M, T, C, O}, "api-order-notes": {M, T, C, O},
         "blocks:notes_of_order": {M, T, C, O}, "blocks:notes_of_block": {M, T, C, O},
         "api-order-locates": {M, T, C}, "api-order-documents": {M, T, C},
         "api-benchmark-weights": {O, X}, "api-approval-rules": {C}, "api-deputies": {M, C}, "api-groups": {M}}


def addresses(resolver=None, namespace="") -> dict[str, list[str]]:
    """URL name to the names of its arguments; the admin's own are tried by class in tests/reference."""
    found = {}
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            if str(entry.pattern) != "admin/":
                found |= addresses(entry, entry.namespace or namespace)
        elif isinstance(entry, URLPattern):
            name = f"{namespace}:{entry.name}" if namespace and entry.name else entry.name
            found[name] = list(entry.pattern.converters) or list(entry.pattern.regex.groupindex)
    return found


ADDRESSES = addresses()
OURS = {name: args for name, args in ADDRESSES.items() if isinstance(MATRIX.get(name), set)}
SAMPLE = {"subject": "order", "sheet": "orders", "code": "no_such_rule", "currency": "USD"}


def test_every_address_has_its_cell_and_every_cell_its_address():
    assert set(ADDRESSES) - set(MATRIX) == set(), "decide who may knock"
    assert set(MATRIX) - set(ADDRESSES) == set(), "these addresses are gone"


def knock(client: Client, name: str, method: str):
    url = reverse(name, kwargs={arg: SAMPLE.get(arg, 987654321) for arg in OURS[name]})
    return getattr(client, method)(url, **({"data": {}} if method == "post" else {}))


@pytest.fixture
def doors(firm, people, stranger):
    def client(person) -> Client:
        opened = Client(raise_request_exception=True)
        opened.force_login(person)
        return opened

    return {name: client(people[name]) for name in ALL} | {"stranger": client(stranger)}


@pytest.mark.parametrize("method", ["get", "post"])
def test_opens_for_those_roles_only(doors, method):
    wrong = []
    may = MATRIX | (POSTS if method == "post" else {})
    for name, person in product(sorted(OURS), doors):
        status = knock(doors[person], name, method).status_code
        if (status not in (401, 403)) != (person in may[name]):
            wrong.append((name, person, status))
    assert wrong == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_is_shut_to_nobody_in_particular(db, method):
    wrong = []
    for name in sorted(OURS):
        answer = knock(Client(), name, method)
        is_shut = answer.status_code in (401, 403)
        if not name.startswith("api-"):
            is_shut = answer.status_code == 302 and answer["Location"].split("?")[0] == reverse("account_login")
        if not is_shut:
            wrong.append((name, answer.status_code))
    assert wrong == []


class TestAnotherTeamsObjects:
    """Hidden and missing are the same answer."""

    @pytest.fixture
    def order(self, firm, by, mira):
        from decimal import Decimal

        from apps.orders import services as orders

        wish = orders.Wish(
            portfolio_id=firm.portfolios["P1"].pk, instrument_id=firm.instruments["AAA"].pk, side="BUY", qty=Decimal(100)
        )
        return orders.create_orders(by(mira), [wish])[0]

    @pytest.mark.parametrize("name", ["orders:detail", "orders:amend", "compliance:order_checks", "blocks:of_order"])
    def test_an_order_of_another_team_is_not_there(self, doors, people, order, name):
        client = Client()
        client.force_login(people["paul"])
        assert client.get(reverse(name, args=[order])).status_code in (403, 404)
        assert client.get(reverse(name, args=[order + 1000])).status_code in (403, 404)

    def test_nor_over_the_api_nor_on_the_record(self, people, order):
        client = Client()
        client.force_login(people["paul"])
        assert client.get(reverse("api-order", args=[order])).status_code == 404
        assert client.get(reverse("desk:timeline", args=["order", order])).status_code == 404
        assert client.get(reverse("api-orders")).json()["results"] == []

    def test_a_portfolio_of_another_team_is_not_there(self, firm, people):
        client = Client()
        client.force_login(people["paul"])
        assert client.get(reverse("portfolios:detail", args=[firm.portfolios["P1"].pk])).status_code == 404
        assert client.get(reverse("portfolios:detail", args=[firm.portfolios["P3"].pk])).status_code == 200
