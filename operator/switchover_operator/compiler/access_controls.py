"""Raw options of Gloo's → the access controls in them that are not served here.

Whoever writes one wants nobody let in without it, so that what holds it is closed and never served open. What is
served (`extauth` with a `configRef`) is followed elsewhere. Empty values mean what they mean to Gloo. Sources: Gloo API
reference, `extauth.proto`, `jwt.proto`, `rbac.proto`, `waf.proto`, and `plugins/csrf`.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from switchover_operator.resources.model import field_names
from switchover_operator.resources.route_option import ExtAuth, RouteOption, RouteOptions

Judge = Callable[[Any], bool]
"""Whether a value that is not null controls access."""

_STEMS: Final = (
    "accesscontrol",
    "apikey",
    "authconfig",
    "authentication",
    "authn",
    "authorization",
    "authz",
    "basicauth",
    "clientcert",
    "csrf",
    "customauth",
    "extauth",
    "externalauth",
    "hmacauth",
    "jwt",
    "ldap",
    "mtls",
    "oauth",
    "oidc",
    "opaauth",
    "opaserver",
    "passthroughauth",
    "rbac",
    "waf",
)
_NAMES: Final = ("auth", "extauth", "jwt", "jwtstaged", "jwtprovidersstaged", "rbac", "csrf", "waf")
_CLOSE: Final = 0.8
"""Share of letters in common from which on a name is taken for a misspelt one."""


def written(spec: object) -> tuple[str, ...]:
    """Name the fields of a raw `spec` that control access, served or not: paths such as `spec.options.jwt`, sorted.

    One that stands beside `options` was meant for it.
    """
    if not isinstance(spec, Mapping):
        return ()
    options = (f"spec.options.{name}" for name in _controls(spec.get("options")))
    return (*options, *(f"spec.{name}" for name in _controls(spec)))


def unserved(option: RouteOption) -> tuple[str, ...]:
    """Name the fields of a RouteOption that control access and are not served, as `written` does.

    `extauth` is not among them: what it refers to decides.
    """
    options = option.spec.options
    known = {key: getattr(options, name) for key, name in field_names(RouteOptions).items() if key in _UNSERVED}
    return written({**(option.spec.model_extra or {}), "options": {**known, **(options.model_extra or {})}})


def written_in_filters(spec: object) -> list[str]:
    """Name the filters of a raw HTTPRoute's `spec` that control access, none of which is served (GEP-1494).

    A route that has one is refused, and its last good version must not serve open in its place.
    """
    return [
        path
        for path, each in _filters(spec)
        if resembles(str(each.get("type"))) or any(resembles(str(key)) for key in each if each[key] is not None)
    ]


def _filters(spec: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each filter of a raw HTTPRoute's `spec` with its path."""
    for index, rule in _entries(spec, "rules"):
        yield from ((f"spec.rules[{index}].filters[{place}]", each) for place, each in _entries(rule, "filters"))
        for number, backend in _entries(rule, "backendRefs"):
            path = f"spec.rules[{index}].backendRefs[{number}]"
            yield from ((f"{path}.filters[{place}]", each) for place, each in _entries(backend, "filters"))


def _entries(of: object, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    entries = of.get(name) if isinstance(of, Mapping) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, Mapping):
            yield index, entry


def guards(option: RouteOption) -> bool:
    """Tell whether a RouteOption lets in those alone whom it asks, or nobody."""
    extauth = option.spec.options.extauth
    return bool(unserved(option)) or (extauth is not None and asks(extauth))


def asks(extauth: ExtAuth) -> bool:
    """Tell whether anybody is asked who he is; `{}` and `disable: true` ask nobody."""
    return any(value is not None for value in (extauth.config_ref, extauth.custom_auth, *unknown(extauth)))


def unknown(extauth: ExtAuth) -> list[str]:
    """Name the fields that nobody knows."""
    return sorted(name for name, value in (extauth.model_extra or {}).items() if value is not None)


def _controls(options: object) -> list[str]:
    if not isinstance(options, Mapping):
        return []
    return sorted({name for key, value in options.items() for name in _control(str(key), value)})


def _control(key: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    judge = _JUDGES.get(key)
    if judge is not None:
        if judge(value):
            yield key
    elif key == "extensions":
        configs = value.get("configs") if isinstance(value, Mapping) else None
        for name in configs if isinstance(configs, Mapping) else ():
            if resembles(str(name)):
                yield f"extensions.configs.{name}"
    elif resembles(key):
        yield key


@lru_cache(maxsize=4096)
def resembles(name: str) -> bool:
    """Tell whether a name that nobody knows was probably meant for an access control.

    Case, `_` and `-` make no difference; it begins as one does, or has its letters in another order or nearly all.
    """
    letters = name.lower().replace("_", "").replace("-", "")
    return letters.startswith(_STEMS) or any(
        sorted(letters) == sorted(known) or SequenceMatcher(None, letters, known).ratio() >= _CLOSE for known in _NAMES
    )


# ── What a value means ──────────────────────────────────────────────────────────────────────────────────────────────


def _is_void(value: Any) -> bool:
    """Whether a value cannot be told from unset in Gloo's API."""
    if isinstance(value, Mapping):
        return all(entry is None for entry in value.values())
    return value is None or value in (False, 0, "", [])


def _says_more_than(value: Any, *names: str) -> bool:
    """Whether a value sets another field than these, or is no object at all."""
    if not isinstance(value, Mapping):
        return True
    return any(not _is_void(entry) for key, entry in value.items() if key not in names)


def _extauth(value: Any) -> bool:
    """`{}` and `disable: true` leave a route as open as it was; an empty `customAuth` asks the server all the same."""
    if isinstance(value, Mapping) and value.get("customAuth") is not None:
        return True
    return _says_more_than(value, "disable")


def _jwt(value: Any) -> bool:
    """At a route it can only switch off what a virtual host asks for; at that, no providers are none to be asked."""
    return _says_more_than(value, "disable")


def _jwt_staged(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return True
    return any(entry is not None and _jwt(entry) for entry in value.values())


def _rbac(value: Any) -> bool:
    """Without policies everybody is refused."""
    return not (isinstance(value, Mapping) and value.get("disable") is True)


def _csrf(value: Any) -> bool:
    """`shadowEnabled` only counts; without `filterEnabled` Gloo refuses nobody."""
    return _says_more_than(value, "shadowEnabled")


def _waf(value: Any) -> bool:
    if isinstance(value, Mapping) and value.get("disabled") is True:
        return False
    return _says_more_than(value, "disabled")


_JUDGES: Final[Mapping[str, Judge]] = MappingProxyType(
    {
        "extauth": _extauth,
        "jwt": _jwt,
        "jwtStaged": _jwt_staged,
        "jwtProvidersStaged": _jwt_staged,
        "rbac": _rbac,
        "csrf": _csrf,
        "waf": _waf,
    }
)
_UNSERVED: Final = (_JUDGES.keys() - {"extauth"}) | {"extensions"}
