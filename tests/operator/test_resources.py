"""What a body becomes: a model, or sentences that say what is wrong with it."""

from typing import Any

import pytest

from bodies import SECRET, problems, read, unknown, upstream
from switchover_operator.resources import (
    KINDS,
    Invalid,
    parse,
    unsupported_fields,
)
from switchover_operator.resources.ai import Backend
from switchover_operator.resources.core import Endpoint, EndpointSlice, Secret, Service, ServicePort
from switchover_operator.resources.gateway_api import Gateway, HTTPRoute

# ── Which kinds, which versions ─────────────────────────────────────────────────────────────────────────────────────


def test_every_kind_is_found_by_its_group_and_kind() -> None:
    assert KINDS["gateway.networking.k8s.io", "ReferenceGrant"].VERSIONS == ("v1beta1", "v1")
    assert KINDS["gateway.networking.k8s.io", "HTTPRoute"].VERSIONS == ("v1", "v1beta1")
    assert all(key == (model.GROUP, model.KIND) for key, model in KINDS.items())


def test_an_older_version_of_a_kind_is_read_as_well() -> None:
    route = parse(
        {
            "apiVersion": "gateway.networking.k8s.io/v1beta1",
            "kind": "HTTPRoute",
            "metadata": {"name": "a"},
            "spec": {"hostnames": ["example.com"]},
        }
    )
    assert isinstance(route, HTTPRoute)
    assert route.spec.hostnames == ("example.com",)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, ["apiVersion: is required", "kind: is required"]),
        ({"apiVersion": 1, "kind": "Upstream"}, ["apiVersion: must be a string; got 1"]),
        (
            {"apiVersion": "apps/v1", "kind": "Deployment"},
            ["kind: of apiVersion apps/v1 is not read; got 'Deployment' (a string)"],
        ),
        (
            {"apiVersion": "gloo.solo.io/v2", "kind": "Upstream"},
            ["apiVersion: must be gloo.solo.io/v1 for kind Upstream; got 'gloo.solo.io/v2' (a string)"],
        ),
        (
            {"apiVersion": "gateway.networking.k8s.io/v1alpha2", "kind": "HTTPRoute"},
            [
                "apiVersion: must be gateway.networking.k8s.io/v1 or gateway.networking.k8s.io/v1beta1 for kind"
                " HTTPRoute; got 'gateway.networking.k8s.io/v1alpha2' (a string)"
            ],
        ),
        ({"apiVersion": "v1", "kind": "Namespace"}, ["metadata: is required"]),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {}}, ["metadata.name: is required"]),
        (
            {"apiVersion": "v1", "kind": "Namespace", "metadata": "x"},
            ["metadata: must be an object (fields with values); got 'x' (a string)"],
        ),
    ],
)
def test_a_body_that_is_no_object_of_ours_says_why(body: dict[str, Any], told: list[str]) -> None:
    result = parse(body)
    assert isinstance(result, Invalid)
    assert [str(problem) for problem in result.problems] == told


# ── Upstream ────────────────────────────────────────────────────────────────────────────────────────────────────────

GUIDE_UPSTREAM = """
spec:
  ai:
    multi:
      priorities:
      - pool:
        - openai:
            model: "gpt-4o"
            customHost: {host: model-failover.gloo-system.svc.cluster.local, port: 80}
            authToken: {secretRef: {name: openai-secret, namespace: gloo-system}}
      - pool:
        - openai:
            model: "gpt-4.0-turbo"
            customHost: {host: model-failover.gloo-system.svc.cluster.local, port: 80}
            authToken: {secretRef: {name: openai-secret, namespace: gloo-system}}
"""


def test_the_guides_upstream_is_read_whole() -> None:
    parsed = upstream(GUIDE_UPSTREAM)
    assert parsed.spec.ai is not None
    assert parsed.spec.ai.multi is not None
    firsts = [pool.pool[0] for pool in parsed.spec.ai.multi.priorities]
    providers = [first.openai for first in firsts if isinstance(first, Backend)]
    assert [provider.model for provider in providers if provider] == ["gpt-4o", "gpt-4.0-turbo"]
    first = providers[0]
    assert first is not None
    assert first.auth_token is not None
    assert first.auth_token.secret_ref is not None
    assert first.auth_token.secret_ref.namespace == "gloo-system"
    assert first.custom_host is not None
    assert (first.custom_host.port, first.custom_host.hostname) == (80, None)
    assert unknown(parsed) == []
    assert unsupported_fields(parsed) == []


