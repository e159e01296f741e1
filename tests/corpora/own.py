"""Our own collection of raw requests: at least one for each thing that the check-list has us accept or refuse.

`{HOST}` stands for the relay's own authority and `{AUTH}` for the lines that hold the caller's key and the row's mark.
What each row has coming is in expected.json, judged by hand from the check-list and the RFCs.
"""

from typing import Final, NamedTuple

PATH: Final = b"/acc/cov/vz801802/v1/soap11"
SOAP: Final = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><q xmlns="urn:x"/></s:Body></s:Envelope>'
)
END: Final = b"\r\n\r\n"
HOST: Final = b"Host: {HOST}\r\n"


class Row(NamedTuple):
    """One connection's octets. Between `steps` an answer, or 100 Continue, is waited for."""

    id: str
    steps: tuple[bytes, ...]
    why: str
    piece: int = 0
    """Octets sent at a time; 0: each step at once."""


def call(*lines: bytes, line: bytes = b"POST %b HTTP/1.1" % PATH, body: bytes = b"") -> bytes:
    """Return a request with host and key in place, `lines` after them."""
    return line + b"\r\n" + HOST + b"{AUTH}" + b"".join(each + b"\r\n" for each in lines) + b"\r\n" + body


def get(target: bytes, *lines: bytes, method: bytes = b"GET") -> bytes:
    """Return a request without a body."""
    return call(*lines, line=b"%b %b HTTP/1.1" % (method, target))


def line(request_line: bytes) -> bytes:
    """Return a request that is fine but for its first line, if that is not."""
    return call(b"Accept: */*", line=request_line)


def host(*lines: bytes, version: bytes = b"1.1") -> bytes:
    """Return a request with these Host lines and no other."""
    return b"GET %b HTTP/%b\r\n{AUTH}" % (PATH, version) + b"".join(each + b"\r\n" for each in lines) + b"\r\n"


def field(octets: bytes) -> bytes:
    """Return a request with these octets for one field, ended by CRLF."""
    return call(octets, b"Accept: */*", line=b"GET %b HTTP/1.1" % PATH)


def length(value: bytes, body: bytes = b"hello") -> bytes:
    """Return a POST with this Content-Length."""
    return call(b"Content-Length: " + value, body=body)


def coded(*lines: bytes, body: bytes = b"5\r\nhello\r\n0\r\n\r\n", version: bytes = b"1.1") -> bytes:
    """Return a POST with these framing lines and a body in chunks."""
    return call(*lines, line=b"POST %b HTTP/%b" % (PATH, version), body=body)


def chunks(body: bytes) -> bytes:
    """Return a POST whose body is these octets, in chunks if they are."""
    return coded(b"Transfer-Encoding: chunked", body=body)


def post(*lines: bytes, body: bytes = b"hello", target: bytes = PATH, method: bytes = b"POST") -> bytes:
    """Return a request with a body of known length."""
    first = b"%b %b HTTP/1.1" % (method, target)
    return call(*lines, b"Content-Length: %d" % len(body), line=first, body=body)


