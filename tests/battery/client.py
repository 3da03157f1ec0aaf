"""What clients may send, as bytes, each with its verdict by RFC 9110 and RFC 9112.

`refused`: a 4xx or 5xx of the statuses named, the connection ends, and nothing of it reaches an upstream. `served`: the
upstream gets exactly the requests named. `either`: the RFC leaves it open, so one of the two holds, and no third.
Behind each case stands a last request of our own, unless the case says otherwise: it must be served behind what is
served, and must not behind what is refused.
"""

from dataclasses import dataclass

HOST = b"Host: localhost\r\n"
NEXT = b"GET /plain/next HTTP/1.1\r\nHost: localhost\r\n\r\n"
GOOD = b"5\r\nhello\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: chunked\r\n"

Got = tuple[str, str, bytes]
"""A request as an upstream gets it: method, path and body."""

NEXT_GOT: Got = ("GET", "/plain/next", b"")
HELLO: Got = ("POST", "/plain/x", b"hello")
PLAIN: Got = ("GET", "/plain/x", b"")


@dataclass(frozen=True)
class Case:
    """One sequence of bytes and what has to become of it.

    `statuses` may refuse it (none: it must be served), `served` is what the upstream gets otherwise (None: it must be
    refused). `answers` are the statuses of which the gateway gives one itself. `fewer`: the connection may end behind
    any of the requests that are served. `before`: up to so many of `served` come first, then the refusal. `kept`: where
    the request ends is beyond doubt, so the connection may go on behind the refusal. `shows` and `hides` are bytes that
    must and must not stand in what the upstream got. `followed`: our own last request is sent behind it. `once`: sent
    in one segment only, as the gateway waits a while for a body that does not come. `closing`: the client leaves.
    """

    group: str
    name: str
    data: bytes
    statuses: frozenset[int] = frozenset()
    served: tuple[Got, ...] | None = None
    answers: tuple[int, ...] = ()
    fewer: bool = False
    before: int = 0
    shows: tuple[bytes, ...] = ()
    hides: tuple[bytes, ...] = ()
    kept: bool = False
    followed: bool = True
    once: bool = False
    closing: bool = False


CASES: list[Case] = []
BAD = frozenset((400,))


def refused(group: str, name: str, data: bytes, *statuses: int, kept: bool = False, once: bool = False) -> None:
    CASES.append(Case(group, name, data, frozenset(statuses) or BAD, kept=kept, once=once))


def served(
    group: str,
    name: str,
    data: bytes,
    *got: Got,
    fewer: bool = False,
    followed: bool = True,
    shows: tuple[bytes, ...] = (),
    hides: tuple[bytes, ...] = (),
) -> None:
    want = got or (PLAIN,)
    CASES.append(Case(group, name, data, served=want, fewer=fewer, shows=shows, hides=hides, followed=followed))


def either(
    group: str,
    name: str,
    data: bytes,
    *got: Got,
    statuses: frozenset[int] = BAD,
    fewer: bool = True,
    hides: tuple[bytes, ...] = (),
) -> None:
    CASES.append(Case(group, name, data, statuses, got or (PLAIN,), fewer=fewer, hides=hides))


def answered(group: str, name: str, data: bytes, *statuses: int, fewer: bool = True) -> None:
    """Add a case that the gateway answers itself, whatever of the connection is left afterwards."""
    CASES.append(Case(group, name, data, served=(), answers=statuses, fewer=fewer))


def left(group: str, name: str, data: bytes) -> None:
    """Add a case in which the client closes behind these bytes: nothing of them may reach an upstream."""
    CASES.append(Case(group, name, data, served=(), followed=False, closing=True))


def post(fields: bytes = b"", body: bytes = b"", line: bytes = b"POST /plain/x HTTP/1.1", host: bytes = HOST) -> bytes:
    return line + b"\r\n" + host + fields + b"\r\n" + body


def get(fields: bytes = b"", host: bytes = HOST, line: bytes = b"GET /plain/x HTTP/1.1") -> bytes:
    return line + b"\r\n" + host + fields + b"\r\n"


def chunked(body: bytes, fields: bytes = b"") -> bytes:
    return post(TE + fields, body)


def with_length(body: bytes, fields: bytes = b"", line: bytes = b"POST /plain/x HTTP/1.1") -> bytes:
    return post(fields + b"Content-Length: %d\r\n" % len(body), body, line)


# ── Request lines: RFC 9112, section 3 ──────────────────────────────────────────────────────────────────────────────

