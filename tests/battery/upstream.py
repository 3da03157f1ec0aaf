"""What upstreams may answer, as bytes, each with what the client must see by RFC 9110 and RFC 9112.

`whole`: the status and the body named, complete. `failed`: a gateway error, or an answer that cannot be taken for
whole. `open_to_both`: the RFC leaves it open, so the client sees one of the two. In every case there is one answer,
nothing of the upstream's bytes becomes a field or an answer of its own, and the next request gets its own answer.
"""

from dataclasses import dataclass

HELLO = b"hello"
TE = b"transfer-encoding: chunked\r\n"
GOOD = b"5\r\nhello\r\n0\r\n\r\n"
INJECTED = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\nx-injected: 1\r\n\r\nINJECTED"


@dataclass(frozen=True)
class Case:
    """One answer and what the client sees of it.

    `status` and `body` where it may be whole (None: it must not be); `may_fail` where it may be a failure. `closes`:
    the upstream hangs up behind these bytes. `hides` must not stand in the head that the client gets.
    """

    group: str
    name: str
    data: bytes
    status: int | None = None
    body: bytes = HELLO
    may_fail: bool = True
    closes: bool = False
    method: str = "GET"
    path: str = "/plain/first"
    hides: tuple[bytes, ...] = ()


CASES: list[Case] = []


def failed(group: str, name: str, data: bytes, *, closes: bool = False, path: str = "/plain/first") -> None:
    CASES.append(Case(group, name, data, closes=closes, path=path))


def whole(
    group: str,
    name: str,
    data: bytes,
    status: int = 200,
    body: bytes = HELLO,
    *,
    closes: bool = False,
    method: str = "GET",
    path: str = "/plain/first",
    hides: tuple[bytes, ...] = (),
) -> None:
    CASES.append(Case(group, name, data, status, body, False, closes, method, path, hides))


def open_to_both(
    group: str,
    name: str,
    data: bytes,
    status: int = 200,
    body: bytes = HELLO,
    *,
    closes: bool = False,
    method: str = "GET",
    hides: tuple[bytes, ...] = (),
) -> None:
    CASES.append(Case(group, name, data, status, body, True, closes, method, hides=hides))


def answer(
    line: bytes = b"HTTP/1.1 200 OK",
    fields: bytes = b"content-type: text/plain\r\n",
    body: bytes = HELLO,
) -> bytes:
    """Write an answer with a length."""
    return line + b"\r\n" + fields + b"content-length: %d\r\n\r\n" % len(body) + body


