from django.urls import path

from . import views

app_name = "costs"
urlpatterns = [
    path("costs/", views.report, name="report"),
    path("costs/file/", views.file, name="file"),
]
