"""The error codes of providers → the error class: one table of all known codes.

A new code is one more row, with the page that documents it; `refusal.py` reads the rows. They are tried in order: rows
about the request come before rows about the key, the model or the load. Codes with several meanings (`GENERAL`) are
tried last, after the words of the error (`error_words.py`).
"""

from dataclasses import dataclass
from typing import Final

from switchover_dataplane.failover.outcome import ErrorClass, RefusalScope

_REQUEST_REFUSED = frozenset({400, 403, 413, 422})
_KEY_REFUSED = frozenset({400, 401, 403})
_NOT_NOW = frozenset({429, 498, 500, 502, 503, 504, 529})

SCOPES: Final[dict[ErrorClass, RefusalScope]] = {
    ErrorClass.RATE_LIMITED: "target",
    ErrorClass.QUOTA_EXHAUSTED: "target",
    ErrorClass.OVERLOADED: "target",
    ErrorClass.CREDENTIALS: "target",
    ErrorClass.MODEL_UNAVAILABLE: "model",
    ErrorClass.CONTEXT_LENGTH: "request",
    ErrorClass.CONTENT_FILTER: "request",
    ErrorClass.CALLER_FAULT: "request",
}
"""The scope of a refusal by its class, if a code or words gave the class; "unknown" for every other class."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `codes` (whole), `texts` (within a message) or `starts` (of a message), all in lower case.

    One match is enough. `starts` are for classes that cool down a key or a model, as a server may quote its caller
    later in a message. The row applies to `statuses` and to the provider kinds in `kinds`; an empty set means all. An
    error under a success status without a status of its own matches by its text alone, unless the row `needs_status`.
    `is_vague`: the caller's request may be the cause.
    """

    error_class: ErrorClass
    source: str
    codes: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    statuses: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()
    starts: tuple[str, ...] = ()
    is_vague: bool = False
    needs_status: bool = False

    @property
    def scope(self) -> RefusalScope:
        """The scope of a refusal that the row matches."""
        return "unknown" if self.is_vague else SCOPES.get(self.error_class, "unknown")


def _row(
    error_class: ErrorClass,
    source: str,
    codes: str = "",
    texts: tuple[str, ...] = (),
    statuses: frozenset[int] = frozenset(),
    *,
    kinds: str = "",
    starts: tuple[str, ...] = (),
    is_vague: bool = False,
    needs_status: bool = False,
) -> Row:
    return Row(
        error_class,
        source,
        frozenset(codes.split()),
        texts,
        statuses,
        frozenset(kinds.split()),
        starts,
        is_vague=is_vague,
        needs_status=needs_status,
    )


_E = ErrorClass

ROWS: Final[tuple[Row, ...]] = (
    # Content that the provider does not allow.
    _row(
        _E.CONTENT_FILTER,
        "OpenAI: Error codes; openai-python",
        "content_policy_violation cyber_policy bio_policy misalignment_policy_violation invalid_prompt",
        statuses=_REQUEST_REFUSED,
    ),
    _row(
        _E.CONTENT_FILTER,
        "Azure OpenAI: Content filtering",
        "content_filter responsibleaipolicyviolation",
        statuses=_REQUEST_REFUSED,
    ),
    _row(
        _E.CONTENT_FILTER, "OpenRouter: Errors and debugging (moderation)", "flagged_input", statuses=frozenset({403})
    ),
    # A prompt that is too long for this model, and input that is too long for any model.
    _row(_E.CONTEXT_LENGTH, "OpenAI: Error codes; vLLM", "context_length_exceeded", statuses=_REQUEST_REFUSED),
    _row(
        _E.CONTEXT_LENGTH,
        "nginx, client_max_body_size: the page of a proxy before this model",
        texts=("<html",),
        statuses=frozenset({413}),
        needs_status=True,
    ),
    _row(
        _E.CALLER_FAULT,
        "OpenAI: Error codes; Anthropic: Errors",
        "string_above_max_length request_too_large",
        statuses=frozenset({400, 413, 422}),
    ),
    # Credit or quota that does not come back soon.
    _row(
        _E.QUOTA_EXHAUSTED,
        "OpenAI: Error codes",
        "insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded project_spend_limit_exceeded"
        " organization_usage_limit_exceeded billing_not_active billing_hard_limit_reached",
    ),
    _row(
        _E.QUOTA_EXHAUSTED,
        "Anthropic: Errors; Rate limits",
        "billing_error enforced_spend_limit_reached contract_spend_limit_reached"
        " linked_organization_spend_limit_reached",
    ),
    _row(_E.QUOTA_EXHAUSTED, "Gemini API: Rate limits", texts=("perday",), statuses=frozenset({429})),
    _row(_E.QUOTA_EXHAUSTED, "Amazon Bedrock: InvokeModel", "servicequotaexceededexception"),
    # No capacity, with any status.
    _row(_E.OVERLOADED, "OpenAI: Error codes", "server_is_overloaded"),
    _row(_E.OVERLOADED, "Anthropic: Errors", "overloaded_error"),
    _row(
        _E.OVERLOADED,
        "Vertex AI: API errors (shared capacity)",
        texts=("resource exhausted, please try again later",),
        statuses=_NOT_NOW,
    ),
    _row(_E.OVERLOADED, "Amazon Bedrock: API error codes", "modelnotreadyexception serviceunavailableexception"),
    _row(_E.OVERLOADED, "Groq: Error codes", "capacity_exceeded"),
    # A model that does not exist, or that this key must not use.
    _row(_E.MODEL_UNAVAILABLE, "OpenAI: Error codes; Groq: Deprecations", "model_not_found model_decommissioned"),
    _row(_E.MODEL_UNAVAILABLE, "Azure OpenAI: Troubleshooting", "deploymentnotfound"),
    _row(_E.MODEL_UNAVAILABLE, "Mistral: Error glossary", "unknown_model invalid_model"),
    _row(
        _E.MODEL_UNAVAILABLE,
        "Amazon Bedrock: API error codes",
        "resourcenotfoundexception ftuformnotfilled",
        starts=("the provided model identifier is invalid", "invocation of model id"),
    ),
    # A key that is wrong or has no permission.
    _row(_E.CREDENTIALS, "OpenAI: Error codes", "invalid_api_key", statuses=_KEY_REFUSED),
    _row(_E.CREDENTIALS, "Gemini API: Troubleshooting", "api_key_invalid", statuses=_KEY_REFUSED),
    _row(
        _E.CREDENTIALS,
        "Amazon Bedrock: API error codes; Common errors",
        "invalidclienttokenid incompletesignature requestexpired notauthorized",
        statuses=_KEY_REFUSED,
    ),
    # Too many requests or tokens for now.
    _row(_E.RATE_LIMITED, "OpenAI: Error codes", "slow_down"),
    _row(_E.RATE_LIMITED, "Anthropic: Rate limits", "ramp_limit_exceeded"),
    _row(_E.RATE_LIMITED, "Mistral: Error glossary", "rate_limited 1300", statuses=frozenset({429})),
    _row(_E.RATE_LIMITED, "Amazon Bedrock: API error codes", "throttlingexception"),
)

