"""What cannot be asked for is refused before anybody looks for it."""

import pytest


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/desk/costs/?broker=%00", "/routes/?q=a%00b", "/api/v1/orders/?symbol=%00", "/orders/%00/"])
def test_an_address_with_a_nul_is_refused(client, tom, path):
    client.force_login(tom)
    answer = client.get(path)

    assert answer.status_code == 422
    assert "NUL" in answer.content.decode()
    assert answer["X-Request-Ref"]