_HEADS: Final = {
    "C1-one-leading-crlf": (b"\r\n" + get(PATH), "One empty line before a request is ignored (9112 2.2)."),
    "C1-two-leading-crlf": (b"\r\n\r\n" + get(PATH), "At most one is."),
    "C1-leading-lf": (b"\n" + get(PATH), "A bare LF is no empty line."),
    "C1-leading-space": (b" " + get(PATH), "White space begins no method."),
    "C1-byte-order-mark": (b"\xef\xbb\xbf" + get(PATH), "Octets, not text: nothing is decoded or skipped."),
    "C1-cr-in-request-line": (line(b"GET %b\r HTTP/1.1" % PATH), "A bare CR ends a line for some."),
    "C1-cr-ends-request-line": (b"GET %b HTTP/1.1\r" % PATH + HOST + b"{AUTH}\r\n", "A CR alone ends no line."),
    "C1-lf-ends-request-line": (b"GET %b HTTP/1.1\n" % PATH + HOST + b"{AUTH}\r\n", "An LF alone ends no line."),
    "C1-lf-ends-field": (field(b"X-A: b\nX-C: d"), "An LF alone ends no line."),
    "C1-cr-ends-field": (field(b"X-A: b\rX-C: d"), "A CR alone ends no line."),
    "C1-cr-before-crlf": (field(b"X-A: b\r"), "Nor does CR CR LF."),
    "C1-cr-in-the-empty-line": (get(PATH)[:-2] + b"\r" + END, "The empty line is CRLF."),
    "C1-lf-only": (get(PATH).replace(b"{AUTH}", b"").replace(b"\r\n", b"\n"), "No line of it ends, so it never is."),
    "C1-space-before-first-field": (b"GET %b HTTP/1.1\r\n " % PATH + HOST + b"{AUTH}\r\n", "9112 2.2."),
    "C1-tab-before-first-field": (b"GET %b HTTP/1.1\r\n\t" % PATH + HOST + b"{AUTH}\r\n", "9112 2.2."),
    "C1-blank-line-first": (b"GET %b HTTP/1.1\r\n \r\n" % PATH + HOST + b"{AUTH}\r\n", "9112 2.2."),
    "C2-two-spaces": (line(b"GET  %b HTTP/1.1" % PATH), "One space between (9112 3)."),
    "C2-two-spaces-before-version": (line(b"GET %b  HTTP/1.1" % PATH), "One space between (9112 3)."),
    "C2-tab": (line(b"GET\t%b HTTP/1.1" % PATH), "A tab is no space."),
    "C2-space-after-version": (line(b"GET %b HTTP/1.1 " % PATH), "Nothing follows the version."),
    "C2-word-after-version": (line(b"GET %b HTTP/1.1 x" % PATH), "Nothing follows the version."),
    "C2-no-version": (line(b"GET %b" % PATH), "HTTP/0.9 has no fields."),
    "C2-no-target": (line(b"GET HTTP/1.1"), "Three parts."),
    "C2-empty-target": (line(b"GET  HTTP/1.1"), "Three parts."),
    "C2-version-lower-case": (line(b"GET %b http/1.1" % PATH), "The version is case-sensitive (9112 2.3)."),
    "C2-version-without-minor": (line(b"GET %b HTTP/1" % PATH), "Not DIGIT.DIGIT, so malformed, not unknown."),
    "C2-version-leading-zeros": (line(b"GET %b HTTP/01.01" % PATH), "Not DIGIT.DIGIT."),
    "C2-version-two-digits": (line(b"GET %b HTTP/1.10" % PATH), "Not DIGIT.DIGIT."),
    "C2-version-three-parts": (line(b"GET %b HTTP/1.1.1" % PATH), "Not DIGIT.DIGIT."),
    "C2-version-plus": (line(b"GET %b HTTP/+1.1" % PATH), "Not DIGIT.DIGIT."),
    "C2-version-comma": (line(b"GET %b HTTP/1,1" % PATH), "Not DIGIT.DIGIT."),
    "C2-another-protocol": (line(b"GET %b RTSP/1.0" % PATH), "Not HTTP."),
    "C2-http-0.9": (line(b"GET %b HTTP/0.9" % PATH), "Well-formed, not spoken."),
    "C2-http-1.2": (line(b"GET %b HTTP/1.2" % PATH), "Well-formed, not spoken."),
    "C2-http-2.0": (line(b"GET %b HTTP/2.0" % PATH), "Well-formed, not spoken."),
    "C2-http-3.0": (line(b"GET %b HTTP/3.0" % PATH), "Well-formed, not spoken."),
    "C2-http-2-preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "h2 without being agreed on."),
    "C2-lower-case-method": (line(b"get %b HTTP/1.1" % PATH), "Methods are case-sensitive (9110 9.1)."),
    "C2-mixed-case-method": (line(b"Post %b HTTP/1.1" % PATH), "Methods are case-sensitive (9110 9.1)."),
    "C2-unknown-method": (line(b"FOOBAR %b HTTP/1.1" % PATH), "Not one that we know."),
    "C2-webdav-method": (line(b"PROPFIND %b HTTP/1.1" % PATH), "Nothing at VECOZO is asked so."),
    "C2-method-that-begins-as-one": (line(b"GETX %b HTTP/1.1" % PATH), "A method is matched whole."),
    "C2-method-with-colon": (line(b"GET: %b HTTP/1.1" % PATH), "Not a token."),
    "C2-method-with-nul": (line(b"GE\x00T %b HTTP/1.1" % PATH), "Not a token."),
    "C2-method-beyond-ascii": (line(b"GET\xc3\x9f %b HTTP/1.1" % PATH), "Not a token."),
    "C2-endless-method": (line(b"A" * 70_000 + b" / HTTP/1.1"), "Longer than any that we know (9112 3)."),
    "C2-target-of-8000": (get(PATH + b"/" + b"a" * (7_999 - len(PATH))), "8,000 octets must work (9112 3)."),
    "C2-query-of-8000": (get(PATH + b"?" + b"a" * (7_999 - len(PATH))), "8,000 octets must work (9112 3)."),
    "C2-target-of-9000": (get(PATH + b"/" + b"a" * 9_000), "Longer than any that is meant."),
    "C2-target-of-70000": (get(PATH + b"/" + b"a" * 70_000), "Longer than the whole head may be, and still a target."),
    "C2-endless-target": (b"GET /" + b"a" * 70_000, "No need to wait for the end of the line."),
    "C2-nul-in-target": (line(b"GET %b/\x00 HTTP/1.1" % PATH), "Not visible ASCII."),
    "C2-control-in-target": (line(b"GET %b/\x1b HTTP/1.1" % PATH), "Not visible ASCII."),
    "C2-delete-in-target": (line(b"GET %b/\x7f HTTP/1.1" % PATH), "Not visible ASCII."),
    "C2-space-in-target": (line(b"GET %b/a b HTTP/1.1" % PATH), "Never repaired (9112 3.2)."),
    "C2-target-beyond-ascii": (line(b"GET %b/caf\xc3\xa9 HTTP/1.1" % PATH), "Never repaired."),
    "C2-overlong-slash": (line(b"GET %b/..\xc0\xaf.. HTTP/1.1" % PATH), "Some decode this to a slash."),
    "C2-quote-in-target": (get(PATH + b'/"a"'), "Not of a URI (3986), never repaired."),
    "C2-angle-brackets-in-target": (get(PATH + b"/<a>"), "Not of a URI, never repaired."),
    "C2-backslash": (get(PATH + b"\\..\\x"), "A slash to some."),
    "C2-bad-escape": (get(PATH + b"/%zz"), "Not of a URI, never repaired."),
    "C2-cut-escape": (get(PATH + b"/a%2"), "Not of a URI, never repaired."),
    "C2-bad-escape-in-query": (get(PATH + b"?a=%"), "Not of a URI, never repaired."),
    "C2-dot-segments": (get(b"/acc/cov/../claims"), "The route would be chosen on another path than is served."),
    "C2-one-dot-segment": (get(b"/acc/cov/./x"), "Two readings."),
    "C2-dots-at-the-end": (get(b"/acc/cov/.."), "Two readings."),
    "C2-encoded-dots": (get(b"/acc/cov/%2e%2E/claims"), "Two readings."),
    "C2-half-encoded-dots": (get(b"/acc/cov/.%2e/claims"), "Two readings."),
    "C2-dots-with-parameter": (get(b"/acc/cov/..;x=1/claims"), "Dot segments to servers that cut parameters off."),
    "C2-doubly-encoded-dots": (get(b"/acc/cov/%252e%252e/claims"), "Two readings where two servers decode."),
    "C2-two-slashes": (get(b"/acc//cov"), "An empty segment, or none."),
    "C2-two-slashes-first": (get(b"//acc/cov"), "To some, acc is the host."),
    "C2-encoded-slash": (get(b"/acc/cov%2fx"), "One segment, or two."),
    "C2-doubly-encoded-slash": (get(b"/acc/cov%252fx"), "One segment, or two."),
    "C2-encoded-backslash": (get(b"/acc/cov/%5c"), "A slash to some."),
    "C2-encoded-nul": (get(b"/acc/cov/a%00.xml"), "The end of the name to some."),
    "C2-encoded-crlf": (get(b"/acc/cov/a%0d%0aX-Injected:%20true"), "The end of a line to whoever decodes and writes."),
    "C2-encoded-delete": (get(b"/acc/cov/a%7F"), "An encoded control character means no good in a path."),
    "C2-doubly-encoded-crlf": (get(b"/acc/cov/a%250d%250a"), "The same, one decoding later."),
    "C2-prefix-is-of-whole-segments": (get(b"/acc/covx"), "No route has this path."),
    "C2-path-is-case-sensitive": (get(b"/ACC/COV"), "No route has this path."),
    "C2-no-route": (get(b"/nowhere"), "No route has this path."),
    "C2-root": (get(b"/"), "No route has this path."),
    "C3-none": (host(), "9112 3.2."),
    "C3-none-in-1.0": (host(version=b"1.0"), "http.md makes no exception for HTTP/1.0."),
    "C3-two": (host(b"Host: {HOST}", b"Host: elsewhere.example"), "9112 3.2."),
    "C3-two-alike": (host(b"Host: {HOST}", b"host: {HOST}"), "9112 3.2."),
    "C3-empty": (host(b"Host:"), "We have a name."),
    "C3-userinfo": (host(b"Host: user@{HOST}"), "9112 3.2."),
    "C3-path": (host(b"Host: {HOST}/x"), "Not an authority."),
    "C3-query": (host(b"Host: {HOST}?x"), "Not an authority."),
    "C3-list": (host(b"Host: {HOST}, elsewhere.example"), "Two readings."),
    "C3-space-inside": (host(b"Host: local host"), "Two readings."),
    "C3-tab-inside": (host(b"Host: localhost\tx"), "Two readings."),
    "C3-scheme": (host(b"Host: https://{HOST}"), "Not an authority."),
    "C3-empty-port": (host(b"Host: localhost:"), "Not a port."),
    "C3-port-with-letters": (host(b"Host: localhost:4x3"), "Not a port."),
    "C3-port-too-high": (host(b"Host: localhost:65536"), "Not a port."),
    "C3-negative-port": (host(b"Host: localhost:-1"), "Not a port."),
    "C3-two-ports": (host(b"Host: localhost:1:2"), "Not a port."),
    "C3-escape": (host(b"Host: loc%61lhost"), "Two readings."),
    "C3-nul": (host(b"Host: localhost\x00.example"), "Two readings."),
    "C3-beyond-ascii": (host(b"Host: \xc3\xa9.example"), "Not a name as it travels."),
    "C3-space-before-colon": (host(b"Host : {HOST}"), "As with every field."),
    "C3-folded": (host(b"Host:", b" {HOST}"), "As with every field."),
    "C3-elsewhere": (host(b"Host: elsewhere.example"), "Not served here."),
    "C3-ends-in-ours": (host(b"Host: x.localhost"), "Not served here: a name is matched whole."),
    "C3-begins-with-ours": (host(b"Host: localhost.example"), "Not served here: a name is matched whole."),
    "C3-ipv6": (host(b"Host: [::1]:8443"), "Valid, and not served here."),
    "C3-ipv4": (host(b"Host: 192.0.2.1"), "Valid, and not served here."),
    "C3-upper-case": (host(b"HOST: LocalHost"), "Names know no case."),
    "C3-without-port": (host(b"Host: localhost"), "The port may be that of a balancer before us."),
    "C3-with-another-port": (host(b"Host: localhost:443"), "The port may be that of a balancer before us."),
    "C3-last": (b"GET %b HTTP/1.1\r\nAccept: */*\r\n{AUTH}" % PATH + HOST + b"\r\n", "Wherever it stands."),
    "C4-absolute-http": (get(b"http://{HOST}" + PATH + b"?a"), "Must be accepted (9112 3.2.2)."),
    "C4-absolute-https": (get(b"https://{HOST}" + PATH), "Must be accepted (9112 3.2.2)."),
    "C4-absolute-upper-case": (get(b"HTTPS://LOCALHOST" + PATH), "Scheme and host know no case."),
    "C4-absolute-elsewhere": (get(b"http://elsewhere.example" + PATH), "Never dialled."),
    "C4-absolute-both-elsewhere": (
        b"GET http://elsewhere.example%b HTTP/1.1\r\nHost: elsewhere.example\r\n{AUTH}\r\n" % PATH,
        "Never dialled.",
    ),
    "C4-absolute-ours-host-elsewhere": (
        b"GET http://{HOST}%b HTTP/1.1\r\nHost: elsewhere.example\r\n{AUTH}\r\n" % PATH,
        "9112 3.2.2 lets the target win; two names in one request are refused all the same.",
    ),
    "C4-absolute-metadata-service": (get(b"http://169.254.169.254/latest/meta-data"), "Never dialled."),
    "C4-absolute-userinfo": (get(b"http://user:secret@{HOST}" + PATH), "9110 4.2.4."),
    "C4-absolute-other-scheme": (get(b"ftp://{HOST}" + PATH), "Not HTTP."),
    "C4-absolute-dot-segments": (get(b"http://{HOST}/acc/cov/../claims"), "As in origin form."),
    "C4-absolute-fragment": (get(b"http://{HOST}" + PATH + b"#x"), "No fragment travels."),
    "C4-authority": (line(b"GET {HOST} HTTP/1.1"), "Only with CONNECT."),
    "C4-connect": (line(b"CONNECT {HOST} HTTP/1.1"), "No tunnel."),
    "C4-connect-elsewhere": (line(b"CONNECT elsewhere.example:443 HTTP/1.1"), "No tunnel."),
    "C4-connect-with-path": (line(b"CONNECT %b HTTP/1.1" % PATH), "No tunnel."),
    "C4-asterisk": (line(b"GET * HTTP/1.1"), "Only with OPTIONS."),
    "C4-asterisk-post": (line(b"POST * HTTP/1.1"), "Only with OPTIONS."),
    "C4-asterisk-options": (line(b"OPTIONS * HTTP/1.1"), "About us, so answered here and never sent on (9110 9.3.7)."),
    "C4-asterisk-and-more": (line(b"OPTIONS *x HTTP/1.1"), "No form of a target."),
    "C4-fragment": (get(PATH + b"#x"), "No fragment travels."),
    "C4-fragment-in-query": (get(PATH + b"?a#x"), "No fragment travels."),
    "C4-relative": (line(b"GET acc/cov HTTP/1.1"), "No form of a target."),
    "C5-space-before-colon": (field(b"X-A : b"), "9112 5.1."),
    "C5-tab-before-colon": (field(b"X-A\t: b"), "9112 5.1."),
    "C5-folded": (field(b"X-A: b\r\n c"), "9112 5.2."),
    "C5-folded-with-tab": (field(b"X-A: b\r\n\tc"), "9112 5.2."),
    "C5-folded-to-nothing": (field(b"X-A: b\r\n "), "9112 5.2."),
    "C5-nul": (field(b"X-A: b\x00c"), "9110 5.5."),
    "C5-bell": (field(b"X-A: b\x07c"), "9110 5.5."),
    "C5-vertical-tab": (field(b"X-A:\x0bb"), "9110 5.5."),
    "C5-form-feed": (field(b"X-A: b\x0c"), "9110 5.5."),
    "C5-escape": (field(b"X-A: \x1b[2J"), "9110 5.5."),
    "C5-delete": (field(b"X-A: b\x7f"), "9110 5.5."),
    "C5-no-name": (field(b": b"), "9110 5.1."),
    "C5-no-colon": (field(b"X-A"), "9112 5."),
    "C5-space-in-name": (field(b"X A: b"), "Not a token."),
    "C5-bracket-in-name": (field(b"X[A: b"), "Not a token."),
    "C5-quote-in-name": (field(b'X"A: b'), "Not a token."),
    "C5-control-in-name": (field(b"X\x01A: b"), "Not a token."),
    "C5-name-beyond-ascii": (field(b"X-\xc3\xa9: b"), "Not a token."),
    "C5-underscore": (field(b"X_Relay_Tenant: linde"), "Imitates ours where underscores are hyphens."),
    "C5-underscore-in-framing": (field(b"Content_Length: 5"), "Imitates framing where underscores are hyphens."),
    "C5-two-content-types": (post(b"Content-Type: text/xml", b"content-type: text/plain"), "A singleton (9110 5.3)."),
    "C5-two-authorizations": (get(PATH, b"Authorization: Bearer a", b"Authorization: Bearer b"), "A singleton."),
    "C5-two-soapactions": (post(b'SOAPAction: "a"', b'SOAPAction: "b"'), "Two actions in one call."),
    "C5-two-expects": (post(b"Expect: 100-continue", b"Expect: 100-continue"), "Once is enough."),
    "C5-two-ranges": (get(PATH, b"Range: bytes=0-1", b"Range: bytes=2-3"), "A singleton."),
    "C5-two-user-agents": (get(PATH, b"User-Agent: a", b"User-Agent: b"), "A singleton."),
    "C5-two-max-forwards": (get(PATH, b"Max-Forwards: 1", b"Max-Forwards: 2", method=b"OPTIONS"), "A singleton."),
    "C5-two-tenants": (get(PATH, b"X-Relay-Tenant: linde", b"X-Relay-Tenant: linde"), "Ours, and a singleton."),
    "C5-two-keys": (
        b"GET %b HTTP/1.1\r\n" % PATH + HOST + b"{AUTH}X-Api-Key: rk_x\r\n\r\n",
        "Which of them proves who calls is not clear, so nobody is known.",
    ),
    "C5-order-and-repeats": (
        get(PATH, b"X-A: 1", b"Cookie: a=1", b"X-B: 2", b"x-a: 3", b"Cookie: b=2", b"Accept: a", b"Accept: b"),
        "Order is kept, repeated lists stay apart.",
    ),
    "C5-unknown-fields": (get(PATH, b"X-Ms-Workflow-Id: 1", b"Zz.!#$%&'*+-^`|~9: odd, but a token"), "Forwarded."),
    "C5-empty-value": (field(b"X-A:"), "Nothing is a value."),
    "C5-white-space-around": (field(b"X-A:\t  b c\t \t"), "OWS is no part of the value (9110 5.5)."),
    "C5-no-white-space": (field(b"X-A:b"), "OWS is optional."),
    "C5-colons-in-value": (field(b"X-A: a:b::c"), "The first colon divides."),
    "C5-value-beyond-ascii": (field(b"X-A: caf\xc3\xa9 \xff\xfe"), "obs-text travels as it came."),
    "C6-key-and-token-of-16k": (get(PATH, b"Authorization: Bearer " + b"e" * 16_384), "Entra tokens are so long."),
    "C6-99-fields": (call(*[b"X-%d: v" % n for n in range(96)], line=b"GET %b HTTP/1.1" % PATH), "A lot, and fine."),
    "C6-too-many-fields": (call(*[b"X-%d: v" % n for n in range(120)], line=b"GET %b HTTP/1.1" % PATH), "Too many."),
    "C6-field-too-long": (get(PATH, b"X-A: " + b"b" * 70_000), "6585 5."),
    "C6-name-too-long": (get(PATH, b"A" * 70_000 + b": b"), "6585 5."),
    "C6-fields-too-long-together": (get(PATH, *[b"X-A: " + b"b" * 900] * 80), "6585 5."),
    "C6-endless-fields": (b"GET %b HTTP/1.1\r\n" % PATH + b"X-A: b\r\n" * 10_000, "No need to wait for the end."),
}

