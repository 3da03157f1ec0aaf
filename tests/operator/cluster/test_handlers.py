"""What kopf is told, and what of a body is kept."""

import itertools
from typing import Any

import kopf

from switchover_operator.cluster.handlers import SECRETS, Backoffs, indexed_as, settings
from switchover_operator.identity import Identity


def test_a_body_is_kept_without_its_managed_fields_and_otherwise_as_it_is() -> None:
    body: Any = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key", "namespace": "ai", "uid": "1", "managedFields": [{"manager": "kubectl"}]},
        "data": {"Authorization": "aGVsbG8="},
    }
    [(identity, kept)] = indexed_as(kopf.Body(body))
    assert identity == Identity("", "Secret", "ai", "key")
    assert kept == {**body, "metadata": {"name": "key", "namespace": "ai", "uid": "1"}}
    assert "managedFields" in body["metadata"], "kopf's own copy is not changed"


def test_kopf_posts_no_events_of_its_own() -> None:
    assert not settings().posting.enabled


def test_the_api_server_is_asked_again_for_ever() -> None:
    waits = list(itertools.islice(Backoffs(), 1000))
    assert waits[:3] == [0.2, 0.5, 1.0]
    assert waits[-1] == 2.0


def test_secrets_of_helm_and_of_service_accounts_are_not_read() -> None:
    assert settings().watching.field_selectors["", "v1", "secrets"] == SECRETS
