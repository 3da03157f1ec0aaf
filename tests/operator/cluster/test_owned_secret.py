"""Values ↔ a Secret of the operator's own."""

from switchover_operator.cluster.owned_secret import owned_secret, secret_values
from switchover_operator.identity import Identity

NAME = Identity("", "Secret", "system", "push")
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "operator", "uid": "1"}


def test_the_values_of_a_secret_are_those_that_it_was_made_of() -> None:
    assert secret_values(owned_secret(NAME, {"tls.crt": "PEM", "tls.key": "é"}, [OWNER])) == {
        "tls.crt": "PEM",
        "tls.key": "é",
    }


def test_a_secret_belongs_to_the_deployment_that_an_uninstall_removes() -> None:
    secret = owned_secret(NAME, {}, [OWNER], "kubernetes.io/tls")
    assert (secret["type"], secret["metadata"]["ownerReferences"]) == ("kubernetes.io/tls", [OWNER])


def test_a_value_that_somebody_garbled_is_empty_and_the_others_stay() -> None:
    assert secret_values({"data": {"a": "//8=", "b": "?", "c": "Yw=="}}) == {"a": "", "b": "", "c": "c"}
    assert secret_values({}) == {}
