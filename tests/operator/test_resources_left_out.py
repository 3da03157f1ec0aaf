"""Entries with faults beside entries without: what is left out, what refuses the whole, and what was probably meant."""

import pytest

from bodies import problems, upstream
from switchover_operator.resources.left_out import LeftOut
from switchover_operator.resources.upstream import StaticHost


def test_an_entry_with_a_fault_is_left_out_in_its_place_and_the_one_beside_it_stays() -> None:
    parsed = upstream("spec: {static: {hosts: [{addr: a, port: '80'}, {addr: b, port: 80}, nonsense]}}")
    assert parsed.spec.static is not None
    assert parsed.spec.static.hosts == (
        LeftOut(("spec.static.hosts[0].port: must be an integer from 1 to 65535, as 80; got '80' (a string)",)),
        StaticHost(addr="b", port=80),
        LeftOut(("spec.static.hosts[2]: must be an object (fields with values); got 'nonsense' (a string)",)),
    )


def test_a_fault_beside_the_entries_is_one_of_the_whole_and_is_told_with_theirs() -> None:
    hosts = "[{addr: a, port: '80'}, {addr: b, port: 80}]"
    told = problems("Upstream", f"spec: {{static: {{hosts: {hosts}}}, connectionConfig: 7}}")
    assert [line.split(":")[0] for line in told] == ["spec.static.hosts[0].port", "spec.connectionConfig"]
    told = problems("Upstream", f"spec: {{static: {{hosts: {hosts}}}, kube: {{serviceName: s, servicePort: 1}}}}")
    assert [line.split(":")[0] for line in told] == ["spec.static.hosts[0].port", "spec"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("openAI", "openai"), ("OpenAI", "openai"), ("azure_openai", "azureOpenai"), ("mistrall", "mistral")],
)
def test_a_provider_that_is_misspelt_is_named_with_the_one_that_was_meant(written: str, meant: str) -> None:
    [told] = problems("Upstream", f"spec: {{ai: {{{written}: {{model: m}}}}}}")
    assert told.startswith(f"spec.ai.{written}: is unknown; did you mean {meant}? The object must have one of openai,")


def test_a_provider_that_is_like_none_is_named_with_those_that_there_are() -> None:
    [told] = problems("Upstream", "spec: {ai: {cohere: {model: m}}}")
    assert told.startswith("spec.ai.cohere: is unknown; the object must have one of openai,")
