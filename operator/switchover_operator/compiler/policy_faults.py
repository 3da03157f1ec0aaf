"""The faults of a RouteOption or a FailoverPolicy by itself, and its fields that have no effect."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from switchover_operator.compiler import header_operators, triggers
from switchover_operator.compiler.faults import (
    Fault,
    header_faults,
    host_faults,
    pattern_faults,
    trigger_faults,
    value_shown,
)
from switchover_operator.key_shapes import without_keys
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.model import listed
from switchover_operator.resources.route_option import ROLES, HeaderValue, PromptMessage, RouteOption


def route_option_faults(option: RouteOption) -> Iterator[Fault]:
    """Yield every fault of a RouteOption."""
    options = option.spec.options
    if options.retries is not None:
        yield from trigger_faults(
            "spec.options.retries.retryOn", triggers.unknown(triggers.tokens(options.retries.retry_on))
        )
        limited = options.retries.rate_limited_retry_back_off
        for index, header in enumerate(limited.reset_headers if limited else ()):
            path = f"spec.options.retries.rateLimitedRetryBackOff.resetHeaders[{index}].name"
            yield from header_faults(path, header.name, "")
    if options.header_manipulation is not None:
        yield from _manipulation_faults(option)
    enrichment = options.ai.prompt_enrichment if options.ai is not None else None
    if enrichment is not None:
        yield from _message_faults("spec.options.ai.promptEnrichment.prepend", enrichment.prepend)
        yield from _message_faults("spec.options.ai.promptEnrichment.append", enrichment.append)
    if options.host_rewrite:
        yield from host_faults("spec.options.hostRewrite", options.host_rewrite)
    if options.regex_rewrite is not None:
        rewrite = options.regex_rewrite
        yield from pattern_faults("spec.options.regexRewrite", rewrite.pattern.regex, rewrite.substitution)


def _message_faults(path: str, messages: Iterable[PromptMessage]) -> Iterator[Fault]:
    """Check messages that are added to those of a caller: a provider refuses a request with one that is not whole."""
    right = f"must be {listed(ROLES, 'or')}"
    for index, message in enumerate(messages):
        where = f"{path}[{index}]"
        if not message.role:
            yield Fault(f"{where}.role: is required: {right}")
        elif message.role.lower() not in ROLES:
            near = get_close_matches(message.role.lower(), ROLES, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            yield Fault(f"{where}.role: {right}; got {without_keys(repr(message.role[:80]))}{meant}")
        if not message.content.strip():
            yield Fault(f"{where}.content: is required: the text of the message")


def _manipulation_faults(option: RouteOption) -> Iterator[Fault]:
    for path, header, of_answer in _added_headers(option):
        yield from header_faults(path, header.key, header.value)
        for text in header_operators.read(header.value, of_answer=of_answer).faults:
            yield Fault(f"{path}.header.value: {text}; got {value_shown(header.key, header.value)}")


def _added_headers(option: RouteOption) -> Iterator[tuple[str, HeaderValue, bool]]:
    """Yield each header that is written into the object, with its path, and whether it is one of answers."""
    manipulation = option.spec.options.header_manipulation
    if manipulation is None:
        return
    path = "spec.options.headerManipulation"
    for index, entry in enumerate(manipulation.request_headers_to_add):
        if entry.header is not None:
            yield f"{path}.requestHeadersToAdd[{index}]", entry.header, False
    for index, answer in enumerate(manipulation.response_headers_to_add):
        yield f"{path}.responseHeadersToAdd[{index}]", answer.header, True


def failover_faults(policy: FailoverPolicy) -> Iterator[Fault]:
    """Yield every fault of a FailoverPolicy."""
    yield from trigger_faults("spec.retryOn", triggers.unknown_of_policy(policy.spec.retry_on or ()))


def unused_under_envoy(policy: FailoverPolicy) -> Iterator[str]:
    """Yield the fields of a FailoverPolicy that have no effect under `retrySemantics: Envoy`."""
    spec = policy.spec
    if spec.retry_semantics != "Envoy":
        return
    limits = ("firstTokenTimeout", "answerTimeout", "maxRetryAfterWait")
    values = (spec.first_token_timeout, spec.answer_timeout, spec.max_retry_after_wait)
    for field, value in zip(limits, values, strict=True):
        if value is not None:
            yield f"spec.{field} (under retrySemantics: Envoy)"
    if spec.stream_recovery == "Continue":
        yield "spec.streamRecovery: Continue (under retrySemantics: Envoy a stream that breaks ends as under Abort)"
    if spec.tool_calls == "Hold":
        yield "spec.toolCalls: Hold (under retrySemantics: Envoy tool calls are handed on as they come)"
    if spec.attempts is not None and spec.retry_on is None:
        yield "spec.attempts (under retrySemantics: Envoy nothing is tried again without retryOn)"


def unused_retry_fields(option: RouteOption) -> Iterator[str]:
    """Yield the fields of `retries` that have no effect without another field (Envoy, x-envoy-retry-on)."""
    retries = option.spec.options.retries
    named = triggers.tokens(retries.retry_on) if retries else ()
    if retries and retries.retriable_status_codes and "retriable-status-codes" not in named:
        yield "spec.options.retries.retriableStatusCodes (without the token retriable-status-codes in retryOn)"
    if retries and not retries.retriable_status_codes and "retriable-status-codes" in named:
        yield "spec.options.retries.retryOn: retriable-status-codes (without a list retriableStatusCodes)"
    if "retriable-headers" in named:
        yield "spec.options.retries.retryOn: retriable-headers (there is no field that lists them)"


def unserved_commands(option: RouteOption) -> Iterator[str]:
    """Yield the values of headers that hold an operator of Envoy's that is not served: these headers are left out."""
    for path, header, of_answer in _added_headers(option):
        unserved = header_operators.read(header.value, of_answer=of_answer).unserved
        if unserved:
            yield f"{path}.header.value (the header {header.key} is left out: {'; '.join(unserved)})"
