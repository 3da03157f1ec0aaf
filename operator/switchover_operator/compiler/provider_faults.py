"""The names that a provider's host and path are made of → what is wrong with them.

The right form is required, as what is in a path or a DNS name is sent to wherever it leads.
"""

import re
from collections.abc import Iterator
from typing import Final

from switchover_operator.compiler.faults import Fault, value_shown
from switchover_operator.compiler.key_texts import unsendable
from switchover_operator.resources.ai import (
    Anthropic,
    ApiJsonSchema,
    Bedrock,
    Gemini,
    Provider,
    Publisher,
    VertexAi,
)

_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
"""AWS General Reference, "AWS Regions": us-east-1, ap-southeast-2, us-gov-west-1, eu-isoe-west-1."""

_LOCATION: Final = re.compile(r"global|us|eu|[a-z]{2,12}-[a-z]{2,16}[0-9]{1,2}")
"""Vertex AI, "Locations": us-central1, northamerica-northeast2; multi-regions; global."""

_PROJECT: Final = re.compile(r"([a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{0,61}[a-z0-9]|[0-9]{1,20}")
"""Google Cloud, "Creating and managing projects": an ID, one with a domain before it, or a number."""

_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}")
"""What names of models, inference profiles and ARNs are made of. It is a part of the path, and not "." or "..": a path
with these leads elsewhere (RFC 3986, section 5.2.4)."""

_API_VERSION: Final = re.compile(r"v[0-9]{1,3}((alpha|beta)[0-9]{0,3})?")
_METHOD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


def provider_faults(path: str, provider: Provider) -> Iterator[Fault]:
    """Yield the faults of the fields that only some providers have. `path` is the provider's."""
    match provider:
        case Anthropic():
            problem = unsendable(provider.version) if provider.version else ""
            if problem:
                yield Fault(f"{path}.version: the value {problem}; a version is a date, as 2023-06-01")
        case Gemini():
            yield from _named(path, "model", provider.model, _MODEL, "the name of a model, as gemini-2.5-pro")
            yield from _named(path, "apiVersion", provider.api_version, _API_VERSION, "a version, as v1beta")
        case VertexAi():
            yield from _vertex_faults(path, provider)
        case Bedrock():
            yield from _named(path, "model", provider.model, _MODEL, "the ID or the ARN of a model or a profile")
            yield from _named(path, "region", provider.region, _REGION, "the name of an AWS region, as us-east-1")
        case _:
            pass


def _vertex_faults(path: str, provider: VertexAi) -> Iterator[Fault]:
    yield from _named(path, "model", provider.model, _MODEL, "the name of a model, as gemini-2.5-pro")
    right = "the name of a location, as us-central1, us, eu or global"
    yield from _named(path, "location", provider.location, _LOCATION, right)
    right = "the ID of a Google Cloud project, as my-project-123, or its number"
    yield from _named(path, "projectId", provider.project_id, _PROJECT, right)
    yield from _named(path, "apiVersion", provider.api_version, _API_VERSION, "a version, as v1")
    yield from _named(path, "modelPath", provider.model_path, _METHOD, "the name of a method, as generateContent")
    apis = (ApiJsonSchema.NOT_SET, ApiJsonSchema.ANTHROPIC)
    is_anthropic = provider.publisher is Publisher.ANTHROPIC
    if is_anthropic and provider.json_schema not in apis:
        wrong = f"models of the publisher ANTHROPIC have the API ANTHROPIC alone; got {provider.json_schema.value}"
        yield Fault(f"{path}.jsonSchema: {wrong}")
    elif not provider.model and (is_anthropic or provider.json_schema is ApiJsonSchema.ANTHROPIC):
        yield Fault(f"{path}.model: is required for a model with the API ANTHROPIC, as the path names it")


def _named(path: str, field: str, value: str, form: re.Pattern[str], right: str) -> Iterator[Fault]:
    if value and not form.fullmatch(value):
        yield Fault(f"{path}.{field}: must be {right}; got {value_shown(field, value)}")
