"""One gateway process with two models, the first of which fails: what every SDK is run against.

base_url = against.fails("429", WORDS)         # the first model answers 429, the second the wanted text
OpenAI(base_url=base_url, ...).chat.completions.create(...)
against.answered_second()
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from running import SECRET, Manifests, Switchover, free_port, switchover
from scripted import HOST, Said, Upstreams
from sdk.failures import FAILURES, INTERRUPTED, Wanted

ROUTES = {
    "listening": ("first", "second"),
    "refusing": ("refused", "second"),
    "impatient": ("first", "second"),
    "listening-briefly": ("first", "second"),
    "prefilling": ("first", "second"),
    "gone": ("refused", "refused"),
}
"""The models of each route, by priority."""

_ALL = FAILURES | INTERRUPTED


@dataclass
class Against:
    """The running gateway and both models."""

    running: Switchover
    upstreams: Upstreams

    def url(self, route: str) -> str:
        """Where an SDK finds the API of a route."""
        return f"{self.running.url}/{route}/v1"

    def script(self, first: Said, *second: Said) -> None:
        """Let both models do this from now on, the second one behaviour a request, and forget what they were asked."""
        self.upstreams["first"].behave(first)
        self.upstreams["second"].behave(*second)
        self.upstreams.order.clear()

    def fails(self, name: str, wanted: Wanted, *, stream: bool = False) -> str:
        """Let the first model fail in this way and the second answer; the base URL for it."""
        failure = _ALL[name]
        self.script(failure.does, wanted.streamed if stream else wanted.whole)
        return self.url(failure.route)

    def answered_second(self, name: str) -> None:
        """Hold that the first model was asked, unless nobody listens there, and then the second, once."""
        asked = [*dict.fromkeys(self.upstreams.order)]
        assert asked == (["second"] if _ALL[name].route == "refusing" else ["first", "second"])
        assert self.upstreams.order.count("second") == 1


def _objects(upstreams: Upstreams) -> list[dict[str, Any]]:
    made = [*_policies(), _patience()]
    for name, models in ROUTES.items():
        made += [_upstream(name, [upstreams.port(model) for model in models]), _route(name)]
    return made


def _named(api: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": "gloo-system"},
        "spec": spec,
    }


def _upstream(name: str, ports: list[int]) -> dict[str, Any]:
    token = {"secretRef": {"name": "openai-secret", "namespace": "gloo-system"}}
    # Mistral is documented to go on with an assistant's message, so it is asked to.
    providers = ("openai", "mistral" if name == "prefilling" else "openai")
    pools = [
        {"pool": [{provider: {"model": f"model-{n}", "customHost": {"host": HOST, "port": port}, "authToken": token}}]}
        for n, (provider, port) in enumerate(zip(providers, ports, strict=True))
    ]
    return _named("gloo.solo.io/v1", "Upstream", name, {"ai": {"multi": {"priorities": pools}}})


def _route(name: str) -> dict[str, Any]:
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": f"/{name}"}}],
        "filters": [rewrite],
        "backendRefs": [{"name": name, "group": "gloo.solo.io", "kind": "Upstream"}],
    }
    spec = {"parentRefs": [{"name": "ai-gateway"}], "rules": [rule]}
    return _named("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec)


def _policies() -> list[dict[str, Any]]:
    """Without cool-down, so that the first model is asked in every test."""
    limits = {"coolDown": {"base": "0s"}}
    brief = {**limits, "firstTokenTimeout": "500ms", "answerTimeout": "500ms", "streamIdleTimeout": "800ms"}
    return [
        _policy("every-request", {"kind": "Gateway", "name": "ai-gateway"}, limits),
        _policy("brief", {"kind": "HTTPRoute", "name": "listening-briefly"}, brief),
    ]


def _policy(name: str, target: dict[str, str], limits: dict[str, Any]) -> dict[str, Any]:
    target_refs = [{"group": "gateway.networking.k8s.io", **target}]
    return _named("switchover.dev/v1alpha1", "FailoverPolicy", name, {"targetRefs": target_refs, **limits})


def _patience() -> dict[str, Any]:
    route = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "impatient"}
    retries = {"numRetries": 1, "perTryTimeout": "0.6s", "previousPriorities": {"updateFrequency": 1}}
    return _named(
        "gateway.solo.io/v1", "RouteOption", "impatient", {"targetRefs": [route], "options": {"retries": retries}}
    )


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Against]:
    """Run the gateway and both models."""
    async with Upstreams(first=200, second=200, refused="refused") as upstreams:
        manifests = Manifests(folder, free_port())
        manifests.gateway()
        manifests.write("models", *_objects(upstreams))
        async with switchover(folder, manifests.port, upstreams.port("second")) as running:
            await running.says("ready: ")
            yield Against(running, upstreams)
        assert SECRET not in "".join(running.written)
