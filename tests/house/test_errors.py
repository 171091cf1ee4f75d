"""What cannot be asked for is refused before anybody looks for it."""

import pytest

from apps.routing.models import Halt


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/desk/costs/?broker=%00", "/routes/?q=a%00b", "/api/v1/orders/?symbol=%00", "/orders/%00/"])
def test_an_address_with_a_nul_is_refused(client, tom, path):
    client.force_login(tom)
    answer = client.get(path)

    assert answer.status_code == 422
    assert "NUL" in answer.content.decode()
    assert answer["X-Request-Ref"]


@pytest.mark.django_db
def test_a_reason_with_a_nul_is_refused_on_a_page(client, tom):
    client.force_login(tom)
    answer = client.post("/halts/set/", {"scope": "FIRM", "mode": "ALL", "reason": "Drill\x00"})

    assert answer.status_code == 422
    assert "NUL" in answer.content.decode()
    assert not Halt.objects.exists()
