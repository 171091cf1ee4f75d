from django.urls import path, re_path

from . import api, merging_api, note_api, opposition_api, parts_api, rotation_api

app_name = "blocks"
PK = r"(?P<pk>[0-9]{1,18})"  # Acts on one thing are posted with or without the last slash.
api_urlpatterns = [
    path("blocks/", api.Blocks.as_view({"get": "list"}), name="api-blocks"),
    path("merge-rules/", merging_api.MergeRules.as_view({"get": "list"}), name="api-merge-rules"),
    path("blocks/<int:pk>/", api.Blocks.as_view({"get": "retrieve"}), name="api-block"),
    path("blocks/<int:pk>/orders/", api.Blocks.as_view({"get": "orders"}), name="api-block-orders"),
    path("blocks/<int:pk>/statement/", api.Blocks.as_view({"get": "statement"}), name="api-block-statement"),
    path("blocks/<int:pk>/turn/", api.Blocks.as_view({"get": "turn"}), name="api-block-turn"),
    path(
        "rotations/", rotation_api.Rotations.as_view({"get": "list", "post": "create"}), name="api-rotations"
    ),
    path("rotations/<int:pk>/", rotation_api.Rotations.as_view({"get": "retrieve"}), name="api-rotation"),
    path(
        "rotations/<int:pk>/evidence/", rotation_api.Rotations.as_view({"get": "evidence"}), name="api-rotation-evidence"
    ),
    re_path(rf"^rotations/{PK}/reset/?$", rotation_api.Rotations.as_view({"post": "reset"}), name="api-rotation-reset"),
    re_path(rf"^rotations/{PK}/end/?$", rotation_api.Rotations.as_view({"post": "end"}), name="api-rotation-end"),
    re_path(rf"^blocks/{PK}/finish/?$", api.Blocks.as_view({"post": "finish"}), name="api-block-finish"),
    re_path(rf"^blocks/{PK}/pick-up/?$", api.Blocks.as_view({"post": "pick_up"}), name="api-block-pick-up"),
    re_path(rf"^blocks/{PK}/hand-over/?$", api.Blocks.as_view({"post": "hand_over"}), name="api-block-hand-over"),
    re_path(
        rf"^blocks/{PK}/notes/?$",
        note_api.Notes.as_view({"get": "of_block", "post": "write_of_block"}),
        name="api-block-notes",
    ),
    re_path(
        rf"^orders/{PK}/notes/?$",
        note_api.Notes.as_view({"get": "of_order", "post": "write_of_order"}),
        name="api-order-notes",
    ),
    re_path(rf"^blocks/{PK}/split/?$", parts_api.Parts.as_view({"post": "split"}), name="api-block-split"),
    re_path(
        rf"^blocks/{PK}/split-by-broker/?$",
        parts_api.Parts.as_view({"post": "split_by_broker"}),
        name="api-block-split-by-broker",
    ),
    re_path(rf"^orders/{PK}/split/?$", parts_api.Parts.as_view({"post": "split_order"}), name="api-order-split"),
    re_path(r"^orders/join/?$", parts_api.Parts.as_view({"post": "join"}), name="api-orders-join"),
    re_path(rf"^blocks/{PK}/unblock/?$", api.Blocks.as_view({"post": "unblock"}), name="api-block-unblock"),
    path("oppositions/", opposition_api.Oppositions.as_view({"get": "list"}), name="api-oppositions"),
    re_path(
        rf"^oppositions/{PK}/decide/?$",
        opposition_api.Oppositions.as_view({"post": "decide"}),
        name="api-opposition-decide",
    ),
    re_path(r"^queues/take-over/?$", api.Blocks.as_view({"post": "take_queue"}), name="api-queue-take-over"),
]