_BODIES: Final = {
    "C7-length-and-chunks": (coded(b"Content-Length: 15", b"Transfer-Encoding: chunked"), "9112 6.1."),
    "C7-chunks-and-length": (coded(b"Transfer-Encoding: chunked", b"Content-Length: 15"), "9112 6.1."),
    "C7-chunks-and-length-0": (coded(b"Transfer-Encoding: chunked", b"Content-Length: 0"), "9112 6.1."),
    "C7-chunks-and-wrong-length": (coded(b"Transfer-Encoding: chunked", b"Content-Length: x"), "9112 6.1."),
    "C7-chunked-not-last": (coded(b"Transfer-Encoding: chunked, gzip"), "9112 6.3: 400, and nothing tells the end."),
    "C7-chunked-not-last-in-two": (coded(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"), "The same."),
    "C7-chunked-twice": (coded(b"Transfer-Encoding: chunked, chunked"), "9112 6.1: once."),
    "C7-chunked-twice-in-two": (coded(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), "9112 6.1: once."),
    "C7-chunked-with-parameter": (coded(b"Transfer-Encoding: chunked;q=1"), "chunked has none."),
    "C7-chunked-in-quotes": (coded(b'Transfer-Encoding: "chunked"'), "Not a coding."),
    "C7-chunked-after-a-word": (coded(b"Transfer-Encoding: x chunked"), "Not a coding."),
    "C7-chunked-after-vertical-tab": (coded(b"Transfer-Encoding: \x0bchunked"), "Not a coding."),
    "C7-leading-comma": (coded(b"Transfer-Encoding: , chunked"), "9110 5.6.1.2 lets it pass; some read no chunked."),
    "C7-trailing-comma": (coded(b"Transfer-Encoding: chunked,"), "9110 5.6.1.2 lets it pass; some read no chunked."),
    "C7-chunks-in-1.0": (coded(b"Transfer-Encoding: chunked", version=b"1.0"), "9112 6.1."),
    "C7-coding-in-1.0": (coded(b"Transfer-Encoding: gzip", version=b"1.0"), "9112 6.1."),
    "C7-empty-coding": (coded(b"Transfer-Encoding:"), "Neither chunked nor nothing."),
    "C7-empty-coding-and-length": (call(b"Transfer-Encoding:", b"Content-Length: 5", body=b"hello"), "Two framings."),
    "C7-unknown-coding": (coded(b"Transfer-Encoding: gzip"), "9112 6.1: not understood."),
    "C7-unknown-coding-then-chunked": (coded(b"Transfer-Encoding: gzip, chunked"), "9112 6.1: not understood."),
    "C7-unknown-coding-then-chunked-in-two": (
        coded(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
        "9112 6.1: not understood.",
    ),
    "C7-identity": (coded(b"Transfer-Encoding: identity"), "No coding since 7230."),
    "C7-xchunked": (coded(b"Transfer-Encoding: xchunked"), "A name is matched whole."),
    "C7-coding-named-away": (
        coded(b"Transfer-Encoding: gzip", b"Connection: Transfer-Encoding"),
        "Connection cannot hide how the message is framed.",
    ),
    "C7-two-lengths": (call(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"), "9112 6.3."),
    "C7-two-lengths-alike": (
        call(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
        "9112 6.3 lets it be 400.",
    ),
    "C7-list-of-lengths": (length(b"5, 6"), "9112 6.3."),
    "C7-list-of-lengths-alike": (length(b"5, 5"), "9112 6.3 lets it be 400."),
    "C7-plus": (length(b"+5"), "1*DIGIT."),
    "C7-minus": (length(b"-5"), "1*DIGIT."),
    "C7-minus-nothing": (length(b"-0"), "1*DIGIT."),
    "C7-hexadecimal": (length(b"0x5"), "1*DIGIT."),
    "C7-octal": (length(b"0o5"), "1*DIGIT."),
    "C7-underscore": (length(b"1_0"), "1*DIGIT; Python's int takes it."),
    "C7-exponent": (length(b"1e1"), "1*DIGIT."),
    "C7-fraction": (length(b"5.0"), "1*DIGIT."),
    "C7-space-inside": (length(b"1 0"), "1*DIGIT."),
    "C7-empty-length": (length(b""), "1*DIGIT."),
    "C7-letters": (length(b"five"), "1*DIGIT."),
    "C7-other-digits": (length("٥".encode()), "1*DIGIT; Python's int takes it."),
    "C7-superscript": (length(b"\xb2"), "1*DIGIT; Python's str.isdigit takes it."),
    "C7-leading-zeros": (length(b"005"), "Allowed, never sent by anybody, and octal to some: the stricter reading."),
    "C7-overflow": (length(b"18446744073709551621"), "2**64 + 5."),
    "C7-overflow-signed": (length(b"9223372036854775808"), "2**63."),
    "C7-endless-length": (length(b"1" * 5_000), "Python refuses to read it as a number."),
    "C7-space-around-length": (length(b" 5\t"), "OWS."),
    "C7-no-body": (call(), "A POST without framing has no body (9112 6.3)."),
    "C7-length-0": (length(b"0", b""), "An empty body."),
    "C7-chunked-in-any-case": (coded(b"transfer-encoding: Chunked"), "Codings know no case (9112 7)."),
    "C7-te-is-not-it": (get(PATH, b"TE: trailers, deflate"), "TE says what answers may be, and stays here."),
    "C7-get-with-body": (post(method=b"GET"), "Odd, and framed as any other (9110 9.3.1)."),
    "C7-head-with-body": (post(method=b"HEAD"), "Odd, and framed as any other."),
    "C7-delete-with-body": (post(method=b"DELETE"), "Odd, and framed as any other."),
    "C7-options-with-body": (post(method=b"OPTIONS"), "Odd, and framed as any other."),
    "C7-surplus-is-a-request": (
        length(b"0", b"X: y\r\n\r\n"),
        "What follows the body is the next request, if it is one.",
    ),
    "C7-body-that-looks-like-a-request": (
        post(body=get(PATH).replace(b"{AUTH}", b"").replace(b"{HOST}", b"localhost")),
        "A body is a body.",
    ),
    "C8-extension": (chunks(b"5;a\r\nhello\r\n0;b=c\r\n\r\n"), "Ignored (9112 7.1.1)."),
    "C8-extension-in-quotes": (chunks(b'5;a="b \\" c"\r\nhello\r\n0\r\n\r\n'), "Ignored (9112 7.1.1)."),
    "C8-leading-zeros": (chunks(b"0005\r\nhello\r\n000\r\n\r\n"), "1*HEXDIG, and sent on in plain form."),
    "C8-upper-case": (chunks(b"A\r\n0123456789\r\n0\r\n\r\n"), "Hexadecimal in either case."),
    "C8-lower-case": (chunks(b"a\r\n0123456789\r\n0\r\n\r\n"), "Hexadecimal in either case."),
    "C8-no-data": (chunks(b"0\r\n\r\n"), "An empty body."),
    "C8-many": (chunks(b"1\r\nx\r\n" * 200 + b"0\r\n\r\n"), "One by one."),
    "C8-overflow": (chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), "2**64 + 5."),
    "C8-overflow-32": (chunks(b"100000005\r\nhello\r\n0\r\n\r\n"), "2**32 + 5."),
    "C8-endless-size": (chunks(b"0" * 500 + b"5\r\nhello\r\n0\r\n\r\n"), "Bounded."),
    "C8-prefix": (chunks(b"0x5\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-plus": (chunks(b"+5\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-minus": (chunks(b"-5\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-plus-nothing": (chunks(b"+0\r\n\r\n"), "1*HEXDIG."),
    "C8-underscore": (chunks(b"0_5\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG; Python's int takes it."),
    "C8-letters": (chunks(b"g\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-no-size": (chunks(b"\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-only-extension": (chunks(b";a=b\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-space-before": (chunks(b" 5\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-space-after": (chunks(b"5 \r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-tab-after": (chunks(b"5\t\r\nhello\r\n0\r\n\r\n"), "1*HEXDIG."),
    "C8-lf-after-size": (chunks(b"5\nhello\r\n0\r\n\r\n"), "CRLF."),
    "C8-cr-after-size": (chunks(b"5\rhello\r\n0\r\n\r\n"), "CRLF."),
    "C8-lf-after-data": (chunks(b"5\r\nhello\n0\r\n\r\n"), "CRLF."),
    "C8-lf-in-extension": (chunks(b"5;a\nhello\r\n0\r\n\r\n"), "CRLF."),
    "C8-cr-in-extension": (chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n"), "CRLF."),
    "C8-nothing-after-data": (chunks(b"5\r\nhello0\r\n\r\n"), "CRLF."),
    "C8-longer-than-its-size": (chunks(b"5\r\nhello!\r\n0\r\n\r\n"), "What is over is no chunk."),
    "C8-shorter-than-its-size": (chunks(b"6\r\nhello\r\n0\r\n\r\n"), "What is missing is taken from the next line."),
    "C8-lf-after-last": (chunks(b"5\r\nhello\r\n0\n\r\n"), "CRLF."),
    "C8-lf-for-the-end": (chunks(b"5\r\nhello\r\n0\r\n\n"), "CRLF."),
    "C8-extension-without-name": (chunks(b"5;\r\nhello\r\n0\r\n\r\n"), "9112 7.1.1."),
    "C8-extension-with-control": (chunks(b"5;a=\x01\r\nhello\r\n0\r\n\r\n"), "9112 7.1.1."),
    "C8-extension-with-open-quote": (chunks(b'5;a="b\r\nhello\r\n0\r\n\r\n'), "9112 7.1.1."),
    "C8-extension-too-long": (chunks(b"5;" + b"a" * 5_000 + b"\r\nhello\r\n0\r\n\r\n"), "Bounded."),
    "C8-extensions-without-end": (chunks(b"5;" + b"a" * 70_000), "No need to wait for the end of the line."),
    "C9-trailer": (
        call(b"Transfer-Encoding: chunked", b"Trailer: X-Sum", body=b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        "Dropped, and never merged (9110 6.5.1).",
    ),
    "C9-framing": (chunks(b"5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: x\r\n\r\n"), "Dropped."),
    "C9-routing": (chunks(b"5\r\nhello\r\n0\r\nHost: elsewhere.example\r\n\r\n"), "Dropped."),
    "C9-credentials": (chunks(b"5\r\nhello\r\n0\r\nAuthorization: Bearer x\r\nX-Api-Key: y\r\n\r\n"), "Dropped."),
    "C9-ours": (chunks(b"5\r\nhello\r\n0\r\nX-Relay-Tenant: other\r\n\r\n"), "Dropped."),
    "C9-no-colon": (chunks(b"5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n"), "Not a field."),
    "C9-space-before-colon": (chunks(b"5\r\nhello\r\n0\r\nX-Sum : 1\r\n\r\n"), "9112 5.1."),
    "C9-folded": (chunks(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n 2\r\n\r\n"), "9112 5.2."),
    "C9-control": (chunks(b"5\r\nhello\r\n0\r\nX-Sum: \x01\r\n\r\n"), "9110 5.5."),
    "C9-nul": (chunks(b"5\r\nhello\r\n0\r\nX-Sum: \x00\r\n\r\n"), "9110 5.5."),
    "C9-lf": (chunks(b"5\r\nhello\r\n0\r\nX-Sum: 1\n\r\n"), "CRLF."),
    "C9-too-many": (chunks(b"5\r\nhello\r\n0\r\n" + b"X-Sum: 1\r\n" * 2_000 + b"\r\n"), "Bounded."),
    "C10-less-than-its-length": (length(b"10"), "Unfinished: nothing whole goes upstream."),
    "C10-no-last-chunk": (chunks(b"5\r\nhello\r\n"), "Unfinished: nothing whole goes upstream."),
    "C10-cut-in-a-chunk": (chunks(b"5\r\nhel"), "Unfinished: nothing whole goes upstream."),
    "C10-cut-in-trailers": (chunks(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n"), "Unfinished: nothing whole goes upstream."),
    "C10-cut-in-the-head": (get(PATH)[:-2], "Unfinished: no request at all."),
    "C10-nothing": (b"", "No request at all."),
}

_HOPS: Final = {
    "C12-named-fields": (get(PATH, b"Connection: keep-alive, X-Hop", b"X-Hop: 1", b"X-Stays: 2"), "9110 7.6.1."),
    "C12-named-in-two": (
        get(PATH, b"Connection: X-One", b"X-One: 1", b"connection: x-two", b"X-Two: 2"),
        "9110 7.6.1.",
    ),
    "C12-all-of-the-hop": (
        get(PATH, b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"TE: trailers", b"Trailer: X-A"),
        "9110 7.6.1.",
    ),
    "C12-proxy-credentials": (
        get(PATH, b"Proxy-Authorization: Basic eDp5", b"Proxy-Authenticate: Basic", b"Proxy-Authentication-Info: x"),
        "For a proxy, and we are none.",
    ),
    "C12-names-what-frames": (post(b"Connection: Content-Length, Host, Content-Type"), "Framing and routing stay."),
    "C12-names-the-key": (get(PATH, b"Connection: X-Api-Key, Authorization"), "The key still proves who calls."),
    "C12-names-our-via": (get(PATH, b"Connection: Via"), "Ours is added after that."),
    "C12-close": (get(PATH, b"Connection: close"), "Answered, then closed."),
    "C12-close-among-others": (get(PATH, b"Connection: X-A, CLOSE"), "Answered, then closed."),
    "C12-empty": (get(PATH, b"Connection:"), "Names nothing."),
    "C13-h2c": (
        get(PATH, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        "Never forwarded; answered in HTTP/1.1.",
    ),
    "C13-h2c-not-named": (get(PATH, b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"), "Never forwarded."),
    "C13-websocket": (
        get(PATH, b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
        "Never forwarded; answered in HTTP/1.1.",
    ),
    "C13-connect": (line(b"CONNECT localhost:443 HTTP/1.1"), "No tunnel."),
    "C13-trace": (get(PATH, method=b"TRACE"), "No mirror."),
    "C13-trace-with-credentials": (get(PATH, b"Cookie: a=b", method=b"TRACE"), "No mirror."),
    "C13-trace-max-forwards-0": (get(PATH, b"Max-Forwards: 0", method=b"TRACE"), "No mirror, be it ours."),
    "C13-max-forwards-5": (get(PATH, b"Max-Forwards: 5", method=b"OPTIONS"), "Sent on as 4 (9110 7.6.2)."),
    "C13-max-forwards-0": (get(PATH, b"Max-Forwards: 0", method=b"OPTIONS"), "Answered here (9110 7.6.2)."),
    "C13-max-forwards-no-number": (get(PATH, b"Max-Forwards: -1", method=b"OPTIONS"), "1*DIGIT."),
    "C13-max-forwards-in-get": (get(PATH, b"Max-Forwards: 0"), "Means something in TRACE and OPTIONS only."),
    "C14-loop": (get(PATH, b"Via: 1.1 relay"), "It came through us before."),
    "C14-loop-further-back": (get(PATH, b"Via: 1.0 a, 1.1 RELAY (x), 1.1 b"), "It came through us before."),
    "C14-loop-in-the-second": (get(PATH, b"Via: 1.1 a", b"Via: 1.1 relay"), "It came through us before."),
    "C14-another-proxy": (get(PATH, b"Via: 1.1 relay-2 (relay)"), "Another one, and kept."),
    "C14-forwarded": (get(PATH, b"Forwarded: for=192.0.2.1;proto=https"), "Never passed on."),
    "C14-x-forwarded": (
        get(
            PATH, *[b"X-Forwarded-%b: x" % name for name in (b"For", b"Host", b"Proto", b"Port", b"Client-Cert", b"By")]
        ),
        "Never passed on.",
    ),
    "C14-other-addresses": (
        get(
            PATH,
            *[b"X-Real-IP: 192.0.2.1", b"X-Client-IP: 192.0.2.1", b"True-Client-IP: 192.0.2.1"],
            *[b"CF-Connecting-IP: 192.0.2.1", b"X-Azure-ClientIP: 192.0.2.1", b"X-Azure-SocketIP: 192.0.2.1"],
            *[b"X-Cluster-Client-IP: 192.0.2.1", b"X-Original-Forwarded-For: 192.0.2.1", b"Client-IP: 192.0.2.1"],
            *[b"X-ProxyUser-IP: 192.0.2.1", b"Fastly-Client-IP: 192.0.2.1", b"X-Envoy-External-Address: 192.0.2.1"],
        ),
        "VECOZO sees nothing of the caller's address.",
    ),
    "C15-path-and-query": (
        get(PATH + b"/A%20b;c=1/~x/(y)'!$&*+,=:@?q=a+b&Empty=&%C3%A9=%ff?/../&u=http://x//y&crlf=%0d%0a"),
        "Octet by octet; dots and slashes are plain in a query.",
    ),
    "C15-empty-query": (get(PATH + b"?"), "Octet by octet."),
    "C15-characters-left-unescaped": (
        get(PATH + b"/$metadata(x='1')[0]|{y}^`"),
        "Sent by real clients; octet by octet.",
    ),
    "C15-upper-case-escapes": (get(PATH + b"/%C3%a9%7e%41"), "Octet by octet."),
    "C15-slash-at-the-end": (get(PATH + b"/"), "Octet by octet."),
    "C15-range-and-etag": (
        get(PATH, b"Range: bytes=0-", b'If-Range: "a"', b'If-None-Match: W/"b", "c"', b"Accept-Encoding: gzip, br;q=0"),
        "Untouched.",
    ),
    "C15-content-coding": (post(b"Content-Encoding: gzip", body=b"\x1f\x8b\x08\x00\xff\r\n\r\n\x00"), "Untouched."),
    "C15-every-octet": (post(body=bytes(range(256)) * 8), "Untouched."),
    "C16-ours": (
        get(PATH, b"X-Relay-Tenant: linde", b"X-Relay-Cause: x", b"X-RELAY-Anything: y", b"Proxy-Status: relay"),
        "Names of ours go no further.",
    ),
    "C16-another-tenant": (get(PATH, b"X-Relay-Tenant: elsewhere"), "Not bound to it."),
    "C16-tenant-under-another-name": (get(PATH, b"X-Relay-Tenant2: elsewhere"), "A name is matched whole; dropped."),
    "C16-authorization-not-consumed": (
        get(PATH, b"Authorization: Bearer for.vecozo.itself"),
        "Not ours, so it travels.",
    ),
    "C16-cookie": (get(PATH, b"Cookie: session=x"), "Not ours, so it travels."),
    "C17-unknown-expectation": (post(b"Expect: 200-ok"), "9110 10.1.1."),
    "C17-two-expectations": (post(b"Expect: 100-continue, gzip"), "9110 10.1.1."),
    "C17-empty-expectation": (post(b"Expect:"), "9110 10.1.1: nothing that we know."),
    "C17-body-sent-anyway": (post(b"Expect: 100-continue"), "Consumed here; no 100 once the body is here."),
    "C17-without-body": (get(PATH, b"Expect: 100-continue"), "Consumed here; nothing to wait for."),
    "C17-in-1.0": (
        call(b"Expect: 100-continue", b"Content-Length: 5", line=b"POST %b HTTP/1.0" % PATH, body=b"hello"),
        "Ignored there: HTTP/1.0 knows no 100.",
    ),
    "C17-no-route": (post(b"Expect: 100-continue", target=b"/nowhere")[:-5], "The head decides, so no 100."),
    "C17-wrong-tenant": (post(b"Expect: 100-continue", b"X-Relay-Tenant: x")[:-5], "The head decides, so no 100."),
    "C17-too-large": (call(b"Expect: 100-continue", b"Content-Length: 999999999"), "The head decides, so no 100."),
    "C21-too-large": (length(b"999999999", b"x" * 20_000), "Answered while the body is still coming."),
    "C21-too-large-in-chunks": (
        chunks((b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 9 + b"0\r\n\r\n"),
        "Answered while the body is still coming.",
    ),
    "C20-pair": (get(PATH + b"/1") + get(PATH + b"/2"), "Sent together, answered in order (9112 9.3.2)."),
    "C20-pair-of-posts": (post(body=b"1") + post(body=b"22"), "Sent together, answered in order."),
    "C20-refused-in-between": (get(PATH) + get(b"/nowhere") + get(PATH), "The line stays in step."),
    "C20-unsafe-in-between": (get(PATH) + get(b"/acc/cov/../x") + get(PATH), "The line stays in step."),
    "C20-malformed-second": (get(PATH) + field(b"X A: b") + get(PATH), "Nothing after it is read."),
    "C20-close-then-more": (get(PATH, b"Connection: close") + get(PATH), "Nothing after it is read (9112 9.6)."),
    "C20-1.0-then-more": (call(line=b"GET %b HTTP/1.0" % PATH) + get(PATH), "HTTP/1.0 closes (9112 9.3)."),
    "C20-1.0-kept": (
        call(b"Connection: keep-alive", line=b"GET %b HTTP/1.0" % PATH) + get(PATH, b"Connection: close"),
        "Unless it asks otherwise.",
    ),
    "C20-crlf-in-between": (post() + b"\r\n" + post(), "Old clients send one after a body (9112 2.2)."),
}

_ORDINARY: Final = {
    "C15-wcf-basic-http": (
        post(
            b"Content-Type: text/xml; charset=utf-8",
            b'SOAPAction: "http://schemas.vecozo.nl/VZ801802/v1/ControleerVerzekeringsrecht"',
            b"VsDebuggerCausalityData: uIDPo5F/qXRc4YJImqB6Ard30cQAAAAA",
            b"Accept-Encoding: gzip, deflate",
            b"Connection: Keep-Alive",
            body=SOAP,
        ),
        "A WCF client on .NET Framework.",
    ),
    "C15-wcf-ws-http": (
        post(b'Content-Type: application/soap+xml; charset=utf-8; action="urn:x"', body=SOAP),
        "A WCF client in SOAP 1.2.",
    ),
    "C15-plugin-httpclient": (
        coded(
            b"Content-Type: text/xml; charset=utf-8",
            b'SOAPAction: ""',
            b"Request-Id: |7b6f2d.1",
            b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            b"Transfer-Encoding: chunked",
            body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(SOAP), SOAP),
        ),
        "A Dataverse plugin's HttpClient with a stream for content.",
    ),
    "C15-power-automate": (
        post(
            b"User-Agent: azure-logic-apps/1.0,(workflow 0; version 1) microsoft-flow/1.0",
            b"x-ms-workflow-id: 0",
            b"x-ms-client-tracking-id: 1",
            b"x-ms-execution-location: westeurope",
            b"Accept-Language: en-US",
            b"Content-Type: application/json; charset=utf-8",
            body=b'{"a":1}',
        ),
        "The HTTP action of a flow.",
    ),
    "C15-business-central": (
        post(
            b"Accept: */*",
            b"User-Agent: Dynamics 365 Business Central/25.0",
            b"Content-Type: text/xml",
            body=SOAP,
        ),
        "AL's HttpClient.",
    ),
    "C15-x-plus-plus": (
        call(
            b"Content-Type: text/xml; charset=utf-8",
            b"SOAPAction: urn:unquoted",
            b"Cache-Control: no-cache",
            b"Pragma: no-cache",
            b"Content-Length: %d" % len(SOAP),
            body=SOAP,
        ),
        "Finance and Operations, with an action that is not quoted.",
    ),
    "C15-attachments": (
        post(
            b'Content-Type: multipart/related; type="application/xop+xml"; boundary="b"',
            body=b"--b\r\n\r\n<x/>\r\n--b--\r\n",
        ),
        "MTOM.",
    ),
    "C15-90000-octets": (post(body=b"x" * 90_000), "Within the limit."),
    "C15-put": (post(method=b"PUT"), "As any other."),
    "C15-patch": (post(method=b"PATCH"), "As any other."),
    "C15-delete": (get(PATH, method=b"DELETE"), "As any other."),
    "C15-head": (get(PATH, method=b"HEAD"), "As any other, with an answer that has no body."),
    "C15-options": (get(PATH, b"Access-Control-Request-Method: POST", method=b"OPTIONS"), "As any other."),
    "C15-in-1.0": (
        call(b"Content-Length: 5", line=b"POST %b HTTP/1.0" % PATH, body=b"hello"),
        "Old clients; sent on in 1.1.",
    ),
}

OWN: Final = (
    *[
        Row(name, (octets,), why)
        for rows in (_HEADS, _BODIES, _HOPS, _ORDINARY)
        for name, (octets, why) in rows.items()
    ],
    Row("C1-one-octet-at-a-time", (post(b"X-A: b"),), "Octets come as they come.", piece=1),
    Row(
        "C8-one-octet-at-a-time",
        (chunks(b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),),
        "Octets come as they come.",
        piece=1,
    ),
    Row(
        "C8-prefix-in-pieces",
        (chunks(b"5\r\nhello\r\n0x5\r\nhello\r\n0\r\n\r\n"),),
        "1*HEXDIG, whenever it comes.",
        piece=16,
    ),
    Row(
        "C8-chunks-of-one-octet",
        (chunks(b"".join(b"1\r\n%c\r\n" % octet for octet in SOAP) + b"0\r\n\r\n"),),
        "The chunked upload of somebody who never buffers.",
        piece=6,
    ),
    Row("C17-continue", (post(b"Expect: 100-continue")[:-5], b"hello"), "WCF waits for it before it sends its body."),
    Row(
        "C17-continue-with-chunks",
        (coded(b"expect: 100-Continue", b"Transfer-Encoding: chunked", body=b""), b"5\r\nhello\r\n0\r\n\r\n"),
        "Expectations know no case.",
    ),
    Row("C20-one-after-the-other", (get(PATH + b"/1"), post(), get(PATH + b"/3")), "A kept connection."),
    Row("C20-after-a-refusal", (get(b"/nowhere"), get(PATH)), "A refusal that leaves no doubt keeps the connection."),
    Row("C22-gone-in-its-body", (length(b"10", b""),), "It leaves: nothing whole goes upstream."),
)