LINES_REFUSED = {
    "tabs between its parts": b"GET\t/plain/x\tHTTP/1.1",
    "a tab before the version": b"GET /plain/x\tHTTP/1.1",
    "a vertical tab between its parts": b"GET\x0b/plain/x HTTP/1.1",
    "no version": b"GET /plain/x",
    "no target": b"GET HTTP/1.1",
    "nothing but a method": b"GET",
    "a version of one number": b"GET /plain/x HTTP/1",
    "a minor version of two digits": b"GET /plain/x HTTP/1.10",
    "a major version of two digits": b"GET /plain/x HTTP/11.1",
    "leading zeros in the version": b"GET /plain/x HTTP/01.01",
    "a version with a space": b"GET /plain/x HTTP/ 1.1",
    "a version with a comma": b"GET /plain/x HTTP/1,1",
    "a version in lower case": b"GET /plain/x http/1.1",
    "a version in mixed case": b"GET /plain/x HtTP/1.1",
    "a version with a letter": b"GET /plain/x HTTP/1.x",
    "a signed version": b"GET /plain/x HTTP/+1.1",
    "a protocol with a longer name": b"GET /plain/x HTTPS/1.1",
    "a protocol with a shorter name": b"GET /plain/x HTP/1.1",
    "a word behind the version": b"GET /plain/x HTTP/1.1 x",
    "a space behind the version": b"GET /plain/x HTTP/1.1 ",
    "a space in the target": b"GET /plain/a b HTTP/1.1",
    "a space before the method": b" GET /plain/x HTTP/1.1",
    "an empty method": b" /plain/x HTTP/1.1",
    "NUL in the method": b"G\x00T /plain/x HTTP/1.1",
    "a separator in the method": b"GE(T /plain/x HTTP/1.1",
    "a colon in the method": b"GE:T /plain/x HTTP/1.1",
    "an octet above ASCII in the method": b"G\xc9T /plain/x HTTP/1.1",
    "NUL in the target": b"GET /plain/\x00x HTTP/1.1",
    "a control character in the target": b"GET /plain/\x01x HTTP/1.1",
    "a vertical tab in the target": b"GET /plain/\x0bx HTTP/1.1",
    "a form feed in the target": b"GET /plain/\x0cx HTTP/1.1",
    "DEL in the target": b"GET /plain/\x7fx HTTP/1.1",
    "a bare LF in the line": b"GET /plain/x\nHTTP/1.1",
    "a bare CR in the line": b"GET /plain/x\rHTTP/1.1",
    "a CR in the target": b"GET /plain/\rx HTTP/1.1",
    "a target without a slash": b"GET plain/x HTTP/1.1",
    "authority form": b"GET localhost:80 HTTP/1.1",
    "a question mark alone": b"GET ?x HTTP/1.1",
    "absolute form without a host": b"GET http:///plain/x HTTP/1.1",
    "absolute form with a user": b"GET http://a:b@localhost/plain/x HTTP/1.1",
    "absolute form of another host": b"GET http://other/plain/x HTTP/1.1",
    "absolute form of another port": b"GET http://localhost:81/plain/x HTTP/1.1",
    "absolute form with a backslash": b"GET http://localhost\\@other/plain/x HTTP/1.1",
    "absolute form with a space": b"GET http://local host/plain/x HTTP/1.1",
}
TARGETS_REFUSED = {
    "a fragment": b"GET /plain/x#f HTTP/1.1",
    "an encoded NUL": b"GET /plain/%00 HTTP/1.1",
    "a percent sign alone": b"GET /plain/%zz HTTP/1.1",
    "a percent sign at the end": b"GET /plain/% HTTP/1.1",
    "a backslash": b"GET /plain/..\\x HTTP/1.1",
    "an encoded backslash": b"GET /plain/..%5cx HTTP/1.1",
    "dots with a parameter": b"GET /plain/..;/x HTTP/1.1",
    "absolute form of another scheme": b"GET ftp://localhost/plain/x HTTP/1.1",
}
for _name, _line in LINES_REFUSED.items():
    refused("request lines", _name, get(line=_line))
for _name, _line in TARGETS_REFUSED.items():
    refused("request lines", _name, get(line=_line), kept=True)
for _name, _line in {
    "HTTP/0.9": b"GET /plain/x HTTP/0.9",
    "HTTP/2.0": b"GET /plain/x HTTP/2.0",
    "HTTP/3.0": b"GET /plain/x HTTP/3.0",
    "HTTP/9.9": b"GET /plain/x HTTP/9.9",
    "the preface of HTTP/2": b"PRI * HTTP/2.0",
}.items():
    refused("request lines", _name, get(line=_line), 400, 505)
for _name, _line in {
    "TRACE": b"TRACE /plain/x HTTP/1.1",
    "TRACE of a model": b"TRACE /model HTTP/1.1",
    "CONNECT in authority form": b"CONNECT localhost:443 HTTP/1.1",
    "CONNECT with a path": b"CONNECT /plain/x HTTP/1.1",
    "CONNECT in absolute form": b"CONNECT http://localhost/plain/x HTTP/1.1",
    "track": b"TRACK /plain/x HTTP/1.1",
}.items():
    refused("methods", _name, get(line=_line), 400, 405, 501, kept=True)
for _name, _line in {
    "absolute form": b"GET http://localhost/plain/x HTTP/1.1",
    "absolute form with a scheme in upper case": b"GET HTTP://localhost/plain/x HTTP/1.1",
    "an encoded letter": b"GET /plain/%78 HTTP/1.1",
    "dot segments": b"GET /plain/a/../x HTTP/1.1",
    "encoded dots": b"GET /plain/a/%2e%2E/x HTTP/1.1",
    "repeated slashes": b"GET //plain///x HTTP/1.1",
    "a dot segment before the route": b"GET /other/../plain/x HTTP/1.1",
}.items():
    served("request lines", _name, get(line=_line))
