"""Lists as PostgreSQL is sent them."""

import pytest
from django.db import connection


@pytest.mark.django_db
@pytest.mark.parametrize(
    "said",
    [[3, 1, 2], [2**40, -1], [1, None], [], [True, False], ["a,b", '"', "{}", None], [[1, 2], [3, 4]]],
    ids=["numbers", "large", "nothing among them", "empty", "flags", "texts", "nested"],
)
def test_a_list_comes_back_as_it_went(said):
    kind = "text[]" if any(isinstance(one, str) for one in said) else "bool[]" if said and said[0] is True else "bigint[]"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}", [said])
        assert cursor.fetchone()[0] == said
        assert connection.connection.adapters.get_dumper(list, "t").__name__ == "NumbersDumper"