def test_every_field_of_every_provider_is_known() -> None:
    parsed = upstream("""
spec:
  ai:
    multi:
      priorities:
      - pool:
        - openai: {authToken: {inline: a}}
        - mistral: {model: m}
        - anthropic: {model: m, version: '2023-06-01', customHost: {host: h, port: 80}}
        - azureOpenai: {endpoint: e.openai.azure.com, deploymentName: d, apiVersion: v}
        - gemini: {model: m, apiVersion: v1beta, authToken: {passthrough: {}}}
        - vertexAi: {model: m, apiVersion: v1, projectId: p, location: global, modelPath: rawPredict, publisher: 1,
            jsonSchema: ANTHROPIC, authToken: {secretRef: {name: s}}}
        - bedrock: {model: m, region: r, credentialProvider: {inline: {accessKeyId: a, secretAccessKey: b,
            sessionToken: c}}}
        - bedrock: {model: m, region: r, credentialProvider: {secretRef: {name: s, namespace: n}}}
""")
    assert parsed.spec.ai is not None
    assert parsed.spec.ai.multi is not None
    backends = parsed.spec.ai.multi.priorities[0].pool
    assert all(isinstance(backend, Backend) for backend in backends)
    vertex, bedrock = backends[5], backends[6]
    assert isinstance(vertex, Backend)
    assert isinstance(bedrock, Backend)
    assert vertex.vertex_ai is not None
    assert (vertex.vertex_ai.publisher, vertex.vertex_ai.json_schema) == ("ANTHROPIC", "ANTHROPIC")
    assert unknown(parsed) == []


@pytest.mark.parametrize("size", ["'16'", "16", "'0'", "18446744073709551615", "'18446744073709551615'"])
def test_a_number_of_64_bits_may_be_a_string(size: str) -> None:
    text = "spec: {static: {hosts: [{addr: a, port: 80}]}, loadBalancerConfig: {ringHash: {ringHashConfig: {%s}}}}"
    parsed = upstream(text % f"minimumRingSize: {size}, maximumRingSize: {size}")
    assert parsed.spec.load_balancer_config is not None
    ring = parsed.spec.load_balancer_config.ring_hash
    assert ring is not None
    assert ring.ring_hash_config is not None
    assert ring.ring_hash_config.minimum_ring_size == int(size.strip("'"))


@pytest.mark.parametrize(
    ("size", "got"),
    [
        ("many", "'many' (a string)"),
        ("''", "'' (a string)"),
        ("'-1'", "'-1' (a string)"),
        ("'1.5'", "'1.5' (a string)"),
        ("' 16'", "' 16' (a string)"),
        ("-1", "-1"),
        ("true", "true"),
        ("1.5", "1.5"),
        ("'18446744073709551616'", "'18446744073709551616' (a string)"),
    ],
)
def test_a_text_that_is_no_number_of_64_bits_is_refused(size: str, got: str) -> None:
    text = "spec: {static: {hosts: [{addr: a, port: 80}]}, loadBalancerConfig: {ringHash: {ringHashConfig: {%s}}}}"
    assert problems("Upstream", text % f"maximumRingSize: {size}") == [
        "spec.loadBalancerConfig.ringHash.ringHashConfig.maximumRingSize: must be an integer from 0 to"
        f' 18446744073709551615, as 1024 or "1024"; got {got}'
    ]


def test_a_port_in_quotes_is_refused_with_its_path_and_what_would_be_right() -> None:
    assert problems("Upstream", "spec: {static: {hosts: [{addr: b, port: '80'}]}}") == [
        "spec.static.hosts[0].port: must be an integer from 1 to 65535, as 80; got '80' (a string)"
    ]


def test_every_fault_of_an_object_is_told_at_once() -> None:
    assert problems(
        "Upstream",
        "spec: {static: {useTls: 'yes', hosts: [{port: 0}, {addr: '', port: 65536, loadBalancingWeight: 0}]}}",
    ) == [
        "spec.static.hosts[0].addr: is required: a string that is not empty",
        "spec.static.hosts[0].port: must be an integer from 1 to 65535, as 80; got 0",
        "spec.static.hosts[1].addr: must be a string that is not empty; got '' (a string)",
        "spec.static.hosts[1].port: must be an integer from 1 to 65535, as 80; got 65536",
        "spec.static.hosts[1].loadBalancingWeight: must be an integer of at least 1, as 10; got 0",
        "spec.static.useTls: must be true or false, without quotes; got 'yes' (a string)",
    ]


