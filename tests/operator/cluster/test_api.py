"""Where objects are at the API server."""

import pytest

from switchover_operator.cluster.api import kind_path, object_path, written_kind
from switchover_operator.identity import Identity


def test_a_kind_is_listed_in_one_namespace_or_in_all() -> None:
    assert kind_path("", "v1", "secrets") == "/api/v1/secrets"
    assert kind_path("", "v1", "secrets", "ai") == "/api/v1/namespaces/ai/secrets"
    assert kind_path("gloo.solo.io", "v1", "upstreams", "ai") == "/apis/gloo.solo.io/v1/namespaces/ai/upstreams"


def test_an_object_has_a_path_and_its_status_another() -> None:
    upstream = Identity("gloo.solo.io", "Upstream", "ai", "chat")
    assert object_path(upstream) == "/apis/gloo.solo.io/v1/namespaces/ai/upstreams/chat"
    assert object_path(upstream, "status") == "/apis/gloo.solo.io/v1/namespaces/ai/upstreams/chat/status"
    gateway_class = Identity("gateway.networking.k8s.io", "GatewayClass", "", "switchover")
    assert object_path(gateway_class) == "/apis/gateway.networking.k8s.io/v1/gatewayclasses/switchover"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (object_path(Identity("gloo.solo.io", "Upstream", "ai", "chat"), "status"), "statuses"),
        (object_path(Identity("", "Service", "ai", "chat")), "services"),
        (object_path(Identity("", "Secret", "ai", "chat")), "secrets"),
        (kind_path("coordination.k8s.io", "v1", "leases", "ai"), "leases"),
        (kind_path("events.k8s.io", "v1", "events", "ai"), "events"),
        ("/api/v1/namespaces/ai/configmaps/chat", "others"),
    ],
)
def test_what_is_written_is_counted_by_a_word_of_a_few(path: str, word: str) -> None:
    assert written_kind(path) == word
