"""One attempt at a target that is not asked with the client's own bytes: the request is translated, signed, or both.

It ends as any other attempt does (`attempt.py`): what a target of another API answers is judged in the client's API,
into which it is translated first, so that everything that holds for an answer holds for it, too.
"""

import secrets
import string
import time
from typing import Final

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.in_flight import InFlight, Result
from switchover_dataplane.attempts.read_answer import read_answer, read_refusal
from switchover_dataplane.attempts.read_success import WHOLE_LIMIT, gather, judge_whole, read_success
from switchover_dataplane.attempts.unreadable import unreadable
from switchover_dataplane.classify.own_words import own_words
from switchover_dataplane.classify.refusal import failed_success
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, NotSent, Outcome, Refused, TimedOut
from switchover_dataplane.formats import chunk, event_stream_frames, lenient_json
from switchover_dataplane.formats.chunk_kind import stream_format_of
from switchover_dataplane.formats.error_shape import looks_like_error
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.media_types import media_type
from switchover_dataplane.formats.plain_answer import is_plainly_good
from switchover_dataplane.formats.sse import Scanner
from switchover_dataplane.formats.whole_answer import fault_of
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.expect import expected_of
from switchover_dataplane.request.limits import HeldBack, Limits
from switchover_dataplane.request.translating import encoded
from switchover_dataplane.request.translation import Translation
from switchover_dataplane.translation.answers import BadAnswer
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.problems import problem_of
from switchover_dataplane.translation.stream import Framing, StreamTranslation
from switchover_dataplane.upstream.decoded import decoded
from switchover_dataplane.upstream.renewed import NoCredentials
from switchover_dataplane.upstream.targets import Route
from switchover_dataplane.upstream.translated import Replayed, Translated, in_other_form
from switchover_dataplane.upstream.transport import ConnectFailed, ConnectionBroken, Response, Transport

_SIGNS: Final = (string.ascii_letters + string.digits).encode()
_ID_SIGNS: Final = 24
_AS_SIGNS: Final = bytes(_SIGNS[byte % len(_SIGNS)] for byte in range(256))
_JSON: Final = "application/json"
_LABELS: Final = (_JSON, "application/json; charset=utf-8", "application/json;charset=utf-8")
_FRAMES: Final = event_stream_frames.MEDIA_TYPE


async def adapted_attempt(transport: Transport, call: Call, limits: Limits, of: InFlight) -> Result:
    """Send the call to one target, in its API and with what proves who asks, and tell what became of it."""
    seconds, name = limits.head
    head = of.head
    request = call.adapted(head)
    try:
        with of.within(seconds):
            wire = await head.signed(call.head, call.request_id, request)
            response = await transport.send(head.route.destination, call.head.method, wire, request.content, of.go_on)
    except TimeoutError:
        return TimedOut(name, seconds or 0.0), None
    except NoCredentials as missing:
        return NotSent("no-credential", str(missing), ErrorClass.CREDENTIALS), None
    except ConnectFailed as unsent:
        return NotSent(unsent.cause, unsent.detail), None
    except ConnectionBroken as failure:
        return Broken(failure.how, failure.detail), None
    expected = expected_of(head, call.body, in_a_form=limits.in_a_form or head.translation is not None)
    try:
        at_once = _at_once(response, call, expected, of)
        if at_once is not None:
            return at_once
        with of.within(limits.remaining):
            result = await _read(response, call, expected, of, limits.holdback)
        response.hand_over()
        return result
    except TimeoutError:
        response.abort()
        return TimedOut("timeout", limits.remaining or 0.0), None
    except Exception as error:
        response.abort()
        if error is response.failure or isinstance(error, ConnectionBroken):
            response.forget()
            raise  # what stopped the request's body
        return Broken("malformed", unreadable(error, of.target.id), ErrorClass.SERVER_ERROR), None
    except BaseException:
        response.abort()
        raise


async def _read(response: Response, call: Call, expected: Expected, of: InFlight, holdback: HeldBack) -> Result:
    """Read the start of an answer, or all of it, and judge it."""
    head, translation = of.head, of.head.translation
    if response.status == 401 and head.route.signer is not None:
        head.route.signer.forget()
    if translation is None:
        return await read_answer(response, call, expected, of, holdback)
    if response.status >= 400:
        return _in_clients_form(await read_refusal(decoded(response), call, of), translation)
    try:
        return await _read_success(decoded(response), call, expected, of, holdback, translation)
    except ConnectionBroken as failure:
        # What came of it is in a form that the client does not read.
        return Broken(failure.how, failure.detail), None


# ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_clients_form(result: Result, translation: Translation) -> Result:
    """Write a refusal in the client's API: the provider's words, with a status that the client's SDK understands."""
    outcome, answer = result
    if not isinstance(outcome, Refused) or answer is None:
        return result
    words = own_words(b"".join(answer.held))
    answer.abort()
    problem = problem_of(outcome.error_class, outcome.status, words.message, words.code)
    status, body = translation.client.write_error(problem)
    return outcome, Answer(status, in_other_form(answer.headers, _JSON), [encoded(body)])


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _read_success(  # noqa: PLR0917 - an answer, and what is known of it
    response: Response, call: Call, expected: Expected, of: InFlight, holdback: HeldBack, translation: Translation
) -> Result:
    """Translate an answer, and judge what comes of it."""
    asked = _asked(call, of, translation)
    route = of.head.route
    answer = Answer(response.status, response.headers, rest=response)
    begun = await _begun(response)
    framing = _framing(response, begun)
    if framing is not None and _begins_as_clients(begun, translation):
        replayed = Replayed(response, begun)
        answer = Answer(response.status, response.headers, rest=replayed)
        return await read_success(answer, replayed, call, expected, of, holdback), answer
    if framing is not None:
        stream = StreamTranslation(framing, translation.target.reader(), translation.client.writer(asked))
        translated = Translated(response, begun, stream)
        answer = Answer(response.status, translated.headers, rest=translated)
        return await read_success(answer, translated, call, expected, of, holdback), answer
    answer.held.append(begun)
    await gather(answer, response, WHOLE_LIMIT)
    return _whole(answer, route, call, expected, asked, translation), answer