def test_a_port_of_zero_at_a_custom_host_is_unset() -> None:
    parsed = upstream("spec: {ai: {openai: {customHost: {host: h, port: 0}}}}")
    assert parsed.spec.ai is not None
    assert parsed.spec.ai.openai is not None
    assert parsed.spec.ai.openai.custom_host is not None
    assert parsed.spec.ai.openai.custom_host.port == 0


def test_null_is_unset_wherever_it_stands() -> None:
    parsed = upstream(
        "spec: {ai: null, kube: {serviceName: s, servicePort: 80, serviceNamespace: null}, sslConfig: null}"
    )
    assert parsed.spec.kube is not None
    assert parsed.spec.kube.service_namespace == ""
    assert problems("Upstream", "spec: {kube: {serviceName: s, servicePort: null}}") == [
        "spec.kube.servicePort: is required: an integer from 1 to 65535, as 80"
    ]


@pytest.mark.parametrize("token", ["{}", "{inline: null}"])
@pytest.mark.parametrize(
    "provider",
    [
        "openai: {%s}",
        "mistral: {%s}",
        "azureOpenai: {endpoint: e, deploymentName: d, apiVersion: v, %s}",
    ],
)
@pytest.mark.parametrize("place", ["{ai: {%s}}", "{ai: {multi: {priorities: [{pool: [{%s}]}, {pool: [{%s}]}]}}}"])
def test_the_rules_of_a_part_hold_wherever_it_stands(place: str, provider: str, token: str) -> None:
    spec = place.replace("%s", provider).replace("%s", f"authToken: {token}")

    found = problems("Upstream", f"spec: {spec}")

    assert len(found) == place.count("%s")
    why = "authToken: must have one of inline, secretRef or passthrough; it has none"
    assert all(each.endswith(why) for each in found)


def test_an_unset_wrapper_differs_from_false() -> None:
    unset, false = (
        upstream(f"spec: {{static: {{hosts: [{{addr: a, port: 443}}]{more}}}}}").spec.static
        for more in ("", ", useTls: false")
    )
    assert unset is not None
    assert false is not None
    assert (unset.use_tls, false.use_tls) == (None, False)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("{}", "spec: must have one of ai, static or kube; it has none"),
        (
            "{kube: {serviceName: s, servicePort: 1}, static: {hosts: [{addr: a, port: 1}]}}",
            "spec: may have only one of ai, static, kube, aws, azure, consul, awsEc2, gcp and pipe;"
            " it has static and kube",
        ),
        (
            "{ai: {}}",
            "spec.ai: must have one of openai, mistral, anthropic, azureOpenai, gemini, vertexAi, bedrock or multi;"
            " it has none",
        ),
        (
            "{ai: {openai: {authToken: {passthrough: {}, inline: x}}}}",
            "spec.ai.openai.authToken: may have only one of inline, secretRef and passthrough;"
            " it has inline and passthrough",
        ),
        (
            "{ai: {openai: {authToken: {}}}}",
            "spec.ai.openai.authToken: must have one of inline, secretRef or passthrough; it has none",
        ),
        (
            "{ai: {openai: {customHost: {pathOverride: {fullPath: /a, basePath: /b}}}}}",
            "spec.ai.openai.customHost.pathOverride: may have only one of fullPath and basePath;"
            " it has fullPath and basePath",
        ),
        (
            "{ai: {multi: {priorities: []}}}",
            "spec.ai.multi.priorities: must be a list of at least one pool; got an empty list",
        ),
        (
            "{ai: {multi: {priorities: [{pool: {}}]}}}",
            "spec.ai.multi.priorities[0].pool: must be a list of at least one backend; got an object",
        ),
        (
            "{ai: {multi: {priorities: [{pool: [{openai: {}, mistral: {}}]}]}}}",
            "spec.ai.multi.priorities[0].pool[0]: may have only one of openai, mistral, anthropic, azureOpenai, gemini,"
            " vertexAi and bedrock; it has openai and mistral",
        ),
        (
            "{kube: {serviceName: s, servicePort: 1}, connectionConfig: {connectTimeout: 5}}",
            'spec.connectionConfig.connectTimeout: must be a duration such as "0.25s" or "15s"'
            ' (for 5 seconds write "5s"); got 5',
        ),
    ],
)
def test_an_upstream_that_cannot_be_meant_is_refused(spec: str, told: str) -> None:
    assert problems("Upstream", f"spec: {spec}") == [told]


