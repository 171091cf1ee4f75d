"""The API's description: whole, without a warning, and every address of the API in it."""

import io

import pytest
import yaml
from django.core.management import call_command

from .test_doors import ADDRESSES


@pytest.fixture(scope="module")
def described(tmp_path_factory) -> dict:
    path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--file", str(path), stdout=io.StringIO(), stderr=io.StringIO()
    )
    return yaml.safe_load(path.read_text())


def test_is_valid_and_raises_no_warning(described):
    assert described["openapi"].startswith("3.")


def test_every_act_says_what_it_is_for(described):
    silent = [
        (path, method)
        for path, acts in described["paths"].items()
        for method, act in acts.items()
        if not act.get("summary") and not act.get("description")
    ]
    assert silent == []


def test_describes_as_many_addresses_as_there_are(described):
    assert len(described["paths"]) == len([name for name in ADDRESSES if (name or "").startswith("api-")])
