"""The faults of an AuthConfig by itself. An AuthConfig with a fault closes the routes that refer to it."""

from collections.abc import Iterator

from switchover_operator.compiler.faults import Fault, header_faults
from switchover_operator.resources.auth_config import ApiKeyAuth, AuthConfig, AuthStep, MetadataEntry
from switchover_operator.resources.model import Closing, field_names

API_KEY = "api-key"
"""The key of a Secret that holds the API key (Gloo API reference, `ApiKeySecret`)."""


def auth_config_faults(config: AuthConfig) -> Iterator[Fault]:
    """Yield every fault of an AuthConfig. Exactly one step is served, and it must be `apiKeyAuth`."""
    steps = config.spec.configs
    if len(steps) != 1:
        yield Fault(f"spec.configs: must have exactly one step, apiKeyAuth; got {len(steps)}", "UnsupportedValue")
    if config.spec.boolean_expr:
        yield Fault("spec.booleanExpr: is not served; remove it, as only one step is served", "UnsupportedValue")
    for index, step in enumerate(steps):
        yield from _step_faults(f"spec.configs[{index}]", step)


def _step_faults(path: str, step: AuthStep) -> Iterator[Fault]:
    unserved = sorted(
        key
        for key, name in field_names(AuthStep).items()
        if any(isinstance(mark, Closing) for mark in AuthStep.model_fields[name].metadata)
        and getattr(step, name) is not None
    )
    unknown = sorted(key for key, value in (step.model_extra or {}).items() if value is not None)
    for key in (*unserved, *unknown):
        yield Fault(f"{path}.{key}: is not served; only apiKeyAuth is", "UnsupportedValue")
    if step.api_key_auth is None:
        if not unserved and not unknown:
            yield Fault(f"{path}.apiKeyAuth: is required; it is the only step that is served")
        return
    yield from _api_key_faults(f"{path}.apiKeyAuth", step.api_key_auth)


def _api_key_faults(path: str, keys: ApiKeyAuth) -> Iterator[Fault]:
    if keys.header_name:
        yield from header_faults(f"{path}.headerName", keys.header_name, "")
    if keys.aerospike_apikey_storage is not None:
        yield Fault(f"{path}.aerospikeApikeyStorage: is not served; only k8sSecretApikeyStorage is", "UnsupportedValue")
    for field, entries in _metadata(keys):
        for name, entry in sorted(entries.items()):
            where = f"{path}.{field}.{name}"
            yield from header_faults(where, name, "")
            if entry.name == API_KEY:
                yield Fault(f"{where}.name: must be a key other than {API_KEY!r}, which is never sent to a backend")


def _metadata(keys: ApiKeyAuth) -> Iterator[tuple[str, dict[str, MetadataEntry]]]:
    yield "headersFromMetadata", keys.headers_from_metadata
    yield "headersFromMetadataEntry", keys.headers_from_metadata_entry