def _asked(call: Call, of: InFlight, translation: Translation) -> Asked:
    return Asked(_new_id(), int(time.time()), call.written(of.head, translation).request)


def _at_once(response: Response, call: Call, expected: Expected, of: InFlight) -> Result | None:
    """Translate the usual good answer, which has come as a whole with its head; None leaves it to `_read`."""
    head, text, headers = of.head, response.whole, response.headers
    translation = head.translation
    if translation is None or text is None or response.status != 200 or "content-encoding" in headers:
        return None
    if headers.get("content-type", "") not in _LABELS or not is_plainly_good(translation.target.api, text):
        return None
    try:
        read = translation.target.read_answer(lenient_json.decode(text))
    except (BadAnswer, ValueError, RecursionError):
        return None
    written = encoded(translation.client.write_answer(read, _asked(call, of, translation)))
    answer = Answer(200, in_other_form(headers, _JSON), [written])
    if expected.shape == "value" and expected.api is not None and is_plainly_good(expected.api, written):
        return Committed(200, answer.headers), answer
    return judge_whole(answer, head.route, call, expected), answer


async def _begun(response: Response) -> bytes:
    """Return the first bytes of a body that tell what it is; b"" if it is empty."""
    begun = b""
    while not begun.strip(b"\xef\xbb\xbf \t\r\n"):
        piece = await response.chunk()
        if not piece:
            break
        begun += piece
    return begun


def _framing(response: Response, begun: bytes) -> Framing | None:
    """Return how the events of a stream are framed, None where the answer is no stream."""
    if media_type(response.headers) == _FRAMES:
        return event_stream_frames.Scanner()
    return None if begun.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[", b"<", b"") else Scanner()


def _begins_as_clients(begun: bytes, translation: Translation) -> bool:
    """Tell whether a stream is in the client's API, though the target was asked in another one.

    A server that has the client's API may answer in it whatever it is asked in; such an answer needs no translation.
    """
    for event in Scanner().feed(begun):
        if event.data:
            found = chunk.read(event, None).stream_format
            return found is stream_format_of(translation.client.api) is not stream_format_of(translation.target.api)
    return False


def _is_clients(text: bytes, translation: Translation) -> bool:
    """Tell the same of a whole answer."""
    client, target = Expected(translation.client.api), Expected(translation.target.api)
    try:
        return fault_of(client, text) is None and fault_of(target, text) is not None
    except (ValueError, RecursionError):
        return False


def _whole(  # noqa: PLR0917 - an answer, and what is known of it
    answer: Answer, route: Route, call: Call, expected: Expected, asked: Asked, translation: Translation
) -> Outcome:
    """Translate an answer that was read as a whole, and judge what comes of it."""
    failed = _translate_whole(answer, translation, asked, route.wire.name)
    return failed or judge_whole(answer, route, call, expected)


def _translate_whole(answer: Answer, translation: Translation, asked: Asked, provider: str) -> Broken | None:
    """Put the client's form of a whole answer in the place of the target's; return why it is none."""
    if answer.rest is not None:
        answer.abort()
        return Broken("malformed", "an answer that is too large to be translated", ErrorClass.SERVER_ERROR)
    text = answer.held[0] if len(answer.held) == 1 else b"".join(answer.held)
    target = translation.target
    is_plain = is_plainly_good(target.api, text)
    try:
        document = lenient_json.decode(text)
    except (ValueError, RecursionError):
        return _error(answer, text, provider) or (None if _is_clients(text, translation) else _NO_JSON)
    failed = _error(answer, text, provider) if not is_plain and looks_like_error(document) else None
    if failed is not None:
        return failed
    if not is_plain and _is_clients(text, translation):
        return None
    try:
        read = target.read_answer(document)
    except BadAnswer as why:
        return Broken("malformed", str(why), ErrorClass.SERVER_ERROR, scope="unknown")
    except (ValueError, RecursionError):
        return _NO_JSON
    answer.held = [encoded(translation.client.write_answer(read, asked))]
    answer.headers = in_other_form(answer.headers, _JSON)
    return None


_NO_JSON: Final = Broken("malformed", "the body is no valid JSON", ErrorClass.SERVER_ERROR, scope="unknown")


def _error(answer: Answer, text: bytes, provider: str) -> Broken | None:
    """Return the error that a target states under a success status."""
    failed = failed_success(provider, answer.status, answer.headers, text, time.time())
    return None if failed is None else Broken("error-event", "an error under a success status", *failed)


def _new_id() -> str:
    return secrets.token_bytes(_ID_SIGNS).translate(_AS_SIGNS).decode()
