from django.urls import path

from . import views

app_name = "compliance"
urlpatterns = [
    path("reviews/", views.reviews, name="reviews"),
    path("reviews/<int:review_id>/", views.review, name="review"),
    path("reviews/<int:review_id>/decide/", views.decide, name="decide"),
    path("orders/<int:order_id>/checks/", views.order_checks, name="order_checks"),
    path("rules/", views.rules, name="rules"),
    path("rules/<str:code>/", views.rule, name="rule"),
    path("restrictions/", views.restrictions, name="restrictions"),
    path("restrictions/new/", views.restrict, name="restrict"),
    path("restrictions/<int:restriction_id>/lift/", views.lift, name="lift"),
]
