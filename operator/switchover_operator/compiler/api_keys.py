"""AuthConfigs and their Secrets → who has access: callers, by the digests of their API keys.

A digest is enough to recognise a key, and a random key cannot be computed from it. A Secret that cannot be used gives
no access and does not affect the others; if none is left, every request is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from switchover_dataplane.table.access import Access, ApiKeys, Caller, Closed
from switchover_dataplane.table.rules import Header
from switchover_operator.compiler import conditions
from switchover_operator.compiler.auth_faults import API_KEY
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.credentials import HEADER_VALUE, missing_key, secret_identity, unreadable
from switchover_operator.compiler.key_texts import own_key_problem
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.identity import Identity
from switchover_operator.resources.auth_config import ApiKeyAuth, ApiKeyStorage, AuthConfig, MetadataEntry
from switchover_operator.resources.core import Secret
from switchover_operator.resources.reference import ResourceRef

SECRET_TYPE = "extauth.solo.io/apikey"  # noqa: S105 - a Secret's type
SHORTEST_KEY = 16
"""Characters: a random key of this length cannot be guessed, even with its digest."""
DEFAULT_HEADER = "api-key"


@dataclass(frozen=True, slots=True)
class Callers:
    """Who has access; None: everybody. `config` is the AuthConfig it comes from, `secrets` are the values it needs.

    `conditions` and `notes` are what the AuthConfig's status reports about its Secrets.
    """

    access: Access | None
    config: Identity | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()


EVERYBODY = Callers(None)


def nobody(reason: str, config: Identity | None = None) -> Callers:
    """Refuse every request, for a reason."""
    return Callers(Closed(reason), config)


class AuthIndex:
    """The callers of each AuthConfig, worked out once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[Identity, tuple[Callers, set[Identity]]] = {}

    def referred(self, referrer: Identity, path: str, ref: ResourceRef) -> Callers:
        """Follow a `configRef` to the callers that have access; nobody if it cannot be resolved."""
        namespace = ref.namespace or referrer.namespace
        identity = Identity(AuthConfig.GROUP, AuthConfig.KIND, namespace, ref.name)
        if not self._catalogue.permits(referrer, identity):
            text = f"{identity} is in another namespace and no ReferenceGrant in {namespace} allows it"
            return nobody(f"{path}: {text}")
        found = self._catalogue.find(AuthConfig, namespace, ref.name)
        if found is None:
            return nobody(f"{path}: {identity} does not exist")
        callers = self.of(found)
        if isinstance(callers.access, Closed):
            return nobody(f"{path}: {identity} gives no access: {callers.access.reason}", identity)
        return callers

    def of(self, found: Object[AuthConfig]) -> Callers:
        """Return the callers that an AuthConfig gives access to."""
        known = self._known.get(found.identity)
        if known is None:
            with self._catalogue.reading() as reads:
                known = self._known[found.identity] = self._callers(found), reads
        self._catalogue.note(known[1])
        return known[0]

    def _callers(self, found: Object[AuthConfig]) -> Callers:
        if found.model is None:
            return nobody(found.accepted.message, found.identity)
        keys = found.model.spec.configs[0].api_key_auth
        assert keys is not None  # noqa: S101 - otherwise the AuthConfig is refused
        return _SecretReader(self._catalogue, found.identity, keys, self._labelled).callers()

    @cached_property
    def _labelled(self) -> Mapping[str, list[Object[Secret]]]:
        """Namespace → its Secrets with API keys, sorted by name."""
        secrets: dict[str, list[Object[Secret]]] = {}
        for found in self._catalogue.every(Secret):
            if found.model is not None and found.model.type == SECRET_TYPE:
                secrets.setdefault(found.identity.namespace, []).append(found)
        return secrets


