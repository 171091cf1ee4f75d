from django.urls import path, re_path

from . import api, approvals_api, bulk_api, groups_api, import_api, proposal_api, views
from .defaults_api import OrderDefaults, OwnFields
from .evidence_api import Evidence

PK = r"(?P<pk>[0-9]{1,18})"  # Acts on one thing are posted with or without the last slash.
api_urlpatterns = [
    path("orders/", api.Orders.as_view({"get": "list", "post": "create"}), name="api-orders"),
    *(
        re_path(rf"^orders/{act}/?$", bulk_api.ManyOrders.as_view({"post": act}), name=f"api-orders-{act}")
        for act in ("change", "clone", "reverse")
    ),
    path("orders/<int:pk>/", api.Orders.as_view({"get": "retrieve"}), name="api-order"),
    *(
        re_path(rf"^orders/{PK}/{act}/?$", api.Orders.as_view({"post": act}), name=f"api-order-{act}")
        for act in ("submit", "cancel", "amend")
    ),
    re_path(rf"^orders/{PK}/fields/?$", api.Orders.as_view({"post": "fields"}), name="api-order-fields"),
    re_path(rf"^orders/{PK}/locates/?$", Evidence.as_view({"get": "locates", "post": "attach"}), name="api-order-locates"),
    re_path(
        rf"^orders/{PK}/locates/(?P<locate>[0-9]{{1,18}})/release/?$",
        Evidence.as_view({"post": "release"}),
        name="api-order-locate-release",
    ),
    re_path(rf"^orders/{PK}/documents/?$", Evidence.as_view({"get": "documents", "post": "add"}), name="api-order-documents"),
    path("orders/fields/", OwnFields.as_view({"get": "list"}), name="api-own-fields"),
    path("orders/defaults/", OrderDefaults.as_view({"get": "list"}), name="api-order-defaults"),
    path("approvals/", approvals_api.Approvals.as_view({"get": "list"}), name="api-approvals"),
    path("approvals/<int:pk>/", approvals_api.Approvals.as_view({"get": "retrieve"}), name="api-approval"),
    *(
        re_path(
            rf"^approvals/{act.replace('_', '-')}/?$",
            approvals_api.Approvals.as_view({"post": act}),
            name=f"api-approvals-{act}",
        )
        for act in ("approve", "send_back")
    ),
    path(
        "approval-rules/",
        approvals_api.ApprovalRules.as_view({"get": "list", "post": "create"}),
        name="api-approval-rules",
    ),
    re_path(
        r"^approval-rules/(?P<code>[a-z0-9_]{1,40})/retire/?$",
        approvals_api.ApprovalRules.as_view({"post": "retire"}),
        name="api-approval-rule-retire",
    ),
    path("deputies/", approvals_api.Deputies.as_view({"get": "list", "post": "create"}), name="api-deputies"),
    re_path(rf"^deputies/{PK}/end/?$", approvals_api.Deputies.as_view({"post": "end"}), name="api-deputy-end"),
    path("groups/", groups_api.Groups.as_view({"get": "list", "post": "create"}), name="api-groups"),
    path("groups/<int:pk>/", groups_api.Groups.as_view({"get": "retrieve"}), name="api-group"),
    *(
        re_path(rf"^groups/{PK}/{act}/?$", groups_api.Groups.as_view({"post": act}), name=f"api-group-{act}")
        for act in ("submit", "cancel", "approve")
    ),
    path("imports/", import_api.Imports.as_view({"get": "list", "post": "create"}), name="api-imports"),
    re_path(
        rf"^imports/{PK}/listings/?$", import_api.Imports.as_view({"get": "listings", "post": "choose"}),
        name="api-import-listings",
    ),
    path(
        "proposals/", proposal_api.Proposals.as_view({"get": "list", "post": "create"}), name="api-proposals"
    ),
    *(
        re_path(rf"^proposals/{act}/?$", proposal_api.Proposals.as_view({"post": act}), name=f"api-proposals-{act}")
        for act in ("promote", "discard")
    ),
    path("import-templates/", import_api.Templates.as_view({"get": "list"}), name="api-import-templates"),
    path(
        "import-templates/<int:pk>/", import_api.Templates.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="api-import-template",
    ),
    path("imports/<int:pk>/", import_api.Imports.as_view({"get": "retrieve"}), name="api-import"),
    path("imports/<int:pk>/rows/", import_api.Imports.as_view({"get": "rows"}), name="api-import-rows"),
    *(
        re_path(rf"^imports/{PK}/{act}/?$", import_api.Imports.as_view({"post": act}), name=f"api-import-{act}")
        for act in ("commit", "discard", "columns")
    ),
]
urlpatterns = [
    path("orders/new/", views.ticket, name="ticket"),
    path("orders/new/instruments/", views.instruments, name="instruments"),
    path("orders/new/sketch/", views.sketch, name="sketch"),
    path("orders/defaults/", views.defaults, name="defaults"),
    path("orders/imports/", views.imports, name="imports"),
    path("orders/imports/templates/", views.templates, name="templates"),
    path("orders/imports/templates/<int:template_id>/rename/", views.rename_template, name="template_rename"),
    path("orders/imports/templates/<int:template_id>/remove/", views.remove_template, name="template_remove"),
    path("orders/imports/<int:import_id>/", views.import_detail, name="import_detail"),
    path("orders/imports/<int:import_id>/commit/", views.commit_import, name="import_commit"),
    path("orders/imports/<int:import_id>/discard/", views.discard_import, name="import_discard"),
    path("orders/imports/<int:import_id>/columns/", views.map_import, name="import_columns"),
    path("orders/imports/<int:import_id>/listings/", views.choose_listings, name="import_listings"),
    path("orders/proposals/", views.proposals, name="proposals"),
    path("orders/proposals/promote/", views.promote_proposals, name="promote_proposals"),
    path("orders/proposals/discard/", views.discard_proposals, name="discard_proposals"),
    path("orders/submit/", views.submit, name="submit"),
    path("orders/cancel/", views.cancel, name="cancel"),
    path("approvals/", views.approvals, name="approvals"),
    path("approvals/clean/", views.approve_clean, name="approve_clean"),
    path("approvals/rules/new/", views.approval_rule, name="approval_rule_new"),
    path("approvals/rules/<str:code>/", views.approval_rule, name="approval_rule"),
    path("approvals/rules/<str:code>/retire/", views.retire_approval_rule, name="approval_rule_retire"),
    path("approvals/deputies/", views.deputy, name="deputy"),
    path("approvals/deputies/<int:deputy_id>/end/", views.end_deputy, name="end_deputy"),
    path("approvals/<int:approval_id>/", views.approval, name="approval"),
    path("approvals/<int:approval_id>/decide/", views.decide_approval, name="decide_approval"),
    path("groups/", views.groups, name="groups"),
    path("groups/<int:group_id>/", views.group, name="group"),
    path("groups/<int:group_id>/submit/", views.submit_group, name="submit_group"),
    path("groups/<int:group_id>/cancel/", views.cancel_group, name="cancel_group"),
    path("groups/<int:group_id>/approve/", views.approve_group, name="approve_group"),
    path("orders/link/", views.link, name="link"),
    path("orders/change/", views.change, name="change"),
    path("orders/clone/", views.clone, name="clone"),
    path("orders/reverse/", views.reverse_filled, name="reverse"),
    path("orders/<int:order_id>/amend/", views.amend, name="amend"),
    path("orders/<int:order_id>/fields/", views.own, name="own"),
    path("orders/<int:order_id>/evidence/", views.evidence, name="evidence"),
    path("orders/<int:order_id>/locates/", views.attach_locate, name="attach_locate"),
    path("orders/<int:order_id>/locates/<int:locate_id>/release/", views.release_locate, name="release_locate"),
    path("orders/<int:order_id>/documents/", views.add_document, name="add_document"),
    path("orders/documents/<int:document_id>/", views.document, name="document"),
    path("orders/<int:order_id>/derive/", views.derive, name="derive"),
]
