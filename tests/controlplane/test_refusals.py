"""Mistakes in manifests: refused by a real API server, in words that name the field and say what would be right."""

import pytest

from controlplane_objects import HOSTS, made
from controlplane_server import ControlPlane, KubectlFailed

PROVIDERS = "openai, mistral, anthropic, azureOpenai, gemini, vertexAi"
DURATION = 'must be a duration such as "0.25s" or "15s"'
OUR_DURATION = 'must be a duration such as "500ms", "0.5s" or "1m30s"'

MISTAKES_IN_UPSTREAMS = {
    "neither ai nor static nor kube": ("{}", "spec", "must have one of ai, static or kube"),
    "ai and static": (f"{{ai: {{openai: {{}}}}, {HOSTS}}}", "spec", "may have only one of ai, static, kube"),
    "no provider": ("ai: {}", "spec.ai", f"must have one of {PROVIDERS}, bedrock or multi"),
    "two providers": (
        "ai: {openai: {}, gemini: {model: a, apiVersion: v1}}",
        "spec.ai",
        f"may have only one of {PROVIDERS}",
    ),
    "no priorities": ("ai: {multi: {priorities: []}}", "spec.ai.multi.priorities", "should have at least 1 items"),
    "an empty pool": (
        "ai: {multi: {priorities: [{pool: []}]}}",
        "spec.ai.multi.priorities[0].pool",
        "should have at least 1 items",
    ),
    "no provider in an entry of a pool": (
        "ai: {multi: {priorities: [{pool: [{openai: {}}]}, {pool: [{}]}]}}",
        "spec.ai.multi.priorities[1].pool[0]",
        f"must have one of {PROVIDERS} or bedrock",
    ),
    "two providers in an entry of a pool": (
        "ai: {multi: {priorities: [{pool: [{openai: {}, mistral: {}}]}]}}",
        "spec.ai.multi.priorities[0].pool[0]",
        f"may have only one of {PROVIDERS} and bedrock",
    ),
    "a number for a model": (
        "ai: {multi: {priorities: [{pool: [{openai: {model: 4}}]}]}}",
        "spec.ai.multi.priorities[0].pool[0].openai.model",
        "must be of type string",
    ),
    "no apiVersion for Azure": (
        "ai: {azureOpenai: {endpoint: a, deploymentName: b}}",
        "spec.ai.azureOpenai.apiVersion",
        "Required value",
    ),
    "a key where its source belongs": (
        "ai: {openai: {authToken: sk-abc}}",
        "spec.ai.openai.authToken",
        "must be of type object",
    ),
    "a key from nowhere": (
        "ai: {openai: {authToken: {}}}",
        "spec.ai.openai.authToken",
        "must have one of inline, secretRef or passthrough",
    ),
    "a key from two places": (
        "ai: {openai: {authToken: {passthrough: {}, secretRef: {name: a}}}}",
        "spec.ai.openai.authToken",
        "may have only one of inline, secretRef and passthrough",
    ),
    "a Secret without a name": (
        "ai: {openai: {authToken: {secretRef: {namespace: a}}}}",
        "spec.ai.openai.authToken.secretRef.name",
        "Required value",
    ),
    "a custom host's port 70000": (
        "ai: {openai: {customHost: {host: a, port: 70000}}}",
        "spec.ai.openai.customHost.port",
        "should be less than or equal to 65535",
    ),
    "a port in quotes": (
        "ai: {openai: {customHost: {host: a, port: '80'}}}",
        "spec.ai.openai.customHost.port",
        "must be of type integer",
    ),
    "two path overrides": (
        "ai: {openai: {customHost: {pathOverride: {fullPath: /a, basePath: /b}}}}",
        "spec.ai.openai.customHost.pathOverride",
        "may have only one of fullPath and basePath",
    ),
    "no hosts": ("static: {hosts: []}", "spec.static.hosts", "should have at least 1 items"),
    "a host's port 0": (
        "static: {hosts: [{addr: a, port: 0}]}",
        "spec.static.hosts[0].port",
        "should be greater than or equal to 1",
    ),
    "a host without a port": ("static: {hosts: [{addr: a}]}", "spec.static.hosts[0].port", "Required value"),
    "a word for a boolean": (
        "static: {hosts: [{addr: a, port: 80}], useTls: 'yes'}",
        "spec.static.useTls",
        "must be of type boolean",
    ),
    "a Service without a port": ("kube: {serviceName: a}", "spec.kube.servicePort", "Required value"),
    "a duration in words": (
        f"{{{HOSTS}, connectionConfig: {{connectTimeout: 5 seconds}}}}",
        "spec.connectionConfig.connectTimeout",
        DURATION,
    ),
}