def framed(fields: bytes, body: bytes = HELLO, line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """Write an answer with the framing that the fields give."""
    return line + b"\r\n" + fields + b"\r\n" + body


# ── Status lines: RFC 9112, section 4 ───────────────────────────────────────────────────────────────────────────────

for _name, _line in {
    "a status of two digits": b"HTTP/1.1 20 OK",
    "a status of four digits": b"HTTP/1.1 2000 OK",
    "a status of letters": b"HTTP/1.1 OK 200",
    "a negative status": b"HTTP/1.1 -20 OK",
    "no status": b"HTTP/1.1 OK",
    "no status at all": b"HTTP/1.1",
    "a version in lower case": b"http/1.1 200 OK",
    "no version": b"HTTP 200 OK",
    "a version of one number": b"HTTP/1 200 OK",
    "a tab": b"HTTP/1.1\t200 OK",
    "a bare LF in the reason": b"HTTP/1.1 200 O\nx-injected: 1",
    "a space before it": b" HTTP/1.1 200 OK",
    "a page": b"<html>hello</html>",
    "SSH": b"SSH-2.0-server",
    "a request": b"GET / HTTP/1.1",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x28",
    "NUL": b"\x00HTTP/1.1 200 OK",
    "another protocol": b"ICY 200 OK",
    "status 000": b"HTTP/1.1 000 X",
    "status 001": b"HTTP/1.1 001 X",
    "status 042": b"HTTP/1.1 042 X",
    "status 099": b"HTTP/1.1 099 X",
}.items():
    failed("status lines", _name, answer(_line), closes=True)
for _low in (b"000", b"042", b"099"):
    failed("status lines", f"status {_low.decode()} on a connection that stays", answer(b"HTTP/1.1 " + _low + b" X"))
for _name, _line, _status in (
    ("no reason", b"HTTP/1.1 200 ", 200),
    ("a long reason", b"HTTP/1.1 200 " + b"a" * 200, 200),
    ("spaces in the reason", b"HTTP/1.1 200 all is well", 200),
    ("HTTP/1.0", b"HTTP/1.0 200 OK", 200),
    ("status 201", b"HTTP/1.1 201 Created", 201),
    ("status 202", b"HTTP/1.1 202 Accepted", 202),
    ("status 206", b"HTTP/1.1 206 Partial Content", 206),
    ("status 299", b"HTTP/1.1 299 X", 299),
    ("status 301", b"HTTP/1.1 301 Moved", 301),
    ("status 400", b"HTTP/1.1 400 Bad Request", 400),
    ("status 404", b"HTTP/1.1 404 Not Found", 404),
    ("status 418", b"HTTP/1.1 418 Teapot", 418),
    ("status 451", b"HTTP/1.1 451 X", 451),
    ("status 500", b"HTTP/1.1 500 X", 500),
    ("status 599", b"HTTP/1.1 599 X", 599),
):
    whole("status lines", _name, answer(_line), _status)
for _name, _line, _status in (
    ("no space behind the status", b"HTTP/1.1 200", 200),
    ("two spaces", b"HTTP/1.1  200 OK", 200),
    ("HTTP/2.0", b"HTTP/2.0 200 OK", 200),
    ("HTTP/0.9", b"HTTP/0.9 200 OK", 200),
    ("HTTP/1.9", b"HTTP/1.9 200 OK", 200),
    ("RTSP", b"RTSP/1.0 200 OK", 200),
    ("NUL in the reason", b"HTTP/1.1 200 O\x00K", 200),
    ("CR in the reason", b"HTTP/1.1 200 O\rx-injected: 1", 200),
    ("an octet above ASCII in the reason", b"HTTP/1.1 200 \xe9", 200),
    ("a reason of 60,000 octets", b"HTTP/1.1 200 " + b"a" * 60_000, 200),
    ("a reason of 100,000 octets", b"HTTP/1.1 200 " + b"a" * 100_000, 200),
    ("an empty line before it", b"\r\nHTTP/1.1 200 OK", 200),
    ("status 600", b"HTTP/1.1 600 X", 600),
    ("status 999", b"HTTP/1.1 999 X", 999),
):
    open_to_both("status lines", _name, answer(_line), _status, closes=True, hides=(b"\nx-injected",))

# ── Content-Length: RFC 9112, section 6.3 ───────────────────────────────────────────────────────────────────────────

for _value in (
    b"abc", b"+5", b"-1", b"0x5", b"5, 10", b"5,6", b"", b" ", b"99999999999999999999", b"18446744073709551621",
    b"1_0", b"5 0", b"5;", b"5.0", b'"5"', b"\xb2", b"5\x0b", b"5\x00",
):  # fmt: skip
    failed("Content-Length", repr(_value)[1:], framed(b"content-length: " + _value + b"\r\n"), closes=True)
failed(
    "Content-Length", "two that differ", framed(b"content-length: 5\r\ncontent-length: 6\r\n", b"hello!"), closes=True
)
failed(
    "Content-Length",
    "two that differ, the longer first",
    framed(b"content-length: 6\r\ncontent-length: 5\r\n", b"hello!"),
    closes=True,
)
failed("Content-Length", "a space before the colon", framed(b"content-length : 5\r\n"), closes=True)
failed("Content-Length", "more than comes", framed(b"content-length: 50\r\n"), closes=True)
open_to_both("Content-Length", "the same one twice", framed(b"content-length: 5\r\n" * 2))
open_to_both("Content-Length", "the same one as a list", framed(b"content-length: 5, 5\r\n"))
open_to_both("Content-Length", "folded", framed(b"content-length:\r\n 5\r\n"))
whole("Content-Length", "leading zeros", framed(b"content-length: 0005\r\n"))
whole("Content-Length", "white space around it", framed(b"content-length: \t5 \r\n"))
whole("Content-Length", "in upper case", framed(b"CONTENT-LENGTH: 5\r\n"))
whole("Content-Length", "0", framed(b"content-length: 0\r\n", b""), body=b"")
whole("Content-Length", "less than comes", framed(b"content-length: 5\r\n", HELLO + INJECTED))
whole("Content-Length", "less than comes, by words", framed(b"content-length: 5\r\n", HELLO + b"GARBAGE"))
whole("Content-Length", "a million octets", answer(body=b"a" * 1_000_000), body=b"a" * 1_000_000)

# ── Transfer-Encoding: RFC 9112, section 6.1 ────────────────────────────────────────────────────────────────────────

for _value in (
    b"xchunked", b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"chunked\x0b", b"",
    b'"chunked"', b"chunked;a=b", b", chunked", b"chunked,", b"chunked x", b"deflate, chunked",
):  # fmt: skip
    failed("Transfer-Encoding", repr(_value)[1:], framed(b"transfer-encoding: " + _value + b"\r\n", GOOD), closes=True)
failed("Transfer-Encoding", "twice", framed(TE + TE, GOOD), closes=True)
failed("Transfer-Encoding", "a space before the colon", framed(b"transfer-encoding : chunked\r\n", GOOD), closes=True)
open_to_both("Transfer-Encoding", "beside a length", framed(TE + b"content-length: 5\r\n", GOOD), closes=True)
open_to_both(
    "Transfer-Encoding",
    "beside a length, and an answer behind it",
    framed(b"content-length: 3\r\n" + TE, GOOD + INJECTED),
)
open_to_both("Transfer-Encoding", "in HTTP/1.0", framed(TE, GOOD, b"HTTP/1.0 200 OK"), closes=True)
open_to_both("Transfer-Encoding", "folded", framed(b"transfer-encoding:\r\n chunked\r\n", GOOD), closes=True)
whole("Transfer-Encoding", "in upper case", framed(b"TRANSFER-ENCODING: CHUNKED\r\n", GOOD))
whole("Transfer-Encoding", "white space around it", framed(b"transfer-encoding: \tchunked \r\n", GOOD))

# ── Chunks: RFC 9112, section 7.1 ───────────────────────────────────────────────────────────────────────────────────

for _name, _data in {
    "a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "an underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "a letter that is no digit": b"5g\r\nhello\r\n0\r\n\r\n",
    "a size of 17 digits": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "a size that wraps 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "LF everywhere": b"5\nhello\n0\n\n",
    "LF behind the size": b"5\nhello\r\n0\r\n\r\n",
    "LF behind the data": b"5\r\nhello\n0\r\n\r\n",
    "CR behind the data": b"5\r\nhello\r0\r\n\r\n",
    "nothing behind the data": b"5\r\nhello0\r\n\r\n",
    "more data than its size": b"5\r\nhello!!\r\n0\r\n\r\n",
    "less data than its size": b"7\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;\x00\r\nhello\r\n0\r\n\r\n",
    "NUL behind the size": b"5\x00\r\nhello\r\n0\r\n\r\n",
    "words instead of chunks": HELLO,
    "an answer instead of chunks": INJECTED,
}.items():
    failed("chunks", _name, framed(TE, _data), closes=True)
for _name, _data in {
    "one": GOOD,
    "several": b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    "one octet each": b"".join(b"1\r\n%c\r\n" % sign for sign in HELLO) + b"0\r\n\r\n",
    "leading zeros": b"00005\r\nhello\r\n0\r\n\r\n",
    "an extension": b"5;a=b\r\nhello\r\n0\r\n\r\n",
    "a quoted extension": b'5;a="b c"\r\nhello\r\n0\r\n\r\n',
    "an extension of the last chunk": b"5\r\nhello\r\n0;a=b\r\n\r\n",
}.items():
    whole("chunks", _name, framed(TE, _data))
whole(
    "chunks",
    "data that look like an answer",
    framed(TE, b"%x\r\n" % len(INJECTED) + INJECTED + b"\r\n0\r\n\r\n"),
    body=INJECTED,
)
whole("chunks", "an answer behind the last", framed(TE, GOOD + INJECTED))
for _name, _data in {
    "a space behind the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "an extension that is none": b"5;\r\nhello\r\n0\r\n\r\n",
    "an extension of 100,000 octets": b"5;" + b"a" * 100_000 + b"\r\nhello\r\n0\r\n\r\n",
}.items():
    open_to_both("chunks", _name, framed(TE, _data), closes=True)

# ── Trailers: RFC 9110, section 6.5 ─────────────────────────────────────────────────────────────────────────────────

for _name, _fields in {
    "a field that nobody knows": b"x-late: LATE\r\n",
    "two fields": b"x-one: LATE\r\nx-two: LATE\r\n",
    "a length": b"content-length: 999\r\n",
    "Set-Cookie": b"set-cookie: a=LATE\r\n",
    "Connection: close": b"connection: close\r\n",
    "Connection: upgrade": b"connection: upgrade\r\nupgrade: x\r\n",
    "Transfer-Encoding": b"transfer-encoding: gzip\r\n",
    "a status of its own": b"status: 500\r\n",
    "a folded field": b"x-late: LATE\r\n LATE\r\n",
    "60,000 octets": b"x-late: " + b"a" * 60_000 + b"\r\n",
    "200,000 octets": b"x-late: " + b"a" * 200_000 + b"\r\n",
    "no colon": b"LATE\r\n",
    "LF behind a field": b"x-late: LATE\n\r\n",
}.items():
    open_to_both("trailers", _name, framed(TE, b"5\r\nhello\r\n0\r\n" + _fields + b"\r\n"), hides=(b"LATE",))

# ── Fields: RFC 9110, section 5 ─────────────────────────────────────────────────────────────────────────────────────

for _name, _fields in {
    "no colon": b"a\r\n",
    "no name": b": b\r\n",
    "a space in the name": b"a b: c\r\n",
    "a space before the colon": b"a : b\r\n",
    "NUL in the name": b"a\x00: b\r\n",
    "NUL in the value": b"a: b\x00c\r\n",
    "an octet above ASCII in the name": b"\xe9: b\r\n",
    "UTF-8 in the name": b"\xe2\x82\xac: b\r\n",
    "LF in the value": b"a: b\nx-injected: 1\r\n",
    "300 fields": b"".join(b"x-%d: y\r\n" % number for number in range(300)),
    "10,000 fields": b"".join(b"x-%d: y\r\n" % number for number in range(10_000)),
    "a value of 70,000 octets": b"a: " + b"a" * 70_000 + b"\r\n",
    "a value of a million octets": b"a: " + b"a" * 1_000_000 + b"\r\n",
    "a name of 100,000 octets": b"a" * 100_000 + b": b\r\n",
}.items():
    failed("fields", _name, answer(fields=_fields), closes=True)
for _name, _fields in {
    "an empty value": b"x-a:\r\n",
    "white space around the value": b"x-a: \t b \r\n",
    "the same field twice": b"x-a: b\r\nx-a: c\r\n",
    "an octet of Latin-1": b"x-a: \xe9\r\n",
    "UTF-8": b"x-a: \xe2\x82\xac\r\n",
    "octets that are no text": b"x-a: \xff\xfe\r\n",
    "two cookies": b"set-cookie: a=1\r\nset-cookie: b=2\r\n",
    "250 fields": b"".join(b"x-%d: y\r\n" % number for number in range(250)),
    "a value of 60,000 octets": b"a: " + b"a" * 60_000 + b"\r\n",
    "a server": b"server: other/1.0\r\n",
    "a date that is none": b"date: x\r\n",
}.items():
    whole("fields", _name, answer(fields=_fields))
whole(
    "fields",
    "those of one hop",
    answer(
        fields=b"connection: x-hop, keep-alive\r\nx-hop: HOP\r\nkeep-alive: timeout=5\r\nproxy-authenticate: HOP\r\n"
    ),
    hides=(b"HOP",),
)
whole("fields", "an upgrade in a success", answer(fields=b"connection: upgrade\r\nupgrade: h2c\r\n"), hides=(b"h2c",))
whole("fields", "Connection: close", answer(fields=b"connection: close\r\n"), closes=True)
whole("fields", "Connection: close, and an answer behind it", answer(fields=b"connection: close\r\n") + INJECTED)
whole("fields", "Proxy-Connection", answer(fields=b"proxy-connection: close\r\n"))
whole(
    "fields",
    "those that the gateway writes",
    answer(fields=b"x-switchover-served-by: FORGED\r\nx-switchover-attempts: 99\r\n"),
    hides=(b"FORGED", b": 99\r"),
)
whole("fields", "a request id of its own", answer(fields=b"x-request-id: FORGED\r\n"), hides=(b"FORGED",))
for _name, _fields in {
    "CR in the value": b"a: b\rc\r\n",
    "a field behind a CR": b"a: b\rx-injected: 1\r\n",
    "a folded value": b"a: b\r\n c\r\n",
    "a folded value that looks like a field": b"a: b\r\n x-injected: 1\r\n",
    "a control character": b"a: b\x01c\r\n",
    "DEL": b"a: b\x7fc\r\n",
    "a line of white space": b" \r\n",
}.items():
    open_to_both("fields", _name, answer(fields=_fields), closes=True, hides=(b"\nx-injected",))

# ── Interim answers: RFC 9110, section 15.2 ─────────────────────────────────────────────────────────────────────────

for _name, _before in {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "100 twice": b"HTTP/1.1 100 Continue\r\n\r\n" * 2,
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103 with fields": b"HTTP/1.1 103 Early Hints\r\nlink: EARLY\r\n\r\n",
    "199": b"HTTP/1.1 199 X\r\n\r\n",
}.items():
    whole("interim answers", _name, _before + answer(), hides=(b"EARLY",))
open_to_both("interim answers", "500 of them", b"HTTP/1.1 102 P\r\n\r\n" * 500 + answer())
open_to_both(
    "interim answers",
    "one with a body",
    b"HTTP/1.1 100 C\r\ncontent-length: 5\r\n\r\nEARLY" + answer(),
    closes=True,
    hides=(b"EARLY",),
)
failed("interim answers", "20,000 of them", b"HTTP/1.1 102 P\r\n\r\n" * 20_000 + answer(), closes=True)
failed("interim answers", "one and no more", b"HTTP/1.1 100 Continue\r\n\r\n", closes=True)
failed(
    "interim answers",
    "another protocol",
    b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello",
    closes=True,
)
failed("interim answers", "another protocol that is not named", b"HTTP/1.1 101 S\r\n\r\n" + answer(), closes=True)

# ── Ends: RFC 9112, sections 6.3 and 8 ──────────────────────────────────────────────────────────────────────────────

failed("ends", "nothing", b"", closes=True)
failed("ends", "a part of the status line", b"HTTP/1.1 2", closes=True)
failed("ends", "a part of the head", b"HTTP/1.1 200 OK\r\na: b", closes=True)
failed("ends", "a head without its last line", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n", closes=True)
failed("ends", "a head without its body", framed(b"content-length: 5\r\n", b""), closes=True)
failed("ends", "a part of a body", framed(b"content-length: 5\r\n", b"hell"), closes=True)
failed("ends", "a part of a large body", framed(b"content-length: 1000000\r\n", b"a" * 900_000), closes=True)
failed("ends", "a part of a chunk", framed(TE, b"5\r\nhel"), closes=True)
failed("ends", "a part of a size", framed(TE, b"5\r\nhello\r\n1"), closes=True)
failed("ends", "no last chunk", framed(TE, b"5\r\nhello\r\n"), closes=True)
failed("ends", "a last chunk without its line end", framed(TE, b"5\r\nhello\r\n0"), closes=True)
failed("ends", "a last chunk without the last line", framed(TE, b"5\r\nhello\r\n0\r\n"), closes=True)
failed("ends", "a part of the trailers", framed(TE, b"5\r\nhello\r\n0\r\nx-late: y"), closes=True)
whole("ends", "a body without a length", framed(b""), closes=True)
whole("ends", "a body without a length, in HTTP/1.0", framed(b"", line=b"HTTP/1.0 200 OK"), closes=True)
whole("ends", "no body and no length", framed(b"", b""), body=b"", closes=True)

# ── Answers without a body: RFC 9110, sections 9.3.2 and 15 ─────────────────────────────────────────────────────────

for _status in (204, 304):
    _line = b"HTTP/1.1 %d X" % _status
    whole("no body", f"{_status}", framed(b"", b"", _line), _status, b"")
    open_to_both("no body", f"{_status} with a length and a body", answer(_line), _status, b"")
    open_to_both("no body", f"{_status} with chunks", framed(TE, GOOD, _line), _status, b"")
    open_to_both("no body", f"{_status}, and an answer behind it", framed(b"", INJECTED, _line), _status, b"")
open_to_both("no body", "205 with a body", answer(b"HTTP/1.1 205 X"), 205)
open_to_both(
    "no body",
    "304 with the length of another answer",
    framed(b"content-length: 500\r\n", INJECTED, b"HTTP/1.1 304 X"),
    304,
    b"",
)
whole("no body", "HEAD", framed(b"content-length: 5\r\n", b""), body=b"", method="HEAD")
whole("no body", "HEAD with chunks that do not come", framed(TE, b""), body=b"", method="HEAD")
whole("no body", "HEAD without a length", framed(b"", b""), body=b"", method="HEAD")
open_to_both("no body", "HEAD with a body", answer(), body=b"", method="HEAD")
open_to_both(
    "no body",
    "HEAD, and an answer behind it",
    framed(b"content-length: %d\r\n" % len(INJECTED), INJECTED),
    body=b"",
    method="HEAD",
)
