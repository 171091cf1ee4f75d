from django.urls import path

from . import views

app_name = "portfolios"
urlpatterns = [
    path("plans/", views.plans, name="plans"),
    path("portfolios/", views.listing, name="list"),
    path("portfolios/<int:portfolio_id>/", views.detail, name="detail"),
]
