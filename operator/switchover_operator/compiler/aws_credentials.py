"""`credentialProvider` of a Bedrock target → the AWS credentials that its requests are signed with.

The keys of the Secret are those that the tools of AWS use, in lower or in upper case. No message holds a value.
"""

import re
from collections.abc import Mapping
from typing import Final

from switchover_dataplane.table.upstreams import Auth
from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.credentials import Credential, missing_key, other_keys, readable, secret_identity
from switchover_operator.compiler.key_texts import own_key_problem
from switchover_operator.compiler.resolve import Catalogue
from switchover_operator.identity import Identity
from switchover_operator.resources.ai import AwsKeys, CredentialProvider
from switchover_operator.resources.core import Secret
from switchover_operator.resources.reference import ResourceRef

ACCESS_KEY_ID: Final = "aws_access_key_id"
SECRET_ACCESS_KEY: Final = "aws_secret_access_key"  # noqa: S105 - the name of a Secret's key
SESSION_TOKEN: Final = "aws_session_token"  # noqa: S105 - the name of a Secret's key
_NEEDED: Final = (ACCESS_KEY_ID, SECRET_ACCESS_KEY)

_KEY_ID: Final = re.compile(r"\w{16,128}", re.ASCII)
"""IAM API Reference, "AccessKey"."""


def aws_credential(
    catalogue: Catalogue, upstream: Identity, path: str, provider: CredentialProvider | None, place: str
) -> Credential:
    """Follow the `credentialProvider` at `path`; `place` is the target's name in the table.

    Without one, the data plane's own AWS identity signs.
    """
    if provider is None:
        return Credential(Auth("aws-identity"), origin="the data plane's own AWS identity")
    if provider.inline is not None:
        return _inline(f"{path}.inline", provider.inline, f"{place}/inline")
    assert provider.secret_ref is not None  # noqa: S101 - the model requires one of the two
    return _from_secret(catalogue, upstream, f"{path}.secretRef", provider.secret_ref)


def _inline(path: str, keys: AwsKeys, base: str) -> Credential:
    texts = {
        ACCESS_KEY_ID: keys.access_key_id.get_secret_value(),
        SECRET_ACCESS_KEY: keys.secret_access_key.get_secret_value(),
    }
    if keys.session_token is not None:
        texts[SESSION_TOKEN] = keys.session_token.get_secret_value()
    fields = {ACCESS_KEY_ID: "accessKeyId", SECRET_ACCESS_KEY: "secretAccessKey", SESSION_TOKEN: "sessionToken"}
    problems = [
        conditions.invalid_secret(f"{path}.{fields[name]}: {wrong}")
        for name, text in texts.items()
        if (wrong := _problem(name, text))
    ]
    if problems:
        return Credential(problem=problems[0])
    return _made(base, texts, "keys of the Upstream itself")


def _from_secret(catalogue: Catalogue, upstream: Identity, path: str, ref: ResourceRef) -> Credential:
    identity = secret_identity(ref.namespace or upstream.namespace, ref.name)
    secret = readable(catalogue, upstream, identity, path)
    if isinstance(secret, Condition):
        return Credential(problem=secret)
    texts: dict[str, str] = {}
    for name in (*_NEEDED, SESSION_TOKEN):
        key = _spelling(secret, name)
        value = secret.value(key)
        if value is None and name in _NEEDED:
            wrong = missing_key(secret, name)
            return Credential(problem=conditions.invalid_secret(f"{path}: {identity} {wrong}"))
        if value is None:
            continue
        wrong, text = _text(name, value)
        if wrong:
            more = other_keys(secret, key)
            return Credential(problem=conditions.invalid_secret(f"{path}: key {key!r} of {identity} {wrong}{more}"))
        texts[name] = text
    return _made(f"{identity.namespace}/{identity.name}", texts, str(identity))


def _spelling(secret: Secret, name: str) -> str:
    """Return the name of a key as a Secret spells it, which is in lower or in upper case."""
    return name if secret.value(name) is not None else name.upper()


def _text(name: str, value: bytes) -> tuple[str, str]:
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        return "is not UTF-8 text", ""
    return _problem(name, text), text


def _problem(name: str, text: str) -> str:
    """Return why a text cannot be this part of AWS credentials; "" if it can."""
    problem = own_key_problem(text)
    if problem or name != ACCESS_KEY_ID or _KEY_ID.fullmatch(text.strip()):
        return problem
    return "holds no access key ID: it has 16 to 128 letters and digits"


def _made(base: str, texts: Mapping[str, str], origin: str) -> Credential:
    names = {name: f"{base}/{name}" for name in texts}
    auth = Auth("aws", names[SECRET_ACCESS_KEY], names[ACCESS_KEY_ID], names.get(SESSION_TOKEN, ""))
    return Credential(auth, {names[name]: text.strip() for name, text in texts.items()}, origin=origin)
