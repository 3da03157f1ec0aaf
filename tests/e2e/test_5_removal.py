"""Uninstalling takes away what Switchover made and leaves what the user made; the guide's clean-up does the rest."""

import pytest

from cluster import APPS, SYSTEM, CommandFailed, helm, kubectl, names, until

IN_NAMESPACE = (
    "deployments,replicasets,pods,services,endpointslices,leases,roles,rolebindings,networkpolicies,"
    "poddisruptionbudgets,horizontalpodautoscalers,configmaps,secrets,serviceaccounts"
)
CLUSTERWIDE = "clusterroles,clusterrolebindings,gatewayclasses"
OF_KUBERNETES = ["ConfigMap/kube-root-ca.crt", "ServiceAccount/default"]
GUIDES = ["HTTPRoute/model-failover", "RouteOption/model-failover", "Upstream/model-failover"]
CLEAN_UP = """\
kubectl delete secret -n gloo-system openai-secret
kubectl delete deployment -n gloo-system model-failover
kubectl delete upstream -n gloo-system model-failover
kubectl delete httproute -n gloo-system model-failover
kubectl delete routeoption -n gloo-system model-failover
"""


def test_uninstalling_leaves_nothing_of_switchover() -> None:
    helm("uninstall", "switchover", "-n", SYSTEM, "--wait", "--timeout", "3m")

    def is_as_it_was_made() -> bool:
        assert names(IN_NAMESPACE, "-n", SYSTEM) == OF_KUBERNETES
        return True

    until(is_as_it_was_made, "the namespace is as it was made")
    assert [name for name in names(CLUSTERWIDE) if "switchover" in name] == []


def test_uninstalling_leaves_what_the_user_made_and_the_kinds_of_it() -> None:
    assert names("httproutes,routeoptions,upstreams", "-n", APPS) == GUIDES
    assert "Gateway/ai-gateway" in names("gateways", "-n", APPS)
    assert "CustomResourceDefinition/upstreams.gloo.solo.io" in names("crd")


@pytest.mark.parametrize("command", CLEAN_UP.splitlines())
def test_the_guides_clean_up_works(command: str) -> None:
    kubectl(*command.split()[1:], "--timeout", "30s")


def test_the_guides_clean_up_deletes_one_thing_twice_which_kubectl_says() -> None:
    with pytest.raises(CommandFailed, match="NotFound"):
        kubectl("delete", "deployment", "-n", "gloo-system", "model-failover")
