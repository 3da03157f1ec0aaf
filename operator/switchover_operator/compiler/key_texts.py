"""The text of a credential → the bare key, or why it cannot be one.

What shells, templates and copied command lines leave behind is no key: a provider would answer 401 to every request.
No message repeats a part of the text, but for the name of a placeholder.
"""

import re

from switchover_operator.key_shapes import looks_like_a_key

CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key"})
"""Headers whose values are credentials."""

_SCHEMES = ("bearer", "basic", "token", "digest", "apikey", "api-key", "negotiate")
"""Words that stand before a credential in a header (RFC 9110, section 11.1), and what people take for one."""

_LINE = re.compile(r"(?:proxy-)?authorization\s*[:=]|(?:x-|x-goog-)?api-key\s*[:=]", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"(?:export\s+)?[A-Z][A-Z0-9_]*_(?:KEY|TOKEN|SECRET)=[^=]")
_VARIABLE = re.compile(r"\A\$[A-Za-z_]\w*\Z|\$\{[^}]*\}|\$\([^)]*\)|\A%[A-Z][A-Z0-9_]*%\Z", re.ASCII)
_DOLLAR = re.compile(r"(?:\A|(?<=\s))\$[A-Za-z_]\w*\Z|\$\{[^}]*\}", re.ASCII)
_TEMPLATE = re.compile(r"\{\{.*\}\}", re.DOTALL)
_BRACKETS = re.compile(r"<[^<>]*>\Z")
_PLAIN_NAME = re.compile(r"[$%({})\w .-]{1,64}", re.ASCII)
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")


def key_of(text: str) -> tuple[str, str]:
    """Return ("", the bare key) for a text that may begin with "Bearer", else (the problem, "").

    The problem is a phrase that follows the name of what holds the text.
    """
    rest = text.strip()
    problem = _problem(rest)
    if problem:
        return problem, ""
    scheme, rest = _without_scheme(rest)
    if scheme not in ("", "bearer"):
        return f"holds a credential of the scheme {scheme!r}; write the key alone, or Bearer and the key", ""
    if not rest:
        return f"holds no key, only the word {scheme.title()}; a variable may have been empty", ""
    second, _ = _without_scheme(rest)
    if second:
        return f"holds a second scheme, {second!r}, behind Bearer; write the key alone, or Bearer and the key", ""
    problem = _problem(rest) or unsendable(rest)
    return (problem, "") if problem else ("", rest)


def own_key_problem(text: str) -> str:
    """Return why a text cannot be the key of a caller, who sends it with a scheme of its own; "" if it can."""
    rest = text.strip()
    problem = _problem(rest)
    if problem:
        return problem
    scheme, _ = _without_scheme(rest)
    return f"holds the scheme {scheme!r}; write the key alone" if scheme else unsendable(rest)


def header_problem(text: str) -> str:
    """Return why a text cannot be the value of a header for a credential, with or without a scheme; "" if it can."""
    problem = _problem(text.strip())
    if problem:
        return problem
    scheme, rest = _without_scheme(text.strip())
    if scheme and not rest:
        return f"holds no key, only the word {scheme.title()}; a variable may have been empty"
    second, _ = _without_scheme(rest) if scheme else ("", "")
    return f"holds a second scheme, {second!r}" if second else _problem(rest)


def variable_problem(text: str) -> str:
    """Return why a header for a credential cannot have this text: a variable of a shell is in it; "" if none is.

    Nothing else is wrong with it: the value may be made of parts that only a request has.
    """
    found = _DOLLAR.search(text.strip())
    return _not_replaced(found[0]) if found is not None else ""


def unsendable(key: str) -> str:
    """Return why a key cannot stand behind a scheme in a header (RFC 9110, section 11.2); "" if it can."""
    if _VISIBLE.match(key):
        return ""
    if _CONTROL.search(key):
        return "holds a line break or another control character inside"
    if " " in key:
        return "holds white space inside; a key has none"
    return "holds characters that no key has: only printable ASCII can be sent in a header"


def _without_scheme(text: str) -> tuple[str, str]:
    """Split a scheme off, in lower case; "" where there is none. A word alone may be a key, but for `Bearer`."""
    word, _, rest = text.partition(" ")
    scheme = word.rstrip(":").lower()
    is_one = scheme in _SCHEMES and (rest or scheme == "bearer")
    return (scheme, rest.strip()) if is_one else ("", text)


def _problem(text: str) -> str:
    """Return why a text is no credential, whether there is a scheme before it or not."""
    if not text:
        return "is empty"
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        return "holds quotation marks around the value; leave them out"
    if _LINE.match(text):
        return "holds a whole header line; write only what stands behind the name"
    if _ASSIGNMENT.match(text):
        return "holds an assignment to a variable; write only what stands behind ="
    placeholder = _VARIABLE.search(text) or _TEMPLATE.search(text)
    if placeholder is not None:
        return _not_replaced(placeholder[0])
    if text[0] == "{":
        return "holds a JSON object, which is no key"
    if _BRACKETS.match(text):
        return "holds a placeholder in angle brackets, which nobody has replaced"
    return ""


def _not_replaced(placeholder: str) -> str:
    is_plain = _PLAIN_NAME.fullmatch(placeholder) is not None and not looks_like_a_key(placeholder)
    return f"holds the placeholder{f' {placeholder}' if is_plain else ''}, which nothing has replaced"
