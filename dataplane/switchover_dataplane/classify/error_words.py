"""The sentences of an error → the error class that they state.

An error may repeat the caller's text, which must not count as the server's own words. So quoted text is removed. If the
status may be about the request, only sentences count that begin like a statement of the server, and of a message that
begins with a wrong input only the first words. The words themselves are in `error_patterns.py`.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from switchover_dataplane.classify.error_codes import SURE_STATUSES
from switchover_dataplane.classify.error_patterns import PATTERNS, Pattern
from switchover_dataplane.failover.outcome import ErrorClass

MOST_CHARACTERS: Final = 2_048
"""Maximum number of characters of the messages that are searched."""

MOST_SENTENCES: Final = 32
"""Maximum number of sentences that are searched."""

_MOST_OF_A_MESSAGE: Final = 1_024
_MOST_OF_A_SENTENCE: Final = 512
_FIRST_WORDS: Final = 64

_MAY_BLAME_THE_REQUEST: Final = frozenset({0, *range(400, 500), 500}) - {402, 408, 409, 421, 424, 425, 429, 498}
"""Statuses that may be about the request (0: not known): their errors may quote it."""

_INPUT_CLASSES: Final = frozenset({ErrorClass.CREDENTIALS, ErrorClass.MODEL_UNAVAILABLE})
"""Classes about something that the request contains: their errors may begin like errors about any input."""

_PREFIX: Final = re.compile(
    r"(?:(?:<\d{3}>|\[[\w -]{1,64}\]|error code: \d+ -|(?:http )?\d{3}:?|error:|api error:"
    r"|the model returned the following errors:|invalid request:"
    r"|[\w.]{0,64}(?:error|exception|invalidparameter)(?:: |:? - )(?:\w{1,32}exception - )?)\s*){1,4}"
)
_OPENER: Final = re.compile(
    r"(?:(?:sorry|oops|note|warning|error|hint)[,:!]? )?(?:"
    r"you(?:r|'ve|'re)?|we(?:'re|'ve)?|our|the|this|that|it|there|no|not|too|only|all|please|any"
    r"|insufficient|low|out|accounts?|balance|credits?|funds?|api|access|keys?|tokens?|rates?|requests?|calls?|models?"
    r"|deployments?|engines?|servers?|services?|systems?|providers?|upstreams?|resources?|clusters?|endpoints?|regions?"
    r"|daily|weekly|monthly|hourly|usage|quotas?|limits?|plans?|subscriptions?|billing|payment|free|trial|premium"
    r"|current(?:ly)?|exceeded|reached|max(?:imum)?|concurren\w*|throttl\w*|overload\w*|capacity|temporarily|slow"
    r"|detected|selected|requested|provided|allocated|sorry|users?|organizations?|projects?|tenants?|teams?"
    r"|workspaces?|countr(?:y|ies)"
    r"|budgets?|wallets?|funds|top[ -]?up|consumption|qps|[rt]p[md]|ip|extra|spend\w*|cost|function id|authenti\w*"
    r"|authoriz\w*|unauthorized|forbidden|permission"
    r"|open api|high|increased|\d+[ -]h"
    r")\b|[\w:/]*[-.0-9][\w:./-]* (?:has been|was|is) |[^\x00-\x7f]"
)
_REFUSES_AN_INPUT: Final = re.compile(
    r"(?:invalid|unknown|unexpected|unsupported|unrecognized|missing|bad|malformed|wrong|illegal|incorrect|undefined"
    r"|could(?: not|n't)|can(?:not| not|'t)|failed to|unable to|error (?:parsing|rendering|in|while|processing)"
    r"|expected|no such|additional|extra (?:inputs?|fields?)|duplicate|(?:\d+ )?validation|non-?existent)\b"
)
_NAMES_AN_INPUT: Final = re.compile(
    rf"(?:{_REFUSES_AN_INPUT.pattern} (?:[\w.'\"]+ ){{0,3}}?)?(?:the )?"
    r"(?:values?|param(?:eter)?s?|fields?|propert(?:y|ies)|arguments?|json|schema|(?:request )?body|enum)\b"
    rf"|{_REFUSES_AN_INPUT.pattern} (?:[\w.'\"]+ ){{0,3}}?"
    r"(?:tools?|functions?(?! id)|roles?|types?|contents?|messages?|inputs?|urls?|images?|format|prompts?)\b"
    r"|(?:messages?|inputs?|tools?|contents?|system|functions?)[.\[:]"
)
_AFTER_THE_FIRST_WORDS: Final = re.compile(r":|,| \(| - ")
_QUOTES: Final = (("'", "'"), ('"', '"'), ("`", "`"), ("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u300c", "\u300d"))
_OPENS: Final = tuple(re.compile(rf"(?<![a-z0-9]){opening}(?=\S)") for opening, _ in _QUOTES)
_CLOSES: Final = tuple(re.compile(rf"(?<=\S){closing}(?![a-z0-9])") for _, closing in _QUOTES)
_QUOTED: Final = '""'
_NAME: Final = re.compile(r"\S{1,40}")
_NO_WORDS: Final = re.compile(r"https?://\S+|<[^<>]{0,200}>")
_END: Final = re.compile(r"(?<=[^\s.])[.!?](?=\s)|[\n\r]+|[\u3002\uff1b\uff01\uff1f]| · ")


def reason_from_text(names: Sequence[str], messages: Sequence[str], status: int) -> ErrorClass | None:
    """Return the error class that the words of an error state, None if they state none.

    Args:
        names: its codes and types as words ("insufficient quota"); a caller cannot write these.
        messages: in lower case.
        status: of the answer, 0 if it is not known.
    """
    quotable = [*names, *islice(_sentences(_shortened(messages), _without_quoted), MOST_SENTENCES)]
    own = [*names, *islice(_own_sentences(messages, status), MOST_SENTENCES)]
    first = [*own, *_first_words(messages)]
    for pattern in PATTERNS:
        if pattern.statuses and status not in pattern.statuses:
            continue
        candidates = quotable if pattern.any_speaker else first if pattern.error_class in _INPUT_CLASSES else own
        # Nearly every sentence has no match of the first piece.
        opening = pattern.pieces[0]
        for sentence in candidates:
            if opening.search(sentence) and _matches(pattern, sentence):
                return pattern.error_class
    return None


def sentences_of(messages: Sequence[str]) -> list[str]:
    """Return the sentences of messages without quoted text, in lower case like the messages."""
    return list(islice(_sentences(_shortened(messages), _without_quoted), MOST_SENTENCES))


def _matches(pattern: Pattern, sentence: str) -> bool:
    return all(piece.search(sentence) for piece in pattern.pieces) and not (
        pattern.never is not None and pattern.never.search(sentence)
    )


def _own_sentences(messages: Sequence[str], status: int) -> Iterator[str]:
    """Yield the sentences that are the server's own words, without quoted text."""
    for message in _shortened(messages):
        sentences = list(_sentences((message,), _without_all_quotes))
        if status not in SURE_STATUSES and sentences and _is_about_an_input(sentences[0]):
            continue
        for sentence in sentences:
            if status not in _MAY_BLAME_THE_REQUEST or _OPENER.match(sentence):
                yield sentence


