"""Fields of an object that have no effect are named: unknown ones with what was meant, and ones that are not served."""

from bodies import route_option, unknown, upstream
from switchover_operator.resources import (
    unsupported_fields,
)


def test_an_unknown_field_is_named_with_the_one_that_was_probably_meant() -> None:
    parsed = upstream("""
spec:
  ai: {multi: {priorities: [{pool: [{openai: {modell: x, authToken: {kind: SecretRef, secretRef: {name: n}}}}]}]}}
  zzz: 1
""")
    assert unknown(parsed) == [
        "spec.ai.multi.priorities[0].pool[0].openai.authToken.kind (unknown)",
        "spec.ai.multi.priorities[0].pool[0].openai.modell (unknown; did you mean model?)",
        "spec.zzz (unknown)",
    ]


def test_a_name_in_snake_case_is_unknown_and_the_right_one_is_suggested() -> None:
    parsed = upstream("spec: {kube: {serviceName: s, servicePort: 1}, connection_config: {}}")
    assert unknown(parsed) == ["spec.connection_config (unknown; did you mean connectionConfig?)"]


def test_a_field_without_effect_is_named_where_it_is_set() -> None:
    parsed = upstream("""
spec:
  aws: {region: r}
  outlierDetection: {consecutive5xx: 3, enforcingSuccessRate: 50}
  healthChecks: [{timeout: 1s}]
  connectionConfig: {connectTimeout: 1s, maxRequestsPerConnection: 5, tcpKeepalive: {}}
  sslConfig: {secretRef: {name: n}, sni: x, oneWayTls: true, verifySubjectAltName: [x]}
""")
    assert unknown(parsed) == []
    assert unsupported_fields(parsed) == [
        "spec.aws",
        "spec.connectionConfig.maxRequestsPerConnection",
        "spec.connectionConfig.tcpKeepalive",
        "spec.healthChecks",
        "spec.outlierDetection.enforcingSuccessRate",
        "spec.sslConfig.verifySubjectAltName",
    ]


def test_a_field_that_holds_its_default_is_not_set() -> None:
    parsed = upstream("""
spec:
  kube: {serviceName: s, servicePort: 80, selector: {}}
  circuitBreakers: null
  connectionConfig: {maxRequestsPerConnection: 0}
  sslConfig: {alpnProtocols: []}
""")
    assert unsupported_fields(parsed) == []


def test_a_later_field_of_a_route_option_is_named_though_nothing_of_it_is_read() -> None:
    parsed = route_option("""
spec:
  options:
    extauth: {configRef: {name: x}}
    faults: {abort: {percentage: 50, httpStatus: 503}}
    idleTimeout: 0s
    ai: {routeType: CHAT, promptGuard: {request: {}}}
    retries: {retryOnn: 5xx}
""")
    assert unsupported_fields(parsed) == [
        "spec.options.ai.promptGuard",
        "spec.options.faults",
        "spec.options.idleTimeout",
    ]
    assert unknown(parsed) == ["spec.options.retries.retryOnn (unknown; did you mean retryOn?)"]
