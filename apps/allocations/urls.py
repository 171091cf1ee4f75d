"""Addresses of allocations."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from . import api, charge_api, csa_api, csa_views, views

app_name = "allocations"
router = SimpleRouter()
router.register("allocations", api.Allocations, basename="api-allocation")
router.register("commissions", charge_api.Charges, basename="api-charge")
router.register("csa-accounts", csa_api.CsaAccounts, basename="api-csa-account")
router.register("step-outs", csa_api.StepOuts, basename="api-step-out")

api_urlpatterns = router.urls
urlpatterns = [
    path("allocations/", views.listing, name="list"),
    path("allocations/rows/", views.rows, name="rows"),
    path("allocations/blocks/<int:block_id>/", views.block, name="block"),
    path("allocations/blocks/<int:block_id>/step-out/", csa_views.step_out, name="step_out"),
    path("allocations/step-outs/<int:step_out_id>/withdraw/", csa_views.withdraw, name="step_out_withdraw"),
    path("soft-dollars/", csa_views.accounts, name="csa"),
    path("soft-dollars/<int:account_id>/", csa_views.account, name="csa_account"),
    path("soft-dollars/<int:account_id>/pay/", csa_views.pay, name="csa_pay"),
    path("soft-dollars/<int:account_id>/correct/", csa_views.correct, name="csa_correct"),
]
