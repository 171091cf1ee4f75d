from django.urls import path

from . import acts, notes, opposing, owning, rotating, splitting, views

app_name = "blocks"
urlpatterns = [
    path("blocks/", views.listed, name="list"),
    path("blocks/export/", views.export, name="export"),
    path("blocks/rows/", views.rows, name="rows"),
    path("blocks/route/", acts.route, name="route"),
    path("blocks/cancel/", acts.cancel_routes, name="cancel_routes"),
    path("blocks/finish/", acts.finish, name="finish"),
    path("blocks/pick-up/", owning.pick_up, name="pick_up"),
    path("blocks/hand-over/", owning.hand_over, name="hand_over"),
    path("blocks/queues/", owning.queues, name="queues"),
    path("blocks/queues/take/", owning.take_queue, name="take_queue"),
    path("blocks/split/", splitting.split, name="split"),
    path("blocks/split/<int:order_id>/", splitting.split_order, name="split_order"),
    path("blocks/join/<int:order_id>/", splitting.join_orders, name="join_orders"),
    path("blocks/family/<int:order_id>/", splitting.family, name="family"),
    path("blocks/unblock/", splitting.unblock, name="unblock"),
    path("blocks/both-sides/", opposing.listed, name="oppositions"),
    path("blocks/both-sides/<int:opposition_id>/", opposing.trade_apart, name="opposition"),
    path("blocks/both-sides/block/<int:block_id>/", opposing.of_block, name="oppositions_of_block"),
    path("blocks/both-sides/order/<int:order_id>/", opposing.of_order, name="oppositions_of_order"),
    path("blocks/rotations/", rotating.listed, name="rotations"),
    path("blocks/rotations/make/", rotating.make, name="rotation_make"),
    path("blocks/rotations/<int:rotation_id>/", rotating.detail, name="rotation"),
    path("blocks/rotations/<int:rotation_id>/evidence.csv", rotating.as_csv, name="rotation_csv"),
    path("blocks/rotations/<int:rotation_id>/reset/", rotating.reset, name="rotation_reset"),
    path("blocks/rotations/<int:rotation_id>/end/", rotating.end, name="rotation_end"),
    path("notes/read/", notes.read, name="notes_read"),
    path("notes/unread/", notes.unread, name="notes_unread"),
    path("notes/order/<int:order_id>/", notes.of_order, name="notes_of_order"),
    path("notes/block/<int:block_id>/", notes.of_block, name="notes_of_block"),
    path("blocks/of/<int:order_id>/", views.of_order, name="of_order"),
    path("blocks/<int:block_id>/", views.detail, name="detail"),
]