served("request lines", "a query", get(line=b"GET /plain/x?a=1&b=%20 HTTP/1.1"), ("GET", "/plain/x?a=1&b=%20", b""))
served("request lines", "an encoded slash", get(line=b"GET /plain/a%2fb HTTP/1.1"), ("GET", "/plain/a%2Fb", b""))
served(
    "request lines",
    "a long path",
    get(line=b"GET /plain/" + b"a" * 7_900 + b" HTTP/1.1"),
    ("GET", "/plain/" + "a" * 7_900, b""),
)
served("request lines", "HTTP/1.0", get(line=b"GET /plain/x HTTP/1.0"), followed=False)
served("request lines", "HTTP/1.0 without a Host", get(line=b"GET /plain/x HTTP/1.0", host=b""), followed=False)
served(
    "request lines",
    "HTTP/1.0 that is kept",
    get(b"Connection: keep-alive\r\n", line=b"GET /plain/x HTTP/1.0"),
    fewer=True,
)
either("request lines", "two spaces before the target", get(line=b"GET  /plain/x HTTP/1.1"))
either("request lines", "two spaces before the version", get(line=b"GET /plain/x  HTTP/1.1"))
either("request lines", "HTTP/1.2", get(line=b"GET /plain/x HTTP/1.2"), statuses=frozenset((400, 505)))
either(
    "request lines",
    "another protocol of the same form",
    get(line=b"OPTIONS /plain/x RTSP/1.0"),
    ("OPTIONS", "/plain/x", b""),
)
either(
    "request lines",
    "a source of a stream",
    get(line=b"SOURCE /plain/x ICE/1.0"),
    ("SOURCE", "/plain/x", b""),
    statuses=frozenset((400, 405)),
)
either(
    "request lines",
    "octets above ASCII in the target",
    get(line=b"GET /plain/\xc3\xa9 HTTP/1.1"),
    ("GET", "/plain/%C3%A9", b""),
)
either(
    "request lines",
    "a method in lower case",
    get(line=b"get /plain/x HTTP/1.1"),
    ("get", "/plain/x", b""),
    statuses=frozenset((400, 501)),
)
either(
    "request lines",
    "a method that nobody knows",
    get(line=b"FROB /plain/x HTTP/1.1"),
    ("FROB", "/plain/x", b""),
    statuses=frozenset((400, 405, 501)),
)
answered("request lines", "an asterisk", get(line=b"OPTIONS * HTTP/1.1"), 404, 400, 204, 200)
answered("request lines", "a path of no route", get(line=b"GET /nowhere HTTP/1.1"), 404)
answered("request lines", "a path that leads out of its prefix", get(line=b"GET /plain/../x HTTP/1.1"), 404)
refused("request lines", "a path of 9,000 characters", get(line=b"GET /plain/" + b"a" * 9_000 + b" HTTP/1.1"), 414)
refused(
    "request lines", "a path of 70,000 characters", get(line=b"GET /plain/" + b"a" * 70_000 + b" HTTP/1.1"), 414, 431
)
refused("request lines", "a method of 9,000 characters", get(line=b"A" * 9_000 + b" /plain/x HTTP/1.1"), 400, 414, 501)
refused(
    "request lines",
    "a first line of TLS",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)) + b"\r\n\r\n",
)
refused("request lines", "the whole preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 400, 505)
refused("request lines", "SSH", b"SSH-2.0-client\r\n\r\n")
refused("request lines", "nothing but NUL", b"\x00" * 64 + b"\r\n\r\n")
refused("request lines", "a PROXY header", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + get())

for _method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
    served(
        "methods",
        f"{_method} without a body",
        get(line=_method.encode() + b" /plain/x HTTP/1.1"),
        (_method, "/plain/x", b""),
    )
    served(
        "methods",
        f"{_method} with a body",
        with_length(b"hello", line=_method.encode() + b" /plain/x HTTP/1.1"),
        (_method, "/plain/x", b"hello"),
        fewer=True,
    )

# ── Line ends: RFC 9112, section 2.2 ────────────────────────────────────────────────────────────────────────────────

refused("line ends", "LF everywhere", b"GET /plain/x HTTP/1.1\nHost: localhost\n\n")
refused("line ends", "LF behind the request line", b"GET /plain/x HTTP/1.1\nHost: localhost\r\n\r\n")
refused("line ends", "LF behind a field", b"GET /plain/x HTTP/1.1\r\nHost: localhost\nA: b\r\n\r\n")
refused("line ends", "LF at the end of the head", b"GET /plain/x HTTP/1.1\r\nHost: localhost\r\n\n")
refused("line ends", "CR everywhere", b"GET /plain/x HTTP/1.1\rHost: localhost\r\r")
refused("line ends", "CR twice behind the request line", b"GET /plain/x HTTP/1.1\r\r\nHost: localhost\r\n\r\n")
refused("line ends", "CR twice behind a field", b"GET /plain/x HTTP/1.1\r\nHost: localhost\r\r\n\r\n")
refused("line ends", "CR twice at the end of the head", b"GET /plain/x HTTP/1.1\r\nHost: localhost\r\n\r\r\n")
refused("line ends", "LF and CR the wrong way round", b"GET /plain/x HTTP/1.1\n\rHost: localhost\n\r\n\r")
either("line ends", "an empty line before the request", b"\r\n" + get())
either("line ends", "three empty lines before the request", b"\r\n" * 3 + get())
either("line ends", "a thousand empty lines before the request", b"\r\n" * 1_000 + get())
either("line ends", "LF before the request", b"\n" + get())
either("line ends", "an empty line between two requests", get() + b"\r\n" + NEXT, PLAIN, NEXT_GOT)

# ── Fields: RFC 9110, section 5, and RFC 9112, section 5 ────────────────────────────────────────────────────────────

FIELDS_REFUSED = {
    "no colon": b"A\r\n",
    "no name": b": b\r\n",
    "a space before the colon": b"A : b\r\n",
    "a tab before the colon": b"A\t: b\r\n",
    "a space in the name": b"A B: c\r\n",
    "a tab in the name": b"A\tB: c\r\n",
    "NUL in the name": b"A\x00: b\r\n",
    "a control character in the name": b"A\x01: b\r\n",
    "DEL in the name": b"A\x7f: b\r\n",
    "an octet above ASCII in the name": b"A\xef: b\r\n",
    "NUL in the value": b"A: b\x00c\r\n",
    "CR in the value": b"A: b\rc\r\n",
    "a field behind a CR": b"A: b\rC: d\r\n",
    "a field behind a LF": b"A: b\nC: d\r\n",
    "a folded value": b"A: b\r\n c\r\n",
    "a value folded by a tab": b"A: b\r\n\tc\r\n",
    "a value that begins on the next line": b"A:\r\n b\r\n",
    "a folded empty line": b"A: b\r\n \r\n",
}
for _name, _fields in FIELDS_REFUSED.items():
    refused("fields", _name, get(_fields))
    refused(
        "fields", _name + ", as the last of a request with a body", post(b"Content-Length: 5\r\n" + _fields, b"hello")
    )
for _sign in b'"(),/:;<=>?@[\\]{}':
    refused(
        "fields",
        f"{chr(_sign)} in the name",
        get(b"A" + bytes((_sign,)) + b"B: c\r\n") if _sign != ord(":") else get(b":A: b\r\n"),
    )
refused("fields", "a space before the first", get(b"", host=b" A: b\r\nHost: localhost\r\n"))
refused("fields", "a line of white space before the first", get(b"", host=b" \r\nHost: localhost\r\n"))
served("fields", "an empty value", get(b"X-A:\r\n"))
served("fields", "white space around the value", get(b"X-A: \t b \t \r\n"), shows=(b"x-a: b\r\n",))
served("fields", "a colon in the value", get(b"X-A: b:c\r\n"), shows=(b"x-a: b:c\r\n",))
served("fields", "no space before the value", get(b"X-A:b\r\n"), shows=(b"x-a: b\r\n",))
served("fields", "every sign of a token in the name", get(b"X!#$%&'*+-.^_`|~9: b\r\n"))
served("fields", "120 of them", get(b"".join(b"X-%d: y\r\n" % number for number in range(115))))
served("fields", "a value of 15,000 octets", get(b"X-A: " + b"a" * 15_000 + b"\r\n"))
refused("fields", "200 of them", get(b"".join(b"X-%d: y\r\n" % number for number in range(200))), 431)
refused("fields", "10,000 of them", get(b"".join(b"X-%d: y\r\n" % number for number in range(10_000))), 431)
refused("fields", "a value of 20,000 octets", get(b"X-A: " + b"a" * 20_000 + b"\r\n"), 431)
refused("fields", "a value of 100,000 octets", get(b"X-A: " + b"a" * 100_000 + b"\r\n"), 431)
refused("fields", "a name of 100,000 octets", get(b"X" * 100_000 + b": a\r\n"), 431)
for _name, _value in {
    "a control character": b"b\x01c",
    "a backspace": b"b\x08c",
    "a vertical tab": b"b\x0bc",
    "a form feed": b"b\x0cc",
    "an escape sequence": b"b\x1b[31mc",
    "DEL": b"b\x7fc",
    "an octet of Latin-1": b"\xe9",
    "UTF-8": b"\xc3\xa9",
    "octets that are no text": b"\xff\xfe",
}.items():
    either("fields", f"{_name} in the value", get(b"X-A: " + _value + b"\r\n"))

# ── Fields of which there is one: RFC 9110, section 5.3 ─────────────────────────────────────────────────────────────

for _twice in (b"Authorization: Bearer a", b"Content-Type: application/json", b"Content-Length: 5", b"Host: localhost"):
    _label = _twice.partition(b":")[0].decode()
    refused(
        "repeated fields",
        f"{_label} with another value",
        post(_twice + b"\r\n" + _twice + b"1\r\nContent-Length: 5\r\n", b"hello"),
    )
refused("repeated fields", "Authorization with the same value", get(b"Authorization: Bearer a\r\n" * 2))
refused(
    "repeated fields", "Authorization in another case", get(b"Authorization: Bearer a\r\nAUTHORIZATION: Bearer b\r\n")
)
refused(
    "repeated fields",
    "Content-Type with the same value",
    post(b"Content-Type: text/plain\r\n" * 2 + b"Content-Length: 5\r\n", b"hello"),
)
served("repeated fields", "Accept", get(b"Accept: a/b\r\nAccept: c/d\r\n"))
served(
    "repeated fields", "a field that nobody knows", get(b"X-A: b\r\nX-A: c\r\n"), shows=(b"x-a: b\r\n", b"x-a: c\r\n")
)

# ── Host: RFC 9112, section 3.2 ─────────────────────────────────────────────────────────────────────────────────────

HOSTS_REFUSED = {
    "none": b"",
    "twice": b"Host: localhost\r\nHost: localhost\r\n",
    "two": b"Host: localhost\r\nHost: other\r\n",
    "two, the second first": b"Host: other\r\nHost: localhost\r\n",
    "two in different case": b"Host: localhost\r\nhOST: other\r\n",
    "a user": b"Host: a@localhost\r\n",
    "a path": b"Host: localhost/plain\r\n",
    "a scheme": b"Host: http://localhost\r\n",
    "a query": b"Host: localhost?a\r\n",
    "a fragment": b"Host: localhost#a\r\n",
    "a backslash": b"Host: localhost\\a\r\n",
    "a space": b"Host: local host\r\n",
    "a tab": b"Host: local\thost\r\n",
    "a list": b"Host: localhost, other\r\n",
    "NUL": b"Host: localhost\x00\r\n",
    "a port of letters": b"Host: localhost:http\r\n",
    "a port of six digits": b"Host: localhost:999999\r\n",
    "a negative port": b"Host: localhost:-1\r\n",
    "two ports": b"Host: localhost:80:80\r\n",
    "an open bracket": b"Host: [::1\r\n",
    "brackets around a name": b"Host: [localhost]\r\n",
    "something behind the bracket": b"Host: [::1]a\r\n",
    "an angle bracket": b"Host: <localhost>\r\n",
    "a quotation mark": b'Host: "localhost"\r\n',
    "octets above ASCII": b"Host: \xc3\xa9\r\n",
    "300 characters": b"Host: " + b"a" * 300 + b"\r\n",
    "folded": b"Host:\r\n localhost\r\n",
    "a space before the colon": b"Host : localhost\r\n",
    "one behind a LF": b"Host: localhost\nHost: other\r\n",
    "one behind a CR": b"Host: localhost\rHost: other\r\n",
    "a name that ends early": b"Hos: localhost\r\n",
    "a name that ends late": b"Hostt: localhost\r\n",
}
for _name, _host in HOSTS_REFUSED.items():
    refused("Host", _name, get(host=_host), 400, 403, 421)
served("Host", "with a port", get(host=b"Host: localhost:8080\r\n"))
served("Host", "in upper case", get(host=b"HOST: LOCALHOST\r\n"))
served("Host", "an address of IPv4", get(host=b"Host: 127.0.0.1:80\r\n"))
served("Host", "an address of IPv6", get(host=b"Host: [::1]:80\r\n"))
served("Host", "a colon without a port", get(host=b"Host: localhost:\r\n"))
either("Host", "empty", get(host=b"Host:\r\n"), statuses=frozenset((400, 403, 421)))
either("Host", "a dot", get(host=b"Host: .\r\n"), statuses=frozenset((400, 403, 421)))
either("Host", "an encoded letter", get(host=b"Host: %6cocalhost\r\n"), statuses=frozenset((400, 403, 421)))
either("Host", "a comma", get(host=b"Host: localhost,other\r\n"), statuses=frozenset((400, 403, 421)))

# ── Content-Length: RFC 9112, section 6.3 ───────────────────────────────────────────────────────────────────────────

LENGTHS_REFUSED = (
    b"abc", b"+5", b"-1", b"-0", b"0x5", b"5h", b"0b101", b"0o5", b"1_0", b"5,10", b"5, 10", b"", b" ", b"5;", b"5.0",
    b"5e0", b"5 5", b"5\t5", b'"5"', b"\xb2", b"\xef\xbc\x95", b"5\x0b", b"\x0c5", b"\x005", b"5\x00", b"5\xa0",
    b"NaN", b"Infinity", b"99999999999999999999", b"18446744073709551616", b"18446744073709551621", b"chunked",
)  # fmt: skip
for _value in LENGTHS_REFUSED:
    refused("Content-Length", repr(_value)[1:], post(b"Content-Length: " + _value + b"\r\n", b"hello" + NEXT), 400, 413)
refused(
    "Content-Length",
    "2 to the power of 63",
    post(b"Content-Length: 9223372036854775808\r\n", b"hello"),
    400,
    413,
    once=True,
)
either("Content-Length", "the same one as a list", post(b"Content-Length: 5, 5\r\n", b"hello"), HELLO)
either("Content-Length", "the same one twice", post(b"Content-Length: 5\r\n" * 2, b"hello"), HELLO)
either("Content-Length", "leading zeros", post(b"Content-Length: 0005\r\n", b"hello"), HELLO)
served("Content-Length", "white space around it", post(b"Content-Length: \t5 \r\n", b"hello"), HELLO)
served("Content-Length", "in lower case", post(b"content-length:5\r\n", b"hello"), HELLO)
served("Content-Length", "0", post(b"Content-Length: 0\r\n"), ("POST", "/plain/x", b""))
refused("Content-Length", "two that differ", post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!" + NEXT))
refused(
    "Content-Length",
    "two that differ, the longer first",
    post(b"Content-Length: 6\r\nContent-Length: 5\r\n", b"hello!" + NEXT),
)
refused(
    "Content-Length",
    "two that differ in their zeros",
    post(b"Content-Length: 5\r\nContent-Length: 05\r\n", b"hello" + NEXT),
)
refused("Content-Length", "folded", post(b"Content-Length:\r\n 5\r\n", b"hello" + NEXT))
refused("Content-Length", "going on in the next line", post(b"Content-Length: 5\r\n 0\r\n", b"hello" + NEXT))
refused("Content-Length", "a space before the colon", post(b"Content-Length : 5\r\n", b"hello" + NEXT))
refused("Content-Length", "behind a bare CR", post(b"X-A: b\rContent-Length: 5\r\n", b"hello" + NEXT))
refused("Content-Length", "behind a bare LF", post(b"X-A: b\nContent-Length: 5\r\n", b"hello" + NEXT))
either("Content-Length", "with an underscore", post(b"Content_Length: 5\r\n"), ("POST", "/plain/x", b""))
served("Content-Length", "shorter than what follows", post(b"Content-Length: 5\r\n", b"hello" + NEXT), HELLO, NEXT_GOT)
served("Content-Length", "of a request that hides another", with_length(NEXT), ("POST", "/plain/x", NEXT))
served(
    "Content-Length",
    "of a GET that hides another",
    with_length(NEXT, line=b"GET /plain/x HTTP/1.1"),
    ("GET", "/plain/x", NEXT),
    fewer=True,
)
served(
    "Content-Length",
    "named by Connection",
    post(b"Connection: content-length\r\nContent-Length: 5\r\n", b"hello"),
    HELLO,
    fewer=True,
)
served("Content-Length", "65,536 octets", with_length(b"a" * 65_536), ("POST", "/plain/x", b"a" * 65_536))
served("Content-Length", "a million octets", with_length(b"a" * 1_000_000), ("POST", "/plain/x", b"a" * 1_000_000))

# ── Transfer-Encoding: RFC 9112, section 6.1 ────────────────────────────────────────────────────────────────────────

CODINGS_REFUSED = (
    b"xchunked", b"chunkedx", b"chunke", b"chunked, identity", b"identity, chunked", b"identity", b"chunked, chunked",
    b"chunked,chunked", b"gzip", b"gzip, chunked", b"chunked, gzip", b"deflate", b"compress", b", chunked",
    b"chunked,", b"", b" ", b'"chunked"', b"'chunked'", b"chunked;q=1", b"chunked;a=b", b"chunked a", b"\x0bchunked",
    b"\x0cchunked", b"chunked\x0b", b"\x00chunked", b"chunked\x00", b"\xa0chunked", b"chunked\xa0",
    b"chun\xc5\xbfked", b"\xe2\x84\xaaunked", b"chunk\xc4\x97d", b"c hunked", b"chunked/1.0", b"5", b"x",
)  # fmt: skip
for _value in CODINGS_REFUSED:
    _field = b"Transfer-Encoding: " + _value + b"\r\n"
    refused("Transfer-Encoding", repr(_value)[1:], post(_field, GOOD + NEXT), 400, 501)
    refused(
        "Transfer-Encoding",
        repr(_value)[1:] + " beside a length",
        post(_field + b"Content-Length: 5\r\n", GOOD + NEXT),
        400,
        501,
    )
for _name, _fields in {
    "in lower case": b"transfer-encoding: chunked\r\n",
    "in upper case": b"TRANSFER-ENCODING: CHUNKED\r\n",
    "no space before it": b"Transfer-Encoding:chunked\r\n",
    "a tab before it": b"Transfer-Encoding:\tchunked\r\n",
    "a space behind it": b"Transfer-Encoding: chunked \r\n",
    "named by Connection": b"Connection: transfer-encoding\r\n" + TE,
    "beside TE": b"TE: trailers\r\n" + TE,
    "beside Trailer": b"Trailer: x-late\r\n" + TE,
}.items():
    served("Transfer-Encoding", _name, post(_fields, GOOD), HELLO, fewer=True)
either("Transfer-Encoding", "a tab behind it", post(b"Transfer-Encoding: chunked\t\r\n", GOOD), HELLO)
SMUGGLING = {
    "CL.TE": post(b"Content-Length: 6\r\n" + TE, b"0\r\n\r\nX"),
    "CL.TE that hides a request": post(b"Content-Length: %d\r\n" % (5 + len(NEXT)) + TE, b"0\r\n\r\n" + NEXT),
    "TE.CL": post(TE + b"Content-Length: 4\r\n", b"%x\r\n" % len(NEXT) + NEXT + b"\r\n0\r\n\r\n"),
    "TE.CL, the shorter way": post(TE + b"Content-Length: 3\r\n", b"8\r\nSMUGGLED\r\n0\r\n\r\n"),
    "TE.TE by another coding": post(TE + b"Transfer-Encoding: x\r\n", GOOD + NEXT),
    "TE.TE by another coding first": post(b"Transfer-Encoding: x\r\n" + TE, GOOD + NEXT),
    "TE.TE by identity": post(TE + b"Transfer-Encoding: identity\r\n", GOOD + NEXT),
    "TE.TE by the same": post(TE + TE, GOOD + NEXT),
    "TE.TE by a space before the colon": post(b"Transfer-Encoding : x\r\n" + TE, GOOD + NEXT),
    "TE.0": post(TE + b"Content-Length: 0\r\n", GOOD),
    "a coding with a space before the colon": post(
        b"Content-Length: 5\r\nTransfer-Encoding : chunked\r\n", GOOD + NEXT
    ),
    "a folded coding": post(b"Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n", GOOD + NEXT),
    "a coding folded by a tab": post(b"Transfer-Encoding:\r\n\tchunked\r\n", GOOD + NEXT),
    "a coding behind a bare LF": post(b"Content-Length: 5\r\nX-A: b\nTransfer-Encoding: chunked\r\n", GOOD + NEXT),
    "a coding behind a bare CR": post(b"Content-Length: 5\r\nX-A: b\rTransfer-Encoding: chunked\r\n", GOOD + NEXT),
    "a coding behind NUL": post(b"Content-Length: 5\r\nX-A: b\x00\r\nTransfer-Encoding: chunked\r\n", GOOD + NEXT),
    "a coding behind a vertical tab": post(b"Content-Length: 5\r\nTransfer-Encoding\x0b: chunked\r\n", GOOD + NEXT),
    "a coding with a space before its name": post(b"Content-Length: 5\r\n Transfer-Encoding: chunked\r\n", GOOD + NEXT),
    "a coding in HTTP/1.0": post(TE, GOOD + NEXT, b"POST /plain/x HTTP/1.0"),
    "a coding in HTTP/1.0 that is kept": post(
        b"Connection: keep-alive\r\n" + TE, GOOD + NEXT, b"POST /plain/x HTTP/1.0"
    ),
    "a GET with both": get(b"Content-Length: 5\r\n" + TE) + GOOD + NEXT,
    "a length that names the end of a chunk": post(b"Content-Length: 15\r\n" + TE, GOOD + NEXT),
}
for _name, _data in SMUGGLING.items():
    refused("two framings", _name, _data, 400, 501)
served(
    "two framings",
    "a coding with an underscore",
    post(b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", b"hello"),
    HELLO,
    fewer=True,
)
served(
    "two framings",
    "a coding with another letter",
    post(b"Transfer-Encodlng: chunked\r\nContent-Length: 5\r\n", b"hello"),
    HELLO,
    fewer=True,
)
served(
    "two framings", "a method override", post(b"X-HTTP-Method-Override: GET\r\nContent-Length: 5\r\n", b"hello"), HELLO
)

# ── Chunks: RFC 9112, section 7.1 ───────────────────────────────────────────────────────────────────────────────────

CHUNKS_REFUSED = {
    "a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "an underscore": b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "a space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "a tab before the size": b"\t5\r\nhello\r\n0\r\n\r\n",
    "a space in the size": b"1 0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "an extension without a size": b";a=b\r\nhello\r\n0\r\n\r\n",
    "a letter that is no digit": b"5g\r\nhello\r\n0\r\n\r\n",
    "a digit of another script": b"\xd9\xa5\r\nhello\r\n0\r\n\r\n",
    "a vertical tab behind the size": b"5\x0b\r\nhello\r\n0\r\n\r\n",
    "NUL behind the size": b"5\x00\r\nhello\r\n0\r\n\r\n",
    "LF behind the size": b"5\nhello\r\n0\r\n\r\n",
    "CR behind the size": b"5\rhello\r\n0\r\n\r\n",
    "CR twice behind the size": b"5\r\r\nhello\r\n0\r\n\r\n",
    "LF behind the data": b"5\r\nhello\n0\r\n\r\n",
    "CR behind the data": b"5\r\nhello\r0\r\n\r\n",
    "nothing behind the data": b"5\r\nhello0\r\n\r\n",
    "an empty line behind the data": b"5\r\nhello\r\n\r\n0\r\n\r\n",
    "more data than its size": b"5\r\nhello!!\r\n0\r\n\r\n",
    "less data than its size": b"7\r\nhello\r\n0\r\n\r\n",
    "LF behind the last chunk": b"5\r\nhello\r\n0\n\n",
    "LF at the end": b"5\r\nhello\r\n0\r\n\n",
    "a size of 17 digits": b"FFFFFFFFFFFFFFFF0\r\nhello\r\n0\r\n\r\n",
    "a size that wraps 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size that wraps 32 bits": b"100000005\r\nhello\r\n0\r\n\r\n",
    "CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "LF in an extension": b"5;a\nhello\r\n0\r\n\r\n",
    "LF that hides a size in an extension": b"5;\nx\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;a=\x00\r\nhello\r\n0\r\n\r\n",
    "a space instead of an extension": b"5 a\r\nhello\r\n0\r\n\r\n",
    "words instead of chunks": b"hello\r\n\r\n",
}
for _name, _data in CHUNKS_REFUSED.items():
    # A size beyond what comes waits for the rest; what follows is then data.
    _waits = _name in ("a size that wraps 32 bits",)
    if _waits:
        left("chunks", _name, chunked(_data))
        continue
    refused("chunks", _name, chunked(_data))
    refused("chunks", _name + ", and a request behind it", chunked(_data + NEXT))
for _name, _data, _body in (
    ("one", GOOD, b"hello"),
    ("none but the last", b"0\r\n\r\n", b""),
    ("several", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
    ("one octet each", b"1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", b"hi"),
    ("a size in upper case", b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    ("a size in lower case", b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    ("data that look like chunks", b"a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n0\r\n\r\n"),
    ("data that look like a request", b"%x\r\n" % len(NEXT) + NEXT + b"\r\n0\r\n\r\n", NEXT),
):
    served("chunks", _name, chunked(_data), ("POST", "/plain/x", _body), fewer=True)
    served(
        "chunks",
        _name + ", and a request behind it",
        chunked(_data) + NEXT,
        ("POST", "/plain/x", _body),
        NEXT_GOT,
        fewer=True,
    )
for _name, _data in {
    "leading zeros": b"0000000005\r\nhello\r\n000\r\n\r\n",
    "an extension": b"5;a=b\r\nhello\r\n0\r\n\r\n",
    "an extension without a value": b"5;a\r\nhello\r\n0\r\n\r\n",
    "a quoted extension": b'5;a="b;c"\r\nhello\r\n0\r\n\r\n',
    "an extension with white space": b"5 ; a = b\r\nhello\r\n0\r\n\r\n",
    "an extension that is none": b"5;\r\nhello\r\n0\r\n\r\n",
    "an extension with odd signs": b"5;a[=b\r\nhello\r\n0\r\n\r\n",
    "an extension of the last chunk": b"5\r\nhello\r\n0;a=b\r\n\r\n",
    "a space behind the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "an extension of 64 KiB": b"5;a=" + b"b" * 65_536 + b"\r\nhello\r\n0\r\n\r\n",
}.items():
    either("chunks", _name, chunked(_data), HELLO)
    either("chunks", _name + ", and a request behind it", chunked(_data) + NEXT, HELLO, NEXT_GOT)

# ── Trailers: RFC 9110, section 6.5 ─────────────────────────────────────────────────────────────────────────────────

TRAILERS = {
    "a field that nobody knows": b"X-Late: LEAKED\r\n",
    "two fields": b"X-One: LEAKED\r\nX-Two: LEAKED\r\n",
    "Authorization": b"Authorization: Bearer LEAKED\r\n",
    "Cookie": b"Cookie: a=LEAKED\r\n",
    "Host": b"Host: LEAKED\r\n",
    "Connection": b"Connection: x-LEAKED\r\n",
    "Connection: close": b"Connection: close\r\nX-Late: LEAKED\r\n",
    "Expect": b"Expect: 100-continue\r\nX-Late: LEAKED\r\n",
    "X-Forwarded-For": b"X-Forwarded-For: LEAKED\r\n",
    "X-Request-Id": b"X-Request-Id: LEAKED\r\n",
    "Content-Type": b"Content-Type: LEAKED/x\r\n",
    "an empty value": b"X-LEAKED:\r\n",
    "a field in upper case": b"AUTHORIZATION: LEAKED\r\n",
}
for _name, _fields in TRAILERS.items():
    _data = chunked(b"5\r\nhello\r\n0\r\n" + _fields + b"\r\n")
    either("trailers", _name, _data, HELLO, hides=(b"leaked",))
    either("trailers", _name + ", and a request behind it", _data + NEXT, HELLO, NEXT_GOT, hides=(b"leaked",))
    either(
        "trailers",
        _name + ", announced",
        _data.replace(TE, TE + b"Trailer: x-late\r\n") + NEXT,
        HELLO,
        NEXT_GOT,
        hides=(b"leaked",),
    )
for _name, _fields in {
    "Content-Length": b"Content-Length: 50\r\n",
    "Transfer-Encoding": b"Transfer-Encoding: chunked\r\n",
    "a hundred fields": b"".join(b"X-%d: LEAKED\r\n" % number for number in range(100)),
}.items():
    either(
        "trailers",
        _name,
        chunked(b"5\r\nhello\r\n0\r\n" + _fields + b"\r\n") + NEXT,
        HELLO,
        NEXT_GOT,
        statuses=frozenset((400, 431)),
        hides=(b"leaked",),
    )
for _name, _fields in {
    "a folded field": b"X-Late: a\r\n b\r\n",
    "no colon": b"GET /plain/hidden HTTP/1.1\r\n",
    "a space in the name": b"X Late: a\r\n",
    "LF behind a field": b"X-Late: a\n",
    "NUL": b"X-Late: a\x00\r\n",
}.items():
    refused("trailers", _name, chunked(b"5\r\nhello\r\n0\r\n" + _fields + b"\r\n" + NEXT))
refused(
    "trailers",
    "100,000 octets in one field",
    chunked(b"5\r\nhello\r\n0\r\nX-Late: " + b"a" * 100_000 + b"\r\n\r\n"),
    400,
    431,
)
refused(
    "trailers",
    "200,000 octets in 2,000 fields",
    chunked(b"5\r\nhello\r\n0\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 100) for n in range(2_000)) + b"\r\n"),
    400,
    431,
)

# ── Connections: RFC 9112, section 9 ────────────────────────────────────────────────────────────────────────────────

served("connections", "ten requests at once", NEXT * 10, *[NEXT_GOT] * 10)
served("connections", "a request behind a body", with_length(b"hello") + NEXT, HELLO, NEXT_GOT)
served("connections", "bodies of two requests", with_length(b"hello") + with_length(b"hello"), HELLO, HELLO)
served("connections", "close", get(b"Connection: close\r\n"), followed=False)
either("connections", "close, and a request behind it", get(b"Connection: close\r\n") + NEXT, PLAIN)
either("connections", "close in upper case", get(b"CONNECTION: CLOSE\r\n") + NEXT, PLAIN)
either("connections", "close in a list", get(b"Connection: x-a, close\r\n") + NEXT, PLAIN)
either("connections", "HTTP/1.0, and a request behind it", get(line=b"GET /plain/x HTTP/1.0") + NEXT, PLAIN)
served(
    "connections",
    "a field that Connection names",
    get(b"Connection: x-hop\r\nX-Hop: SECRET\r\n"),
    hides=(b"secret",),
    fewer=True,
)
served(
    "connections",
    "fields of one hop",
    get(b"Keep-Alive: SECRET\r\nProxy-Connection: SECRET\r\nTE: SECRET\r\n"),
    hides=(b"secret",),
    fewer=True,
)
served("connections", "Host named by Connection", get(b"Connection: host\r\n"), fewer=True, shows=(b"host: ",))
CASES.append(
    Case("connections", "nonsense behind a request", get() + b"\x00\x01nonsense\r\n\r\n", BAD, (PLAIN,), before=1)
)
CASES.append(
    Case("connections", "a refused request behind a good one", get() + get(b"A : b\r\n"), BAD, (PLAIN,), before=1)
)
CASES.append(
    Case("connections", "two framings behind a good request", get() + SMUGGLING["CL.TE"], BAD, (PLAIN,), before=1)
)
CASES.append(
    Case(
        "connections",
        "a body that nobody announced",
        post(b"", b"hello\r\n\r\n"),
        BAD,
        (("POST", "/plain/x", b""),),
        before=1,
    )
)
for _protocol in (b"h2c", b"websocket", b"TLS/1.0", b"foo", b"foo/1, bar"):
    _field = b"Connection: Upgrade\r\nUpgrade: " + _protocol + b"\r\n"
    _label = _protocol.decode()
    _upgrade = (b"\r\nupgrade:",)
    _is_served = _protocol == b"websocket"
    served(
        "upgrades",
        _label,
        get(_field),
        fewer=True,
        shows=_upgrade if _is_served else (),
        hides=() if _is_served else _upgrade,
    )
    served("upgrades", f"{_label}, and a request behind it", get(_field) + NEXT, PLAIN, NEXT_GOT, fewer=True)
    served(
        "upgrades",
        f"{_label} with a body",
        post(_field + b"Content-Length: 5\r\n", b"hello") + NEXT,
        HELLO,
        NEXT_GOT,
        fewer=True,
    )
    served("upgrades", f"{_label} with chunks", post(_field + TE, GOOD) + NEXT, HELLO, NEXT_GOT, fewer=True)
served(
    "upgrades",
    "h2c with its settings",
    get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
    fewer=True,
)
served("upgrades", "without Connection", get(b"Upgrade: h2c\r\n"), fewer=True)
served("upgrades", "Connection without Upgrade", get(b"Connection: upgrade\r\n"), fewer=True)
served(
    "upgrades",
    "HTTP/1.0",
    get(b"Connection: Upgrade\r\nUpgrade: h2c\r\n", line=b"GET /plain/x HTTP/1.0"),
    followed=False,
)

# ── Expect: RFC 9110, section 10.1.1 ────────────────────────────────────────────────────────────────────────────────

served(
    "Expect",
    "100-continue, with the body at once",
    post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello"),
    HELLO,
    hides=(b"expect",),
)
served("Expect", "100-continue in upper case", post(b"Expect: 100-CONTINUE\r\nContent-Length: 5\r\n", b"hello"), HELLO)
served("Expect", "100-continue with chunks", post(b"Expect: 100-continue\r\n" + TE, GOOD), HELLO, fewer=True)
served("Expect", "100-continue without a body", get(b"Expect: 100-continue\r\n"), fewer=True)
served(
    "Expect",
    "100-continue in HTTP/1.0",
    post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello", b"POST /plain/x HTTP/1.0"),
    HELLO,
    followed=False,
)
either(
    "Expect",
    "100-continue twice",
    post(b"Expect: 100-continue\r\n" * 2 + b"Content-Length: 5\r\n", b"hello"),
    HELLO,
    statuses=frozenset((400, 417)),
)
either("Expect", "something else", get(b"Expect: 200-ok\r\n"), statuses=frozenset((400, 417)))
either(
    "Expect",
    "something else beside it",
    post(b"Expect: a, 100-continue\r\nContent-Length: 5\r\n", b"hello"),
    HELLO,
    statuses=frozenset((400, 417)),
)
either("Expect", "nothing", get(b"Expect:\r\n"), statuses=frozenset((400, 417)))

# ── What the gateway answers itself ─────────────────────────────────────────────────────────────────────────────────

for _path in (b"/nowhere", b"/plain/%zz"):
    _line = b"POST " + _path + b" HTTP/1.1"
    answered("own answers", f"a body to {_path.decode()}", with_length(NEXT, line=_line), 404, 400)
    answered(
        "own answers",
        f"chunks to {_path.decode()}",
        post(TE, b"%x\r\n" % len(NEXT) + NEXT + b"\r\n0\r\n\r\n", _line),
        404,
        400,
    )
for _name, _body in {
    "no JSON": NEXT,
    "nothing": b"",
    "a list": b"[]",
    "a text": b'"a"',
    "half of it": b'{"model":"a"',
    "more than one": b'{"model":"a"}{"model":"b"}',
    "NUL": b'{"model":"a\x00"}',
    "octets that are no text": b'{"model":"\xff"}',
    "UTF-16": '{"model":"a"}'.encode("utf-16"),
    "a model that is a number": b'{"model":1}',
    "a model that is null": b'{"model":null}',
    "a model that is a list": b'{"model":["gpt-a"]}',
    "100,000 brackets": b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 braces": b'{"a":' * 100_000,
}.items():
    answered("bodies of models", _name, with_length(_body, line=b"POST /model HTTP/1.1"), 400)
refused(
    "bodies of models",
    "more than is allowed",
    post(b"Content-Length: 99999999\r\n", NEXT, b"POST /model HTTP/1.1"),
    413,
    once=True,
)

# ── Clients that leave ──────────────────────────────────────────────────────────────────────────────────────────────

for _name, _data in {
    "at once": b"",
    "in the method": b"GE",
    "in the target": b"GET /plain/x",
    "behind the request line": b"GET /plain/x HTTP/1.1\r\n",
    "in a field": b"GET /plain/x HTTP/1.1\r\nHost: local",
    "behind a field": b"GET /plain/x HTTP/1.1\r\nHost: localhost\r\n",
    "between CR and LF at the end": b"GET /plain/x HTTP/1.1\r\nHost: localhost\r\n\r",
    "before a body": post(b"Content-Length: 5\r\n"),
    "in a body": post(b"Content-Length: 5\r\n", b"hell"),
}.items():
    left("clients that leave", _name, _data)
