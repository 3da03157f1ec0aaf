"""Mistakes that people make in manifests → what a user sees of them in a cluster, word by word.

A mistake that the API server refuses is never seen by the operator. Of all others a condition tells at the object that
has to change.
"""

from dataclasses import dataclass

from controlplane_fault_objects import (
    HELD,
    KEY,
    OWN,
    gateway,
    gateway_class,
    of_kind,
    option,
    policy,
    route,
    route_to,
    secret,
    service,
    static,
    upstream,
)
from controlplane_server import Object


@dataclass(frozen=True)
class Fault:
    """One mistake, and the condition that tells of it, as `Upstream Accepted=False/Invalid`."""

    told: str
    message: str
    objects: tuple[Object, ...]


def _told(told: str, message: str, *objects: Object) -> Fault:
    return Fault(told, message, objects)


_TARGET = "spec.ai.multi.priorities[0].pool[0]"
_HOST = f"{_TARGET}.openai.customHost.host"
_TOKEN = f"{_TARGET}.openai.authToken"
_A_HOST = "must be a host name or an IP address, without scheme, port and path"
_GOOD = f"mistral: {{{HELD}}}"

UPSTREAMS = {
    "a-bad-host": _told(
        "Upstream PartiallyInvalid=True/Invalid",
        f"{_HOST}: {_A_HOST}; got 'https://models.example.com/v1'",
        upstream("openai: {customHost: {host: 'https://models.example.com/v1'}}", _GOOD),
    ),
    "a-host-with-a-password": _told(
        "Upstream PartiallyInvalid=True/Invalid",
        f"{_HOST}: looks like an API key; put the key into a Secret and name it in authToken.secretRef; got a string of"
        " 20 to 63 characters",
        upstream(f"openai: {{customHost: {{host: 'https://me:{KEY}@example.com'}}}}", _GOOD),
    ),
    "a-path-override": _told(
        "Upstream PartiallyInvalid=True/Invalid",
        f"{_TARGET}.openai.customHost.pathOverride.fullPath: must begin with /; got 'v1/chat'",
        upstream("openai: {customHost: {host: a.example, pathOverride: {fullPath: v1/chat}}}", _GOOD),
    ),
    "a-region-that-is-none": _told(
        "Upstream PartiallyInvalid=True/Invalid",
        f"{_TARGET}.bedrock.region: must be the name of an AWS region, as us-east-1; got 'virginia'",
        upstream("bedrock: {model: m, region: virginia}", _GOOD),
    ),
    "a-misspelt-field": _told(
        "Upstream UnsupportedField=True/UnsupportedField",
        f"{_TARGET}.openai.modle (unknown; did you mean model?) has no effect",
        upstream(f"openai: {{modle: m, {HELD}}}"),
    ),
    "every-host-bad": _told(
        "Upstream Accepted=False/Invalid",
        f"{_HOST}: {_A_HOST}; got 'a:80';"
        f" spec.ai.multi.priorities[1].pool[0].openai.customHost.host: {_A_HOST}; got 'b/'",
        upstream("openai: {customHost: {host: 'a:80'}}", "openai: {customHost: {host: 'b/'}}"),
    ),
    "a-bad-static-host": _told(
        "Upstream PartiallyInvalid=True/Invalid",
        f"spec.static.hosts[0].addr: {_A_HOST}; got 'http://a.example'",
        static("[{addr: 'http://a.example', port: 80}, {addr: b.example, port: 80}]"),
    ),
    "the-metadata-of-a-cloud": _told(
        "Upstream ResolvedRefs=False/TargetNotAllowed",
        "spec.static.hosts[0].addr: 169.254.169.254 is an address of a cloud's metadata, which is not allowed for a"
        " target; use another address, or allow this one with --allow-targets (in the chart: allowTargets)",
        static("[{addr: 169.254.169.254, port: 80}]"),
    ),
    "a-type-that-is-not-served": _told(
        "Upstream Accepted=False/UnsupportedValue",
        "spec.aws: this type of Upstream is not served; the served ones are ai, static and kube",
        of_kind("Upstream", {"aws": {"region": "us-east-1"}}),
    ),
    "no-such-service": _told(
        "Upstream ResolvedRefs=False/BackendNotFound",
        "spec.kube: Service @ns/nobody does not exist",
        of_kind("Upstream", {"kube": {"serviceName": "nobody", "servicePort": 80}}),
    ),
    "used-by-no-route": _told("Upstream Accepted=True/Accepted", "accepted", upstream(_GOOD)),
}