GENERAL: Final[tuple[Row, ...]] = (
    _row(
        _E.RATE_LIMITED, "OpenAI: Error codes; Groq: Error codes (413, too many tokens a minute)", "rate_limit_exceeded"
    ),
    _row(_E.RATE_LIMITED, "Anthropic: Rate limits", "rate_limit_error"),
    _row(_E.RATE_LIMITED, "Gemini API: Rate limits", "resource_exhausted", statuses=frozenset({429})),
    _row(_E.OVERLOADED, "Vertex AI: API errors", "unavailable", statuses=_NOT_NOW),
    _row(
        _E.MODEL_UNAVAILABLE,
        "Anthropic: Errors; Gemini API: Troubleshooting",
        "not_found_error not_found",
        is_vague=True,
    ),
    _row(
        _E.CREDENTIALS,
        "Gemini API: Troubleshooting (free tier not in this country)",
        "failed_precondition",
        statuses=frozenset({400}),
        kinds="gemini",
    ),
    _row(
        _E.MODEL_UNAVAILABLE,
        "Vertex AI: API errors (allow-list, policy); either API where they speak OpenAI's language",
        "failed_precondition",
        statuses=frozenset({400}),
    ),
    _row(
        _E.CREDENTIALS,
        "Anthropic: Errors; Vertex AI: API errors",
        "authentication_error unauthenticated",
        statuses=_KEY_REFUSED,
    ),
    _row(
        _E.CREDENTIALS,
        "Anthropic: Errors; Gemini API: Troubleshooting; Amazon Bedrock: API error codes",
        "permission_error permission_denied accessdeniedexception",
        statuses=_KEY_REFUSED,
        is_vague=True,
    ),
    # A named failure of the server.
    _row(
        _E.SERVER_ERROR,
        "Amazon Bedrock: InvokeModel",
        "modeltimeoutexception modelerrorexception modelstreamerrorexception internalserverexception",
    ),
    _row(_E.SERVER_ERROR, "Anthropic: Errors", "api_error timeout_error conflict_error"),
    # The request itself.
    _row(
        _E.CALLER_FAULT,
        "OpenAI: Error codes; Anthropic: Errors; Gemini API: Troubleshooting",
        "invalid_request_error invalid_argument",
        statuses=frozenset({400, 413, 422}),
    ),
)

BY_STATUS = {
    401: ErrorClass.CREDENTIALS,
    402: ErrorClass.QUOTA_EXHAUSTED,
    403: ErrorClass.CREDENTIALS,
    404: ErrorClass.MODEL_UNAVAILABLE,
    408: ErrorClass.SERVER_ERROR,
    409: ErrorClass.SERVER_ERROR,
    410: ErrorClass.MODEL_UNAVAILABLE,
    421: ErrorClass.SERVER_ERROR,
    424: ErrorClass.SERVER_ERROR,
    425: ErrorClass.SERVER_ERROR,
    429: ErrorClass.RATE_LIMITED,
    498: ErrorClass.OVERLOADED,
    503: ErrorClass.OVERLOADED,
    529: ErrorClass.RATE_LIMITED,
}
"""The class of a status that no row matches; other 4xx are the caller's fault, other 5xx are server errors."""

SURE_STATUSES: Final = frozenset({402, 429, 498, 503, 529})
"""Statuses that are always about the target's account or load; the request may cause any other status."""
