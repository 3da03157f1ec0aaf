"""Raw options of Gloo's → the access controls in them that are not served here.

An access control that is not served closes its route: the route is never served without it. The one that is served
(`extauth` with a `configRef`) is handled in `access.py`. Empty values have the meaning that Gloo gives them. Sources:
Gloo API reference, `extauth.proto`, `jwt.proto`, `rbac.proto`, `waf.proto`, and `plugins/csrf`.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Final

from switchover_operator.resources.model import field_names
from switchover_operator.resources.route_option import ExtAuth, RouteOption, RouteOptions

ControlCheck = Callable[[Any], bool]
"""Tells whether a value that is not null controls access."""

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
"""Similarity from which a name counts as a misspelt access control."""


def written(spec: object) -> tuple[str, ...]:
    """Return the paths of the fields of a raw `spec` that control access, served or not: `spec.options.jwt`; sorted.

    A field beside `options` counts as misplaced, and so as one of them.
    """
    if not isinstance(spec, Mapping):
        return ()
    options = (f"spec.options.{name}" for name in _controls(spec.get("options")))
    return (*options, *(f"spec.{name}" for name in _controls(spec)))


def unserved(option: RouteOption) -> tuple[str, ...]:
    """Return the paths of the fields of a RouteOption that control access and are not served, as `written` does.

    `extauth` is not among them: it depends on what it refers to.
    """
    options = option.spec.options
    if not (option.spec.model_extra or options.model_extra) and _unserved_names().isdisjoint(options.model_fields_set):
        return ()
    known = {key: getattr(options, name) for key, name in field_names(RouteOptions).items() if key in _UNSERVED}
    return written({**(option.spec.model_extra or {}), "options": {**known, **(options.model_extra or {})}})


def written_in_filters(spec: object) -> list[str]:
    """Return the paths of the filters of a raw HTTPRoute's `spec` that control access; none is served (GEP-1494).

    A route with such a filter is refused, and its last good version must not be served without access control.
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
    """Tell whether a RouteOption restricts access."""
    extauth = option.spec.options.extauth
    return bool(unserved(option)) or (extauth is not None and restricts(extauth))


def restricts(extauth: ExtAuth) -> bool:
    """Tell whether an `extauth` restricts access; `{}` and `disable: true` do not."""
    return any(value is not None for value in (extauth.config_ref, extauth.custom_auth, *unknown(extauth)))


def unknown(extauth: ExtAuth) -> list[str]:
    """Return the names of the unknown fields."""
    return sorted(name for name, value in (extauth.model_extra or {}).items() if value is not None)


def _controls(options: object) -> list[str]:
    if not isinstance(options, Mapping):
        return []
    return sorted({name for key, value in options.items() for name in _control(str(key), value)})


def _control(key: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    check = _CHECKS.get(key)
    if check is not None:
        if check(value):
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
    """Tell whether an unknown name is probably a misspelt access control.

    Case, `_` and `-` make no difference. The name begins like one, or has nearly the same letters.
    """
    letters = name.lower().replace("_", "").replace("-", "")
    return letters.startswith(_STEMS) or any(
        sorted(letters) == sorted(known) or SequenceMatcher(None, letters, known).ratio() >= _CLOSE for known in _NAMES
    )


# ── Meaning of a value ──────────────────────────────────────────────────────────────────────────────────────────────


def _is_void(value: Any) -> bool:
    """Whether a value is the same as unset in Gloo's API."""
    if isinstance(value, Mapping):
        return all(entry is None for entry in value.values())
    return value is None or value in (False, 0, "", [])


def _sets_other_than(value: Any, *names: str) -> bool:
    """Whether a value sets a field other than these, or is not an object."""
    if not isinstance(value, Mapping):
        return True
    return any(not _is_void(entry) for key, entry in value.items() if key not in names)


def _extauth(value: Any) -> bool:
    """`{}` and `disable: true` do not restrict a route; an empty `customAuth` does, as its server is asked."""
    if isinstance(value, Mapping) and value.get("customAuth") is not None:
        return True
    return _sets_other_than(value, "disable")


def _jwt(value: Any) -> bool:
    """At a route it can only switch off the check of a virtual host; there, no providers mean that none is needed."""
    return _sets_other_than(value, "disable")


def _jwt_staged(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return True
    return any(entry is not None and _jwt(entry) for entry in value.values())


def _rbac(value: Any) -> bool:
    """Without policies every request is refused."""
    return not (isinstance(value, Mapping) and value.get("disable") is True)


def _csrf(value: Any) -> bool:
    """`shadowEnabled` only counts requests; without `filterEnabled` Gloo refuses none."""
    return _sets_other_than(value, "shadowEnabled")


def _waf(value: Any) -> bool:
    if isinstance(value, Mapping) and value.get("disabled") is True:
        return False
    return _sets_other_than(value, "disabled")


_CHECKS: Final[Mapping[str, ControlCheck]] = MappingProxyType(
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
_UNSERVED: Final = (_CHECKS.keys() - {"extauth"}) | {"extensions"}


@cache
def _unserved_names() -> frozenset[str]:
    return frozenset(name for key, name in field_names(RouteOptions).items() if key in _UNSERVED)