SECRETS = {
    "no-secret": _told(
        "Upstream ResolvedRefs=False/SecretNotFound",
        f"{_TOKEN}.secretRef: Secret @ns/nobody does not exist",
        upstream("openai: {authToken: {secretRef: {name: nobody}}}"),
    ),
    "another-key": _told(
        "Upstream ResolvedRefs=False/InvalidSecret",
        f"{_TOKEN}.secretRef: Secret @ns/another-key has no key 'Authorization'; it has 'authorization', 'team'; did"
        " you mean Authorization in place of 'authorization'? The case of names counts",
        upstream(f"openai: {{{OWN}}}"),
        secret(f"{{authorization: {KEY}, team: a}}"),
    ),
    "bearer-alone": _told(
        "Upstream ResolvedRefs=False/InvalidSecret",
        f"{_TOKEN}.secretRef: key 'Authorization' of Secret @ns/bearer-alone holds no key, only the word Bearer; a"
        " variable may have been empty",
        upstream(f"openai: {{{OWN}}}"),
        secret("Authorization: 'Bearer '"),
    ),
    "a-placeholder": _told(
        "Upstream ResolvedRefs=False/InvalidSecret",
        f"{_TOKEN}.secretRef: key 'Authorization' of Secret @ns/a-placeholder holds the placeholder $OPENAI_API_KEY,"
        " which nothing has replaced",
        upstream(f"openai: {{{OWN}}}"),
        secret("Authorization: Bearer $OPENAI_API_KEY"),
    ),
    "an-inline-placeholder": _told(
        "Upstream ResolvedRefs=False/InvalidSecret",
        f"{_TOKEN}.inline: holds the placeholder ${{TOKEN}}, which nothing has replaced",
        upstream("openai: {authToken: {inline: '${TOKEN}'}}"),
    ),
    "two-schemes": _told(
        "Upstream ResolvedRefs=False/InvalidSecret",
        f"{_TOKEN}.secretRef: key 'Authorization' of Secret @ns/two-schemes holds a second scheme, 'bearer', behind"
        " Bearer; write the key alone, or Bearer and the key",
        upstream(f"openai: {{{OWN}}}"),
        secret(f"Authorization: Bearer Bearer {KEY}"),
    ),
    "a-secret-elsewhere": _told(
        "Upstream ResolvedRefs=False/RefNotPermitted",
        f"{_TOKEN}.secretRef: Secret @other/key is in another namespace than Upstream @ns/a-secret-elsewhere and no"
        " ReferenceGrant in @other allows it",
        upstream("openai: {authToken: {secretRef: {name: key, namespace: '@other'}}}"),
    ),
    "a-caller-without-a-key": _told(
        "AuthConfig ResolvedRefs=False/InvalidSecret",
        "spec.configs[0].apiKeyAuth.apiKeySecretRefs[0]: Secret @ns/a-caller-without-a-key gives no access: it has no"
        " key 'api-key'; it has 'key'",
        of_kind("AuthConfig", {"configs": [{"apiKeyAuth": {"apiKeySecretRefs": [{"name": "@name"}]}}]}),
        secret(f"key: {KEY}", of_type="extauth.solo.io/apikey"),
    ),
}

_VALUE = "spec.options.headerManipulation.requestHeadersToAdd[0].header.value"
_PERCENT = "a % begins no operator of Envoy's; write %% for a percent sign"
_ROLES = "must be system, developer, user or assistant"
_LEFT_OUT = "its routes are served without it"


def _header(key: str, value: str) -> Object:
    return option(f"headerManipulation: {{requestHeadersToAdd: [{{header: {{key: {key}, value: '{value}'}}}}]}}")


