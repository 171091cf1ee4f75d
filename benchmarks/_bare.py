"""A Django view with nothing of the portal but its session: reads orders as JSON and inserts them, one statement."""

import json

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


def make_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bare_order (id bigserial PRIMARY KEY, portfolio_id bigint REFERENCES portfolios_portfolio,"
            " instrument_id bigint REFERENCES reference_instrument, side text, qty numeric(20, 4) CHECK (qty > 0),"
            " created_by_id bigint, created_at timestamptz DEFAULT now())"
        )


@transaction.atomic
def enter(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return HttpResponse(status=403)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bare_order (portfolio_id, instrument_id, side, qty, created_by_id)"
            " SELECT p.id, i.id, a.side, a.qty, %s FROM jsonb_to_recordset(%s)"
            " AS a(portfolio text, instrument text, side text, qty numeric)"
            " JOIN portfolios_portfolio p ON p.code = a.portfolio JOIN reference_instrument i ON i.symbol = a.instrument"
            " RETURNING id, portfolio_id, instrument_id, side, qty, created_at",
            [request.user.pk, json.dumps(json.loads(request.body))],
        )
        names = [column.name for column in cursor.description]
        return JsonResponse([dict(zip(names, row, strict=True)) for row in cursor.fetchall()], safe=False, status=201)


urlpatterns = [path("bare/", enter)]
