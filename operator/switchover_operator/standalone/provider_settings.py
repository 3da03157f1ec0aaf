"""A model of `--model` and the environment → what an Upstream has to say of its provider, beside where it is.

Each provider has its own fields, and variables that its own tools read. What a variable holds stands in no message.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from switchover_operator.compiler import service_accounts
from switchover_operator.compiler.credentials import TOKEN_KEY
from switchover_operator.compiler.key_texts import key_of, own_key_problem
from switchover_operator.key_shapes import without_keys
from switchover_operator.standalone.model_names import Model
from switchover_operator.standalone.providers import (
    AWS_BEARER_TOKEN,
    AWS_KEYS,
    AWS_REGIONS,
    AZURE_API_VERSION,
    AZURE_DEFAULT_VERSION,
    AZURE_ENDPOINT,
    HTTPS,
    VERTEX_DEFAULT_LOCATION,
    VERTEX_LOCATION,
    VERTEX_PROJECT,
)

AWS_SECRET: Final = "aws-credentials"  # noqa: S105 - the name of a Secret
"""The Secret that holds AWS credentials; every other one is named for the variable of its token."""

Fields = dict[str, Any]


def variables(model: Model, environment: Mapping[str, str], *, also_unset: bool = False) -> tuple[str, ...]:
    """Name the variables whose values are the model's credential; none where it is asked without one.

    With `also_unset`, those that it needs are named though they are not set.
    """
    if model.known.field != "bedrock":
        wanted = bool(environment.get(model.known.variable)) or (also_unset and model.needs_key)
        return (model.known.variable,) if wanted else ()
    if environment.get(AWS_BEARER_TOKEN):
        return (AWS_BEARER_TOKEN,)
    return tuple(name for name in AWS_KEYS if environment.get(name))


def problems(model: Model, environment: Mapping[str, str]) -> list[str]:
    """Say of each variable of a credential that is missing, or has a value that cannot be used."""
    if model.known.field == "bedrock":
        return _aws_problems(model, environment)
    variable = model.known.variable
    key = environment.get(variable, "")
    if model.needs_key and not key:
        hint = f" (a server that asks for none is vllm/{model.name}@HOST:PORT)" if _is_at_a_host(model) else ""
        a_file = " to the file with the key of a service account" if model.known.field == "vertexAi" else ""
        return [f"--model {model} needs a key: set {variable}{a_file}{hint}"]
    if model.known.field == "vertexAi" and service_accounts.is_json(key):
        problem = service_accounts.read(key)[0]
    else:
        problem = key_of(key)[0] if key else ""
    return [f"--model {model}: {variable} {problem}"] if problem else []


def _is_at_a_host(model: Model) -> bool:
    return bool(model.host) and model.known.field == "openai"


def _aws_problems(model: Model, environment: Mapping[str, str]) -> list[str]:
    names = variables(model, environment)
    if names == (AWS_BEARER_TOKEN,):
        problem = key_of(environment[AWS_BEARER_TOKEN])[0]
        return [f"--model {model}: {AWS_BEARER_TOKEN} {problem}"] if problem else []
    missing = [name for name in AWS_KEYS[:2] if names and name not in names]
    wrong = [f"--model {model} needs both parts of its AWS credentials: set {name}" for name in missing]
    return wrong + [
        f"--model {model}: {name} {problem}" for name in names if (problem := own_key_problem(environment[name]))
    ]


def credential(names: tuple[str, ...], namespace: str) -> Fields:
    """Return the field that refers to the Secret of these variables; {} without any."""
    if not names:
        return {}
    reference = {"secretRef": {"name": secret_name(names), "namespace": namespace}}
    return {"credentialProvider" if names[0] in AWS_KEYS else "authToken": reference}


def secret_name(names: tuple[str, ...]) -> str:
    """Return the name of the Secret that holds the values of these variables."""
    return AWS_SECRET if names[0] in AWS_KEYS else names[0].lower().replace("_", "-")


def secret_values(names: tuple[str, ...], values: Mapping[str, str]) -> dict[str, str]:
    """Return what stands in that Secret. `values` are those of the variables."""
    return {name if name in AWS_KEYS else TOKEN_KEY: values[name] for name in names}


def fields(model: Model, environment: Mapping[str, str]) -> tuple[Fields, tuple[str, int]]:
    """Return the fields of the provider for a model, and host and port of a custom host, ("", 0) for none.

    Raises:
        ValueError: a variable is missing that says where the model is.
    """
    host, port = (model.host, model.port) if model.host else (model.known.host, model.known.port)
    match model.known.field:
        case "azureOpenai":
            return _azure(model, environment)
        case "vertexAi":
            return _vertex(model, environment), (host, port)
        case "bedrock":
            region = next(filter(None, map(environment.get, AWS_REGIONS)), "")
            if not region:
                raise ValueError(f"--model {model} needs a region: set {AWS_REGIONS[0]}, as us-east-1")
            return {"model": model.name, "region": region}, (host, port)
        case _:
            return {"model": model.name}, (host, port)


def _vertex(model: Model, environment: Mapping[str, str]) -> Fields:
    project = environment.get(VERTEX_PROJECT, "")
    if not project:
        raise ValueError(f"--model {model} needs the ID of your Google Cloud project: set {VERTEX_PROJECT}")
    location = environment.get(VERTEX_LOCATION) or VERTEX_DEFAULT_LOCATION
    body: Fields = {"model": model.name, "projectId": project, "location": location}
    if model.name.startswith("claude"):
        return {**body, "publisher": "ANTHROPIC"}
    return {**body, "jsonSchema": "OPENAI"} if "/" in model.name else body


def _azure(model: Model, environment: Mapping[str, str]) -> tuple[Fields, tuple[str, int]]:
    endpoint, port = (model.host, model.port) if model.host else _azure_endpoint(model, environment)
    version = environment.get(AZURE_API_VERSION) or AZURE_DEFAULT_VERSION
    body = {"endpoint": endpoint, "deploymentName": model.name, "apiVersion": version}
    return body, ("", 0) if port == HTTPS else (endpoint, port)


def _azure_endpoint(model: Model, environment: Mapping[str, str]) -> tuple[str, int]:
    text = environment.get(AZURE_ENDPOINT, "").strip()
    right = "https://RESOURCE.openai.azure.com"
    if not text:
        raise ValueError(f"--model {model} needs the address of your resource: set {AZURE_ENDPOINT}={right}")
    parts = urlsplit(text if "://" in text else f"https://{text}")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in ("http", "https") or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError(
            f"--model {model}: {AZURE_ENDPOINT} must be scheme and host alone, as {right}; got {without_keys(text)!r}"
        )
    return host, port or (HTTPS if parts.scheme == "https" else 80)
