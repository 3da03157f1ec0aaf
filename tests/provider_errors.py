"""Errors as providers write them, and when they are read."""

import msgspec

from switchover_dataplane.classify.refusal import refused

NOW = 1_800_000_000.0


def retry_after(headers: dict[str, str], body: bytes, now: float) -> float | None:
    return refused("openai", 429, headers, body, now)[1]


def openai(message: str = "", code: str | None = None, type_: str = "invalid_request_error") -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": type_, "param": None, "code": code}})


def anthropic(type_: str, message: str = "", error_code: str = "") -> bytes:
    details = {"details": {"error_code": error_code}} if error_code else {}
    return msgspec.json.encode({"type": "error", "error": {"type": type_, "message": message, **details}})


def google(status: str, message: str = "", *details: object) -> bytes:
    return msgspec.json.encode({"error": {"code": 1, "message": message, "status": status, "details": details}})


def mistral(message: str, type_: str, code: str | None = None) -> bytes:
    return msgspec.json.encode({"object": "error", "message": message, "type": type_, "code": code})


def bedrock(message: str) -> bytes:
    return msgspec.json.encode({"message": message})


def quota(*names: str) -> dict[str, object]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name} for name in names]}
