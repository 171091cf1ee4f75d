from django.urls import path

from . import acts, views

app_name = "crossing"
urlpatterns = [
    path("blocks/both-sides/<int:opposition_id>/cross/", views.propose, name="propose"),
    path("crosses/", views.listed, name="list"),
    path("crosses/report/", views.report, name="report"),
    path("crosses/<int:cross_id>/", views.detail, name="detail"),
    path("crosses/<int:cross_id>/accept/", acts.accept, name="accept"),
    path("crosses/<int:cross_id>/approve/", acts.approve, name="approve"),
    path("crosses/<int:cross_id>/decline/", acts.decline, name="decline"),
    path("crosses/<int:cross_id>/withdraw/", acts.withdraw, name="withdraw"),
    path("crosses/<int:cross_id>/execute/", acts.execute, name="execute"),
]
