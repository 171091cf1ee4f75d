from django.urls import path

from . import views

app_name = "orders"
urlpatterns = [
    path("orders/", views.listed, name="list"),
    path("orders/rows/", views.rows, name="rows"),
    path("orders/new/", views.ticket, name="ticket"),
    path("orders/new/instruments/", views.instruments, name="instruments"),
    path("orders/new/sketch/", views.sketch, name="sketch"),
    path("orders/imports/", views.imports, name="imports"),
    path("orders/imports/<int:import_id>/", views.import_detail, name="import_detail"),
    path("orders/imports/<int:import_id>/commit/", views.commit_import, name="import_commit"),
    path("orders/imports/<int:import_id>/discard/", views.discard_import, name="import_discard"),
    path("orders/submit/", views.submit, name="submit"),
    path("orders/cancel/", views.cancel, name="cancel"),
    path("orders/<int:order_id>/", views.detail, name="detail"),
    path("orders/<int:order_id>/amend/", views.amend, name="amend"),
]
