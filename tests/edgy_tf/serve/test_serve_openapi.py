"""Schemathesis asks what the OpenAPI page says may be asked, and more: no 500, no way past the token."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.core.result import Ok

from edgy_tf.releases import Release
from edgy_tf.serve.auth import Client
from tests.edgy_tf.serve.conftest import Serving, serving

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.ignored_auth,
]


@pytest.fixture(scope="module")
def guarded(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(release, tmp_path_factory.mktemp("openapi"), (Client("fuzzer"),), voices=3) as server:
        yield server


def test_every_route_answers_as_described(guarded: Serving) -> None:
    schema = schemathesis.openapi.from_url(f"{guarded.url}/openapi.json")
    operations = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operations.append(found.ok())
    assert {op.label for op in operations} >= {"POST /v1/transcript", "DELETE /v1/voices/{voice_id}"}
    for operation in operations:
        answers_as_described(operation.as_strategy(), guarded.tokens["fuzzer"])
        # Where any bytes are a body there is nothing to get wrong.
        with suppress(Unsatisfiable):
            wrong = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
            answers_as_described(wrong, guarded.tokens["fuzzer"])


def answers_as_described(cases: st.SearchStrategy[schemathesis.Case], token: str) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

    ask()
