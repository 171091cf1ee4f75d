"""Every address of the portal. A new one must also be put in the matrix of tests/house/test_doors.py."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from apps.algos.urls import api_urlpatterns as algos_api
from apps.allocations.urls import api_urlpatterns as allocations_api
from apps.blocks.urls import api_urlpatterns as blocks_api
from apps.certification.urls import api_urlpatterns as certification_api
from apps.compliance.urls import api_urlpatterns as compliance_api
from apps.crossing.urls import api_urlpatterns as crossing_api
from apps.desk.orders.urls import urlpatterns as order_list
from apps.desk.urls import api_urlpatterns as desk_api
from apps.groups.urls import api_urlpatterns as groups_api
from apps.marketdata.urls import api_urlpatterns as marketdata_api
from apps.orders.urls import api_urlpatterns as orders_api
from apps.orders.urls import urlpatterns as orders_pages
from apps.portfolios.urls import api_urlpatterns as portfolios_api
from apps.reference.urls import api_urlpatterns as reference_api
from apps.reporting.urls import api_urlpatterns as reporting_api
from apps.routing.urls import api_urlpatterns as routing_api
from apps.settlement.urls import api_urlpatterns as settlement_api
from apps.surveillance.urls import api_urlpatterns as surveillance_api
from apps.users.urls import api_urlpatterns as users_api

admin.site.login = secure_admin_login(admin.site.login)  # The same door as the pages': lock-out and second factor.
admin.site.site_header = f"OMS Portal back office ({settings.ENVIRONMENT})"

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/", include(users_api)),
    path("api/v1/", include(reference_api)),
    path("api/v1/", include(marketdata_api)),
    path("api/v1/", include(portfolios_api)),
    path("api/v1/", include(orders_api)),
    path("api/v1/", include(compliance_api)),
    path("api/v1/", include(surveillance_api)),
    path("api/v1/", include(blocks_api)),
    path("api/v1/", include(routing_api)),
    path("api/v1/", include(algos_api)),
    path("api/v1/", include(certification_api)),
    path("api/v1/", include(allocations_api)),
    path("api/v1/", include(crossing_api)),
    path("api/v1/", include(groups_api)),
    path("api/v1/", include(settlement_api)),
    path("api/v1/", include(reporting_api)),
    path("api/v1/", include(desk_api)),
    path("", include("apps.desk.urls")),
    path("", include("apps.users.urls")),
    path("", include("apps.desk.portfolios.urls")),
    path("", include("apps.allocations.urls")),
    path("", include("apps.settlement.urls")),
    path("", include("apps.reporting.urls")),
    path("", include(([*order_list, *orders_pages], "orders"))),  # The list joins across apps, so the desk has it.
    path("", include("apps.desk.crosses.urls")),
    path("", include("apps.desk.costs.urls")),
    path("", include("apps.groups.urls")),
    path("", include("apps.desk.blotter.urls")),
    path("", include("apps.routing.urls")),
    path("", include("apps.algos.urls")),
    path("", include("apps.certification.urls")),
    path("", include("apps.compliance.urls")),
    path("", include("apps.surveillance.urls")),
]
