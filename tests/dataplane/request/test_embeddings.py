"""Which targets may answer a request for embeddings: those of one model."""

import pytest

from switchover_dataplane.request.embeddings import of_one_model
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import AzureOpenAI, Mistral, OpenAI, Target, Upstream
from switchover_dataplane.upstream.targets import routes

Provider = OpenAI | AzureOpenAI | Mistral


def upstream(*pools: str) -> Upstream:
    """Pools of targets by the models that they name: "a b", "-" for none, "azure:d" for a deployment."""
    return Upstream(
        "up",
        True,
        tuple(
            tuple(
                Target(f"{priority}/{number} {name}", "h", 443, provider(name))
                for number, name in enumerate(pool.split())
            )
            for priority, pool in enumerate(pools)
        ),
    )


def provider(name: str) -> Provider:
    if name.startswith("azure:"):
        return AzureOpenAI(name.removeprefix("azure:"), "2024-10-21")
    return OpenAI(name.removeprefix("-"))


def kept(given: Upstream, model: str) -> list[str]:
    """What is left of each pool."""
    table = Table(1, "", upstreams={"up": given})
    chosen = of_one_model(given, routes(table), model)
    return [" ".join(target.id.partition(" ")[2] for target in pool) for pool in chosen.priorities]


@pytest.mark.parametrize(
    ("pools", "model", "right"),
    [
        (("a", "b"), "a", ["a", ""]),
        (("a", "b", "a"), "a", ["a", "", "a"]),
        (("b", "a"), "a", ["", "a"]),
        (("a b", "b a"), "a", ["a", "a"]),
        (("-", "-"), "a", ["-", "-"]),
        (("-", "a", "b"), "a", ["-", "a", ""]),
        (("b", "-"), "a", ["", "-"]),
        (("b", "c", "b"), "a", ["b", "", "b"]),
        (("b c", "c b"), "a", ["b", "b"]),
        (("b", "c"), "", ["b", ""]),
        (("azure:a", "a", "azure:b"), "a", ["azure:a", "a", ""]),
        (("azure:x", "azure:y", "azure:x"), "a", ["azure:x", "", "azure:x"]),
        (("a",), "a", ["a"]),
        (("", "b"), "a", ["", "b"]),
        ((), "a", []),
    ],
)
def test_targets_of_one_model_stay_in_their_priorities(pools: tuple[str, ...], model: str, right: list[str]) -> None:
    assert kept(upstream(*pools), model) == right


def test_an_upstream_of_one_model_is_not_made_anew() -> None:
    given = upstream("a", "a")
    assert of_one_model(given, routes(Table(1, "", upstreams={"up": given})), "a") is given
