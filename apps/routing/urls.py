from django.urls import path

from . import views

app_name = "routing"
urlpatterns = [
    path("routes/", views.routes, name="routes"),
    path("routes/rows/", views.route_rows, name="route_rows"),
    path("routes/cancel/", views.cancel, name="cancel"),
    path("routes/<int:route_id>/", views.route, name="route"),
    path("inquiries/", views.inquiries, name="inquiries"),
    path("inquiries/rows/", views.inquiry_rows, name="inquiry_rows"),
    path("inquiries/<int:inquiry_id>/", views.inquiry, name="inquiry"),
    path("inquiries/<int:inquiry_id>/award/", views.award, name="award"),
    path("inquiries/<int:inquiry_id>/pass/", views.pass_on, name="pass"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/messages/<int:message_id>/", views.settle_message, name="settle_message"),
]