def _first_words(messages: Sequence[str]) -> Iterator[str]:
    """Yield the first words of messages that refuse a key or a model, up to where a quote may begin."""
    for message in _shortened(messages):
        first = next(_sentences((message,), _without_all_quotes), "")
        if _REFUSES_AN_INPUT.match(first) and not _NAMES_AN_INPUT.match(first):
            yield _AFTER_THE_FIRST_WORDS.split(first[:_FIRST_WORDS], maxsplit=1)[0]


def _is_about_an_input(sentence: str) -> bool:
    return bool(_REFUSES_AN_INPUT.match(sentence) or _NAMES_AN_INPUT.match(sentence))


def _shortened(messages: Sequence[str]) -> Iterator[str]:
    room = MOST_CHARACTERS
    for message in messages:
        if room <= 0:
            return
        yield message[: min(room, _MOST_OF_A_MESSAGE)]
        room -= len(message)


def _sentences(messages: Iterator[str] | Sequence[str], unquote: Callable[[str], str]) -> Iterator[str]:
    for message in messages:
        text = _NO_WORDS.sub("\n", unquote(message)).strip()
        prefix = _PREFIX.match(text)
        for sentence in _END.split(text[prefix.end() :] if prefix else text):
            if stripped := sentence.strip():
                yield stripped[:_MOST_OF_A_SENTENCE]


def _without_quoted(text: str) -> str:
    """Remove quoted text, but keep quoted names."""
    for opening, closing in zip(_OPENS, _CLOSES, strict=True):
        kept: list[str] = []
        at = 0
        while (opened := opening.search(text, at)) and (closed := closing.search(text, opened.end())):
            quoted = text[opened.end() : closed.start()]
            kept += text[at : opened.start()], quoted if _NAME.fullmatch(quoted) else _QUOTED
            at = closed.end()
        text = "".join((*kept, text[at:]))
    return text


def _without_all_quotes(text: str) -> str:
    """Remove everything from the first to the last quote of a line, as quoted text may contain quotes."""
    return "\n".join(map(_without_quotes, text.split("\n")))


def _without_quotes(line: str) -> str:
    for opening, closing in zip(_OPENS, _CLOSES, strict=True):
        opened = opening.search(line)
        last = deque(closing.finditer(line, opened.end()), maxlen=1) if opened else ()
        if opened and last:
            line = line[: opened.start()] + _QUOTED + line[last[0].end() :]
    return line