POLICIES = {
    "a-stray-percent": _told(
        "RouteOption Accepted=False/Invalid",
        f"{_VALUE}: {_PERCENT}; got '100 %'; {_LEFT_OUT}",
        _header("x-share", "100 %"),
        route(),
    ),
    "a-stray-percent-in-a-credential": _told(
        "RouteOption Accepted=False/Invalid",
        f"{_VALUE}: {_PERCENT}; got a string of 20 to 63 characters; {_LEFT_OUT}",
        _header("x-team", f"{KEY} %"),
        route(),
    ),
    "an-unserved-operator": _told(
        "RouteOption UnsupportedField=True/UnsupportedField",
        f"{_VALUE} (the header x-peer is left out: %DOWNSTREAM_PEER_SUBJECT% has no effect here; served are"
        " %DOWNSTREAM_LOCAL_ADDRESS%, %DOWNSTREAM_REMOTE_ADDRESS%, %HOSTNAME%, %PROTOCOL%, %REQ(NAME)%, %ROUTE_NAME%,"
        " %START_TIME%, %UPSTREAM_CLUSTER%) has no effect",
        _header("x-peer", "%DOWNSTREAM_PEER_SUBJECT%"),
        route(),
    ),
    "a-prompt-without-a-role": _told(
        "RouteOption Accepted=False/Invalid",
        f"spec.options.ai.promptEnrichment.prepend[0].role: is required: {_ROLES}; {_LEFT_OUT}",
        option("ai: {promptEnrichment: {prepend: [{content: Be brief.}]}}"),
        route(),
    ),
    "a-misspelt-role": _told(
        "RouteOption Accepted=False/Invalid",
        f"spec.options.ai.promptEnrichment.append[0].role: {_ROLES}; got 'sytem'; did you mean system?; {_LEFT_OUT}",
        option("ai: {promptEnrichment: {append: [{role: sytem, content: Be brief.}]}}"),
        route(),
    ),
    "a-misspelt-trigger": _told(
        "RouteOption Accepted=False/Invalid",
        f"spec.options.retries.retryOn: '5XX' is not a trigger; did you mean 5xx?; {_LEFT_OUT}",
        option("retries: {retryOn: '5XX,rate-limited'}"),
        route(),
    ),
    "a-refused-option": _told(
        "HTTPRoute RetryPolicy=False/PolicyNotAccepted",
        "RouteOption @ns/a-refused-option is not accepted: spec.options.retries.retryOn: 'never' is not a trigger;"
        " known are 5xx, gateway-error, connect-failure, retriable-status-codes, rate-limited, server-error and others;"
        " it is left out, and the default policy applies if there is no other",
        option("retries: {retryOn: never}"),
        route(),
    ),
    "an-option-of-no-route": _told(
        "RouteOption Accepted=False/TargetNotFound",
        "spec.targetRefs[0]: HTTPRoute @ns/an-option-of-no-route does not exist",
        option("timeout: 5s"),
    ),
    "an-option-of-a-gateway": _told(
        "RouteOption Accepted=False/TargetNotFound",
        "spec.targetRefs[0]: a RouteOption can target only an HTTPRoute of gateway.networking.k8s.io; got Gateway of"
        " gateway.networking.k8s.io",
        option("timeout: 5s", "kind: Gateway, name: front"),
    ),
    "two-options": _told(
        "RouteOption RetryPolicy=True/Overridden",
        "HTTPRoute @ns/two-options spec.rules[0]: RouteOption @ns/a-first has precedence over RouteOption"
        " @ns/two-options for timeout",
        option("timeout: 5s", name="a-first"),
        option("timeout: 6s"),
        route(),
    ),
    "an-access-control": _told(
        "RouteOption AccessControl=False/NotServed",
        "spec.options.jwt is not served here; requests that it applies to are answered 403",
        option("jwt: {providers: {idp: {}}}"),
        route(),
    ),
    "no-auth-config": _told(
        "RouteOption AccessControl=False/NotServed",
        "spec.options.extauth.configRef: AuthConfig @ns/nobody does not exist; requests that it applies to are"
        " answered 403",
        option("extauth: {configRef: {name: nobody}}"),
        route(),
    ),
    "a-policy-of-no-route": _told(
        "FailoverPolicy Accepted=False/TargetNotFound",
        "spec.targetRefs[0]: HTTPRoute @ns/a-policy-of-no-route does not exist",
        policy("attempts: 2"),
    ),
    "two-policies": _told(
        "FailoverPolicy Accepted=False/Conflicted",
        "spec.targetRefs[0]: FailoverPolicy @ns/a-first is attached to the same target and has precedence; remove one"
        " of the two",
        policy("attempts: 2", name="a-first"),
        policy("attempts: 3"),
        route(),
    ),
}

_BACKEND = "spec.rules[0].backendRefs[0]"
_LISTENERS = "it has http on port 8080, shop on port 8081"
_MIRROR = "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: app, port: 80}}}]"
_FILTERS = "served are RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect, URLRewrite and ExtensionRef"
_TWO_RULES = route(_MIRROR)
_TWO_RULES["spec"]["rules"] += route("matches: [{path: {value: '/@name/b'}}]")["spec"]["rules"]