# ── Gateway API and core kinds ──────────────────────────────────────────────────────────────────────────────────────


def test_an_http_route_from_a_file_has_the_defaults_that_a_cluster_would_fill_in() -> None:
    route = read("HTTPRoute", "spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, port: 80}]}]}")
    assert isinstance(route, HTTPRoute)
    (parent,), (rule,) = route.spec.parent_refs, route.spec.rules
    assert (parent.group, parent.kind, parent.namespace) == ("gateway.networking.k8s.io", "Gateway", None)
    assert [(match.path.type, match.path.value) for match in rule.matches] == [("PathPrefix", "/")]
    (backend,) = rule.backend_refs
    assert (backend.group, backend.kind, backend.weight) == ("", "Service", 1)


def test_timeouts_and_retries_of_an_http_route_are_read() -> None:
    route = read(
        "HTTPRoute",
        """
spec:
  rules:
  - name: chat
    timeouts: {request: 1m30s, backendRequest: 500ms}
    retry: {codes: [429, 503], attempts: 2, backoff: 100ms}
    filters: [{type: ExtensionRef, extensionRef: {group: gateway.solo.io, kind: RouteOption, name: r}}]
    backendRefs: [{name: a, port: 1, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x]}}]}]
""",
    )
    assert isinstance(route, HTTPRoute)
    (rule,) = route.spec.rules
    assert rule.timeouts is not None
    assert rule.retry is not None
    assert (rule.name, rule.timeouts.request, rule.timeouts.backend_request) == ("chat", 90.0, 0.5)
    assert (rule.retry.codes, rule.retry.attempts, rule.retry.backoff) == ((429, 503), 2, 0.1)
    assert rule.backend_refs[0].filters[0].request_header_modifier is not None


def test_a_filter_of_a_type_that_is_not_known_is_the_compilers_to_decline() -> None:
    route = read("HTTPRoute", "spec: {rules: [{filters: [{type: Surprise}]}]}")
    assert isinstance(route, HTTPRoute)
    assert route.spec.rules[0].filters[0].type == "Surprise"


def test_a_gateway_is_read_with_what_its_listeners_allow() -> None:
    gateway = read(
        "Gateway",
        """
spec:
  gatewayClassName: switchover
  infrastructure: {annotations: {a: b}}
  addresses: [{value: 10.0.0.1}]
  listeners:
  - {name: http, port: 8080, protocol: HTTP}
  - name: https
    port: 443
    protocol: HTTPS
    hostname: "*.example.com"
    tls: {certificateRefs: [{name: c}]}
    allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {x: y}}}, kinds: [{kind: HTTPRoute}]}
""",
    )
    assert isinstance(gateway, Gateway)
    plain, secure = gateway.spec.listeners
    assert (plain.allowed_routes.namespaces.from_, plain.hostname) == ("Same", None)
    assert secure.tls is not None
    assert (secure.tls.mode, secure.tls.certificate_refs[0].kind) == ("Terminate", "Secret")
    assert secure.allowed_routes.namespaces.selector is not None
    assert gateway.spec.infrastructure.annotations == {"a": "b"}
    assert gateway.spec.addresses[0].type == "IPAddress"


def test_a_service_and_its_endpoints_are_read() -> None:
    service = read(
        "Service",
        "spec: {clusterIP: None, ports: [{port: 80, targetPort: http}, {name: m, port: 81, targetPort: 8081}]}",
    )
    assert isinstance(service, Service)
    assert [port.target_port for port in service.spec.ports if isinstance(port, ServicePort)] == ["http", 8081]
    assert service.spec.cluster_ip == "None"
    endpoints = read(
        "EndpointSlice",
        "{endpoints: [{addresses: [10.0.0.1], conditions: {ready: false}}, {addresses: [10.0.0.2]}]}",
    )
    assert isinstance(endpoints, EndpointSlice)
    ready = [endpoint.conditions.ready for endpoint in endpoints.endpoints if isinstance(endpoint, Endpoint)]
    assert ready == [False, True]