MISTAKES_IN_ROUTE_OPTIONS = {
    "numRetries -1": (
        "retries: {numRetries: -1}",
        "spec.options.retries.numRetries",
        "should be greater than or equal to 0",
    ),
    "a list of triggers": ("retries: {retryOn: [5xx]}", "spec.options.retries.retryOn", "must be of type string"),
    "a status in quotes": (
        "retries: {retriableStatusCodes: ['429']}",
        "spec.options.retries.retriableStatusCodes[0]",
        "must be of type integer",
    ),
    "a status that is none": (
        "retries: {retriableStatusCodes: [600]}",
        "spec.options.retries.retriableStatusCodes[0]",
        "should be less than or equal to 599",
    ),
    "a timeout without a unit": (
        "retries: {perTryTimeout: 10}",
        "spec.options.retries.perTryTimeout",
        "must be of type string",
    ),
    "a negative timeout": ("retries: {perTryTimeout: -1s}", "spec.options.retries.perTryTimeout", DURATION),
    "a timeout in days": ("timeout: 1d", "spec.options.timeout", DURATION),
    "updateFrequency 0": (
        "retries: {previousPriorities: {updateFrequency: 0}}",
        "spec.options.retries.previousPriorities.updateFrequency",
        "should be greater than or equal to 1",
    ),
    "a longest wait below the first": (
        "retries: {retryBackOff: {baseInterval: 1s, maxInterval: 100ms}}",
        "spec.options.retries.retryBackOff.maxInterval",
        "must be at least baseInterval",
    ),
    "a longest wait without a first": (
        "retries: {retryBackOff: {maxInterval: 1s}}",
        "spec.options.retries.retryBackOff.maxInterval",
        "needs baseInterval as well",
    ),
    "a first wait of nothing": (
        "retries: {retryBackOff: {baseInterval: 0s}}",
        "spec.options.retries.retryBackOff.baseInterval",
        "must be at least 1 millisecond",
    ),
    "no reset headers": (
        "retries: {rateLimitedRetryBackOff: {resetHeaders: []}}",
        "spec.options.retries.rateLimitedRetryBackOff.resetHeaders",
        "should have at least 1 items",
    ),
    "an unknown format of a reset header": (
        "retries: {rateLimitedRetryBackOff: {resetHeaders: [{name: a, format: MINUTES}]}}",
        "spec.options.retries.rateLimitedRetryBackOff.resetHeaders[0].format",
        "must be SECONDS (0) or UNIX_TIMESTAMP (1)",
    ),
    "an unknown type of route": (
        "ai: {routeType: STREAM}",
        "spec.options.ai.routeType",
        "must be CHAT (0) or CHAT_STREAMING (1)",
    ),
    "two path rewrites": (
        "{prefixRewrite: /, regexRewrite: {pattern: {regex: a}}}",
        "spec.options",
        "may have only one of prefixRewrite and regexRewrite",
    ),
    "a header from nowhere": (
        "headerManipulation: {requestHeadersToAdd: [{append: true}]}",
        "spec.options.headerManipulation.requestHeadersToAdd[0]",
        "must have one of header or headerSecretRef",
    ),
    "a fault of 101 percent": (
        "faults: {abort: {percentage: 101, httpStatus: 503}}",
        "spec.options.faults.abort.percentage",
        "should be less than or equal to 100",
    ),
}

MISTAKES_IN_FAILOVER_POLICIES = {
    "no target": ("targetRefs: []", "spec.targetRefs", "should have at least 1 items"),
    "a Service as target": (
        "targetRefs: [{group: '', kind: Service, name: a}]",
        "spec.targetRefs[0].kind",
        "must be HTTPRoute or Gateway of group gateway.networking.k8s.io, or Upstream of group gloo.solo.io",
    ),
    "a section of a target": (
        "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: a, sectionName: b}]",
        "spec.targetRefs[0].sectionName",
        "must not be set: a FailoverPolicy applies to a whole object",
    ),
    "a target's namespace": (
        "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: a, namespace: b}]",
        "spec.targetRefs[0].namespace",
        "must not be set: a FailoverPolicy applies to objects of its own namespace",
    ),
    "no attempts": ("attempts: 0", "spec.attempts", "should be greater than or equal to 1"),
    "no trigger": ("retryOn: []", "spec.retryOn", "should have at least 1 items"),
    "a trigger that needs a list": ("retryOn: [retriable-headers]", "spec.retryOn[0]", "supported values"),
    "an unknown trigger": ("retryOn: [rate-limit]", "spec.retryOn[0]", 'supported values: "rate-limited"'),
    "unknown semantics": ("retrySemantics: envoy", "spec.retrySemantics", 'supported values: "Failover", "Envoy"'),
    "a longest cool-down below the first": (
        "coolDown: {base: 1m, max: 30s}",
        "spec.coolDown.max",
        "must be at least base",
    ),
    "a budget of 120 percent": (
        "retryBudget: {percent: 120}",
        "spec.retryBudget.percent",
        "should be less than or equal to 100",
    ),
    "holdback without its recovery": (
        "holdback: {tokens: 20}",
        "spec.holdback",
        "needs streamRecovery: Holdback as well",
    ),
    "a size in megabytes with a blank": (
        "maxRequestBody: 32 MB",
        "spec.maxRequestBody",
        'must be a size in bytes such as "32Mi", "500k" or 1048576',
    ),
    "a wait in words": ("maxRetryAfterWait: soon", "spec.maxRetryAfterWait", OUR_DURATION),
    "a misspelt field": ("coolDown: {afer: 3}", "spec.coolDown.afer", "unknown field"),
}


@pytest.mark.parametrize(
    ("kind", "text", "path", "words"),
    [
        pytest.param(kind, *row, id=f"{kind}: {mistake}")
        for kind, rows in (
            ("Upstream", MISTAKES_IN_UPSTREAMS),
            ("RouteOption", MISTAKES_IN_ROUTE_OPTIONS),
            ("FailoverPolicy", MISTAKES_IN_FAILOVER_POLICIES),
        )
        for mistake, row in rows.items()
    ],
)
def test_a_mistake_is_refused_with_its_field_and_what_would_be_right(
    cluster: ControlPlane, kind: str, text: str, path: str, words: str
) -> None:
    with pytest.raises(KubectlFailed) as refused:
        cluster.apply(made(kind, text))
    assert f"{path}: " in str(refused.value) or f'"{path}"' in str(refused.value)
    assert words in str(refused.value)
    assert "sk-abc" not in str(refused.value)
