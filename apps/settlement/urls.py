"""Addresses of settlement."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from . import api, charge_views, views

app_name = "settlement"
router = SimpleRouter()
router.register("confirmations", api.Confirmations, basename="api-confirmation")
router.register("exchanges", api.Exchanges, basename="api-exchange")
router.register("instructions", api.Instructions, basename="api-instruction")

api_urlpatterns = router.urls
urlpatterns = [
    path("settlement/", views.board, name="board"),
    path("settlement/rows/", views.rows, name="rows"),
    path("settlement/confirmations/rows/", views.confirmation_rows, name="confirmation_rows"),
    path("settlement/instructions/<int:instruction_id>/", views.instruction, name="instruction"),
    path("settlement/instructions/<int:instruction_id>/message.xml", views.instruction_xml, name="instruction_xml"),
    path("settlement/confirmations/<int:confirmation_id>/", views.confirmation, name="confirmation"),
    path("settlement/confirmations/<int:confirmation_id>.pdf", views.confirmation_pdf, name="confirmation_pdf"),
    path("settlement/commissions/<int:charge_id>/", charge_views.charge, name="charge"),
    path("settlement/commissions/<int:charge_id>/settle/", charge_views.settle, name="charge_settle"),
    path("settlement/unblock/", views.unblock, name="unblock"),
    path("settlement/resend/", views.resend, name="resend"),
    path("settlement/note/", views.note, name="note"),
    path("settlement/standing/", views.standing, name="standing"),
    path("settlement/standing/add/", views.add_standing, name="add_standing"),
]
