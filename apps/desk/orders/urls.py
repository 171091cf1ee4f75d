from django.urls import path

from . import views

urlpatterns = [
    path("orders/", views.listed, name="list"),
    path("orders/export/", views.export, name="export"),
    path("orders/rows/", views.rows, name="rows"),
    path("orders/<int:order_id>/", views.detail, name="detail"),
]