ROUTES = {
    "no-such-listener": _told(
        "HTTPRoute Accepted=False/NoMatchingParent",
        f"spec.parentRefs[0].sectionName: Gateway @ns/front has no listener 'htpp'; {_LISTENERS}",
        route(parent="name: front, sectionName: htpp"),
    ),
    "no-such-port": _told(
        "HTTPRoute Accepted=False/NoMatchingParent",
        f"spec.parentRefs[0].port: Gateway @ns/front has no listener on port 80; {_LISTENERS}",
        route(parent="name: front, port: 80"),
    ),
    "not-allowed": _told(
        "HTTPRoute Accepted=False/NotAllowedByListeners",
        "spec.parentRefs[0]: Gateway @ns/front accepts no HTTPRoute from namespace @other there (allowedRoutes of its"
        " listeners)",
        route(parent="name: front, namespace: '@ns'", namespace="@other"),
    ),
    "no-hostname-in-common": _told(
        "HTTPRoute Accepted=False/NoMatchingListenerHostname",
        "spec.hostnames: no hostname of the route matches one of Gateway @ns/front: a.example",
        route(parent="name: front, sectionName: shop", hostnames=["b.example"]),
    ),
    "no-such-upstream": _told(
        "HTTPRoute ResolvedRefs=False/BackendNotFound",
        f"{_BACKEND}: Upstream @ns/nobody does not exist",
        route_to("nobody"),
    ),
    "an-upstream-elsewhere": _told(
        "HTTPRoute ResolvedRefs=False/RefNotPermitted",
        f"{_BACKEND}: Upstream @other/models is in another namespace and no ReferenceGrant in @other allows it",
        route("backendRefs: [{group: gloo.solo.io, kind: Upstream, name: models, namespace: '@other'}]"),
    ),
    "a-backend-of-another-kind": _told(
        "HTTPRoute ResolvedRefs=False/InvalidKind",
        f"{_BACKEND}: must be an Upstream of gloo.solo.io, a Service, or an HTTPRoute to delegate to; got Backend of"
        " gateway.kgateway.dev",
        route("backendRefs: [{group: gateway.kgateway.dev, kind: Backend, name: models}]"),
    ),
    "a-service-without-the-port": _told(
        "HTTPRoute ResolvedRefs=False/BackendNotFound",
        f"{_BACKEND}: Service @ns/app has no TCP port 81; it has 80",
        route("backendRefs: [{name: app, port: 81}]"),
    ),
    "a-refused-upstream": _told(
        "HTTPRoute ResolvedRefs=False/InvalidBackend",
        f"{_BACKEND}: Upstream @ns/a-refused-upstream is not accepted: {_HOST}: {_A_HOST}; got 'a:80'",
        route_to("@name"),
        upstream("openai: {customHost: {host: 'a:80'}}"),
    ),
    "a-filter-that-is-not-served": _told(
        "HTTPRoute Accepted=False/UnsupportedValue",
        f"spec.rules[0].filters[0].type: a filter RequestMirror is not served here ({_FILTERS})",
        route(_MIRROR),
    ),
    "a-rule-that-is-not-served": _told(
        "HTTPRoute PartiallyInvalid=True/UnsupportedValue",
        f"spec.rules[0].filters[0].type: a filter RequestMirror is not served here ({_FILTERS}), so requests of"
        " spec.rules[0] are answered 500",
        _TWO_RULES,
    ),
    "no-such-option": _told(
        "HTTPRoute ResolvedRefs=False/BackendNotFound",
        "spec.rules[0].filters[0].extensionRef: RouteOption @ns/nobody does not exist",
        route(
            "filters: [{type: ExtensionRef, extensionRef: {group: gateway.solo.io, kind: RouteOption, name: nobody}}]"
        ),
    ),
    "a-bad-pattern": _told(
        "HTTPRoute Accepted=False/Invalid",
        "spec.rules[0].matches[0].path.value: is not a valid regular expression (RE2): missing ): /(a; got '/(a'",
        route("matches: [{path: {type: RegularExpression, value: '/(a'}}]"),
    ),
}

