from django.urls import path, re_path

from . import api, term_api

app_name = "portfolios"
api_urlpatterns = [
    path("benchmarks/", api.Benchmarks.as_view({"get": "listed"}), name="api-benchmarks"),
    path(
        "benchmarks/<str:code>/weights/", api.Benchmarks.as_view({"get": "weights", "post": "load"}), name="api-benchmark-weights"
    ),
    path("plans/", api.Plans.as_view({"get": "list"}), name="api-plans"),
    path("plans/parties/", api.PlanParties.as_view({"get": "list"}), name="api-plan-parties"),
    path("portfolios/", api.Portfolios.as_view({"get": "list"}), name="api-portfolios"),
    path("broker-terms/", term_api.BrokerTerms.as_view({"get": "list", "post": "create"}), name="api-broker-terms"),
    re_path(r"^broker-terms/(?P<pk>[0-9]{1,18})/end/?$", term_api.BrokerTerms.as_view({"post": "end"}), name="api-broker-term-end"),
    path("portfolios/groups/", api.Portfolios.as_view({"get": "groups"}), name="api-portfolio-groups"),
    path("portfolios/<int:pk>/", api.Portfolios.as_view({"get": "retrieve"}), name="api-portfolio"),
    path(
        "portfolios/<int:pk>/directions/", api.Portfolios.as_view({"get": "directions"}), name="api-portfolio-directions"
    ),
    path("portfolios/<int:pk>/lots/", api.Portfolios.as_view({"get": "lots"}), name="api-portfolio-lots"),
    path("portfolios/<int:pk>/brokers/", api.Portfolios.as_view({"get": "brokers"}), name="api-portfolio-brokers"),
    path("portfolios/<int:pk>/cash/<str:currency>/", api.Portfolios.as_view({"get": "ladder"}), name="api-portfolio-cash"),
]
