from django.urls import path

from . import term_views, views

app_name = "portfolios"
urlpatterns = [
    path("broker-terms/", term_views.broker_terms, name="terms"),
    path("broker-terms/new/", term_views.set_term, name="term_set"),
    path("broker-terms/<int:term_id>/end/", term_views.end_term, name="term_end"),
    path("plans/", views.plans, name="plans"),
    path("portfolios/", views.listing, name="list"),
    path("portfolios/<int:portfolio_id>/", views.detail, name="detail"),
]
