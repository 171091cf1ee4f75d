from django.urls import path

from . import views

app_name = "desk"
urlpatterns = [
    path("", views.home, name="home"),
    path("desk/find/", views.find, name="find"),
    path("desk/health/", views.health, name="health"),
    path("desk/parts/", views.parts, name="parts"),
    path("desk/parts/again/", views.try_again, name="try_again"),
]