_HTTP = "[{name: http, protocol: HTTP, port: 8080}]"
_HTTPS = "[{name: https, protocol: HTTPS, port: 8443, tls: {certificateRefs: [{name: nobody}]}}]"
_CLIENTS = {"default": {"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}}}
_PARAMETERS = {"parametersRef": {"group": "example.com", "kind": "Settings", "name": "a"}}

GATEWAYS = {
    "client-certificates": _told(
        "Gateway AccessControl=False/NotServed",
        "spec.tls.frontend.default.validation: client certificates are not verified here; every request is answered"
        " 403",
        gateway(_HTTPS, tls={"frontend": _CLIENTS}),
    ),
    "client-certificates-without-effect": _told(
        "Gateway UnsupportedField=True/UnsupportedField",
        "spec.tls.frontend (no client is asked for a certificate: HTTPS listeners are closed) has no effect",
        gateway(_HTTPS, tls={"frontend": _CLIENTS}),
    ),
    "no-certificate": _told(
        "Gateway ResolvedRefs=False/InvalidCertificateRef",
        "spec.listeners[0].tls.certificateRefs[0]: Secret @ns/nobody does not exist",
        gateway(_HTTPS),
    ),
    "a-listener-for-tcp": _told(
        "Gateway Accepted=False/UnsupportedProtocol",
        "spec.listeners[0].protocol: must be HTTP or HTTPS; got 'TCP'",
        gateway("[{name: tcp, protocol: TCP, port: 9000}, {name: http, protocol: HTTP, port: 8080}]"),
    ),
    "a-gateway-with-a-listener-for-tcp": _told(
        "Gateway Accepted=True/ListenersNotValid",
        "spec.listeners[0] (tcp) is not served; its own conditions give the reasons",
        gateway("[{name: tcp, protocol: TCP, port: 9000}, {name: http, protocol: HTTP, port: 8080}]"),
    ),
    "two-protocols-on-a-port": _told(
        "Gateway Conflicted=True/ProtocolConflict",
        "spec.listeners[0].protocol: listener @ns/two-protocols-on-a-port/https already uses HTTPS on port 8443; use"
        " another port",
        gateway(f"[{{name: http, protocol: HTTP, port: 8443}}, {_HTTPS[1:]}"),
    ),
    "a-gateway-with-parameters": _told(
        "Gateway Accepted=False/InvalidParameters",
        "spec.infrastructure.parametersRef: parameters are not supported; remove it",
        gateway(_HTTP, infrastructure=_PARAMETERS),
    ),
    "a-class-with-parameters": _told(
        "GatewayClass Accepted=False/InvalidParameters",
        "spec.parametersRef: parameters are not supported; remove it",
        gateway_class(**_PARAMETERS),
    ),
    "a-gateway-of-an-unknown-class": _told(
        "Gateway Accepted=Unknown/Pending", "Waiting for controller", gateway(_HTTP, "swichover")
    ),
    # A class of this name with our controller makes it ours.
    "gloo-gateway": _told(
        "Gateway Programmed=True/Programmed",
        "every ready data plane serves it",
        gateway_class(),
        gateway(_HTTP, "gloo-gateway"),
    ),
}

FAULTS: dict[str, Fault] = {**UPSTREAMS, **SECRETS, **POLICIES, **ROUTES, **GATEWAYS}

REFUSED: dict[str, tuple[str, Object]] = {
    "a-bad-port": (
        f"{_TARGET}.openai.customHost.port: Invalid value: 70000",
        upstream("openai: {customHost: {host: a.example, port: 70000}}", _GOOD),
    ),
    "a-misspelt-provider": (
        f"{_TARGET}: Invalid value: must have one of openai, mistral, anthropic, azureOpenai, gemini, vertexAi or"
        " bedrock",
        upstream(f"openAI: {{{HELD}}}", _GOOD),
    ),
    "a-policy-with-a-misspelt-trigger": (
        'spec.retryOn[0]: Unsupported value: "rate-limit": supported values: "rate-limited"',
        policy("retryOn: [rate-limit]"),
    ),
    "a-bad-protocol": (
        'spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
        service("[{port: 80, protocol: HTTP}]"),
    ),
    # The standard channel does not have these three.
    "retry-of-a-route": ('unknown field "spec.rules[0].retry"', route("retry: {attempts: 2}")),
    "sessions-of-a-route": (
        'unknown field "spec.rules[0].sessionPersistence"',
        route("sessionPersistence: {type: Cookie}"),
    ),
    "a-misspelt-backend": ('unknown field "spec.rules[0].backendRef"', route("backendRef: []")),
}
"""Name → what the API server says at `kubectl apply`."""