class _SecretReader:
    """Reads the Secrets of one AuthConfig, and collects callers, conditions and notes."""

    def __init__(
        self,
        catalogue: Catalogue,
        config: Identity,
        keys: ApiKeyAuth,
        labelled: Mapping[str, list[Object[Secret]]],
    ) -> None:
        self._catalogue = catalogue
        self._config = config
        self._keys = keys
        self._labelled = labelled
        self._headers = _headers(keys)
        self._path = "spec.configs[0].apiKeyAuth"
        self._secrets: dict[str, str] = {}
        self._conditions: list[Condition] = []
        self._notes: list[str] = []

    def callers(self) -> Callers:
        """Make a caller of every usable Secret; of several with the same key, the first by name."""
        by_digest: dict[str, Caller] = {}
        for identity, (path, secret) in sorted(self._found().items()):
            caller = self._caller(path, identity, secret)
            if caller is None:
                continue
            known = by_digest.setdefault(caller.digest, caller)
            if known is not caller:
                text = f"Secrets {known.name} and {caller.name} hold the same key; only the first one counts"
                self._notes.append(text)
        notes = tuple(self._notes)
        if not by_digest:
            reason = f"{self._path}: no Secret with a usable key is named or selected"
            self._conditions.append(conditions.access_control_not_served(f"{reason}; no caller has access"))
            return Callers(Closed(reason), self._config, {}, tuple(self._conditions), notes)
        access = ApiKeys(
            (self._keys.header_name or DEFAULT_HEADER).lower(),
            tuple(sorted(by_digest.values(), key=lambda caller: caller.name)),
            tuple(sorted(self._headers)),
        )
        used = {header.secret for caller in access.callers for header in caller.headers}
        secrets = {place: text for place, text in self._secrets.items() if place in used}
        return Callers(access, self._config, secrets, tuple(self._conditions), notes)

    def _found(self) -> dict[Identity, tuple[str, Secret]]:
        """Return every Secret that is selected or named and may be read, with the path of what selects or names it."""
        storage, path = self._storage()
        found = {
            each.identity: (f"{path}.labelSelector", each.model)
            for each in self._labelled.get(self._config.namespace, ())
            if each.model is not None and storage.label_selector
            if storage.label_selector.items() <= each.model.metadata.labels.items()
        }
        for index, ref in enumerate(storage.api_key_secret_refs):
            identity = secret_identity(ref.namespace or self._config.namespace, ref.name)
            where = f"{path}.apiKeySecretRefs[{index}]"
            problem = unreadable(self._catalogue, self._config, identity, where)
            secret = self._catalogue.serving(Secret, identity.namespace, identity.name)
            if problem is not None:
                self._conditions.append(problem)
            elif secret is not None and secret.type != SECRET_TYPE:
                text = f"{where}: {identity} must be of type {SECRET_TYPE}; got {secret.type}"
                self._conditions.append(conditions.invalid_secret(text))
            elif secret is not None:
                found[identity] = (where, secret)
        return found

    def _storage(self) -> tuple[ApiKeyStorage, str]:
        """Return where the Secrets are named: the newer field, or the older one if the newer names none."""
        newer = self._keys.k8s_secret_apikey_storage
        if newer is not None and (newer.label_selector or newer.api_key_secret_refs):
            return newer, f"{self._path}.k8sSecretApikeyStorage"
        older = ApiKeyStorage.model_construct(
            label_selector=self._keys.label_selector, api_key_secret_refs=self._keys.api_key_secret_refs
        )
        return older, self._path

    def _caller(self, path: str, identity: Identity, secret: Secret) -> Caller | None:
        problem, key = _key_of(secret)
        if problem:
            self._conditions.append(conditions.invalid_secret(f"{path}: {identity} gives no access: {problem}"))
            return None
        headers: list[Header] = []
        for name, entry in self._headers.items():
            value = secret.value(entry.name)
            text = value.decode("utf-8", "replace").strip() if value is not None else ""
            usable = value is not None and HEADER_VALUE.match(text) is not None
            if not usable and entry.required and not self._keys.skip_metadata_validation:
                problem = f"the value of its required key {entry.name!r} cannot be sent in a header"
                self._conditions.append(conditions.invalid_secret(f"{path}: {identity} gives no access: {problem}"))
                return None
            if usable:
                place = f"{identity.namespace}/{identity.name}/{entry.name}"
                self._secrets[place] = text
                headers.append(Header(name, secret=place))
        digest = sha256(key.encode()).hexdigest()
        return Caller(f"{identity.namespace}/{identity.name}", digest, tuple(headers))


def _headers(keys: ApiKeyAuth) -> dict[str, MetadataEntry]:
    """Lower-case name of a header → the key of the Secret with its value, sorted by name."""
    return dict(sorted(_lower(keys.headers_from_metadata | keys.headers_from_metadata_entry)))


def _lower(entries: Mapping[str, MetadataEntry]) -> Iterator[tuple[str, MetadataEntry]]:
    for name, entry in entries.items():
        yield name.lower(), entry


def _key_of(secret: Secret) -> tuple[str, str]:
    """A Secret → (the problem with its API key, the key)."""
    value = secret.value(API_KEY)
    if value is None:
        return f"it {missing_key(secret, API_KEY)}", ""
    try:
        key = value.decode().strip()
    except UnicodeDecodeError:
        return f"its key {API_KEY!r} is not UTF-8 text", ""
    wrong = own_key_problem(key)
    if wrong:
        return f"its key {API_KEY!r} {wrong}", ""
    if len(key) < SHORTEST_KEY:
        return f"its key {API_KEY!r} must have at least {SHORTEST_KEY} characters, random ones", ""
    return "", key