def test_a_wrong_entry_of_a_union_is_named_by_the_users_path_alone() -> None:
    told = problems("Service", "spec: {ports: [{port: 80, targetPort: [1]}]}")
    assert {line.split(":")[0] for line in told} == {"spec.ports[0].targetPort"}


# ── Secrets are never shown ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_gives_its_values_and_string_data_wins() -> None:
    secret = read("Secret", "{data: {a: aGVsbG8=, b: eA==}, stringData: {b: plain}}")
    assert isinstance(secret, Secret)
    assert (secret.value("a"), secret.value("b"), secret.value("c")) == (b"hello", b"plain", None)
    assert list(secret.keys()) == ["a", "b"]


LEAKS = [
    ("Secret", f"{{stringData: {{a: {SECRET}}}}}"),
    ("Secret", f"{{data: {{a: '{SECRET}!'}}}}"),
    ("Secret", f"{{data: '{SECRET}'}}"),
    ("Secret", f"{{stringData: {{a: [{SECRET}]}}}}"),
    ("Upstream", f"spec: {{ai: {{openai: {{authToken: {{inline: {SECRET}}}}}}}}}"),
    ("Upstream", f"spec: {{ai: {{openai: {{authToken: {{inline: {SECRET}, passthrough: {{}}}}}}}}}}"),
    ("Upstream", f"spec: {{ai: {{openai: {{authToken: {SECRET}}}}}}}"),
    ("Upstream", f"spec: {{ai: {{openai: {{authToken: [{SECRET}]}}}}}}"),
    ("Upstream", f"spec: {{ai: {{openai: {{authToken: {{inlin: {SECRET}, passthrough: {{}}}}}}}}}}"),
    ("Upstream", f"spec: {{ai: {{openai: {{authToken: {{inline: {{value: {SECRET}}}}}}}}}}}"),
    (
        "Upstream",
        "spec: {ai: {bedrock: {model: m, region: r, credentialProvider: {inline: "
        f"{{accessKeyId: {SECRET}}}}}}}}}}}",
    ),
    ("Upstream", f"spec: {{ai: {{bedrock: {{model: m, region: r, credentialProvider: {SECRET}}}}}}}"),
    ("Upstream", f"spec: {{kube: {{serviceName: s, servicePort: 1}}, sslConfig: {{sslFiles: {{tlsKey: {SECRET}}}}}}}"),
    ("Upstream", f"spec: {{kube: {{serviceName: s, servicePort: 1}}, sslConfig: {{sslFiles: {SECRET}}}}}"),
    ("Upstream", f"spec: {{kube: {{serviceName: s, servicePort: 1}}, azure: {{key: {SECRET}}}}}"),
    ("Upstream", f"spec: {{kube: {{serviceName: s, servicePort: 1}}, healthChecks: {SECRET}}}"),
    ("RouteOption", f"spec: {{options: {{ai: {{rag: {{datastore: {{connectionString: {SECRET}}}}}}}}}}}"),
    (
        "RouteOption",
        "spec: {options: {headerManipulation: {requestHeadersToAdd: [{header: "
        f"{{key: k, value: {SECRET}}}}}]}}}}}}",
    ),
    (
        "RouteOption",
        "spec: {options: {headerManipulation: {requestHeadersToAdd: [{header: "
        f"{{key: k, value: [{SECRET}]}}}}]}}}}}}",
    ),
]


@pytest.mark.parametrize(("kind", "text"), LEAKS)
def test_no_secret_is_in_a_repr_a_problem_or_a_named_field(kind: str, text: str) -> None:
    result = read(kind, text)
    shown = [repr(result), str(result)]
    if isinstance(result, Invalid):
        shown += [str(problem) for problem in result.problems]
    else:
        shown += [*unknown(result), *unsupported_fields(result)]
    assert SECRET in text
    assert not any(SECRET in line for line in shown)


def test_a_number_given_as_a_token_is_not_shown_either() -> None:
    assert problems("Upstream", "spec: {ai: {openai: {authToken: {inline: 424242}}}}") == [
        "spec.ai.openai.authToken.inline: must be a string (in YAML, put it in quotes); got a number"
    ]


def test_below_a_token_no_value_is_shown_but_its_type() -> None:
    assert problems("Upstream", "spec: {ai: {openai: {authToken: {secretRef: {name: 5}}}}}") == [
        "spec.ai.openai.authToken.secretRef.name: must be a string that is not empty; got a number"
    ]
