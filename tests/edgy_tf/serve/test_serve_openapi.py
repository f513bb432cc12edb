"""Schemathesis asks what the OpenAPI page says may be asked, and more: no 500, no way past the token."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from edgy_tf.releases import Release
from edgy_tf.serve.auth import Client
from tests.edgy_tf.serve.conftest import Serving, serving


@pytest.fixture(scope="module")
def guarded(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(release, tmp_path_factory.mktemp("openapi"), (Client("fuzzer"),), voices=3) as server:
        yield server


@pytest.fixture
def api(guarded: Serving) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{guarded.url}/openapi.json")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_route_answers_as_described(case: schemathesis.Case, guarded: Serving) -> None:
    case.call_and_validate(
        headers={"Authorization": f"Bearer {guarded.tokens['fuzzer']}"},
        checks=[
            checks.not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
            checks.ignored_auth,
        ],
    )
