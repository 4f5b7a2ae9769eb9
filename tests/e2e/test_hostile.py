"""Peers that mean no good, on raw sockets: they are refused or cut off, and others are served meanwhile."""

import socket

import pytest

import server
from clients import Person

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


def still_serves(iamd):
    """That an honest client is served at once."""
    assert iamd.get("/-/health") == (200, "ok\n")
    assert Person(iamd, iamd.root).sts.get_caller_identity()["Arn"].endswith(":root")


def answer(iamd, sent, ended=False):
    """What the server answers until it closes; empty when it only closes."""
    parts = []
    with socket.create_connection(iamd.address, 60) as peer:
        try:
            peer.sendall(sent)
            if ended:
                peer.shutdown(socket.SHUT_WR)
            while part := peer.recv(65536):
                parts.append(part)
        except ConnectionError:
            # Cut off while it was still sending.
            pass
    return b"".join(parts)


def status(answered):
    return int(answered.split()[1]) if answered.startswith(b"HTTP/1.1 ") else None


def test_ten_thousand_headers(durable):
    many = b"".join(b"x-h-%d: %d\r\n" % (number, number) for number in range(10_000))
    assert status(answer(durable, HEAD + many + b"\r\n")) in (400, 431, None)
    long = b"x-long: " + b"a" * 1_000_000 + b"\r\n"
    assert status(answer(durable, HEAD + long + b"\r\n")) in (400, 431, None)
    target = b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert status(answer(durable, target)) in (400, 414, 431, None)
    still_serves(durable)


def test_a_truncated_body(durable):
    promised = HEAD + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nAction=ListUsers"
    assert status(answer(durable, promised, ended=True)) in (400, None)
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nAction"
    assert status(answer(durable, chunked, ended=True)) in (400, None)
    still_serves(durable)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00" * 4096,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 500,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 400,
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzzzz\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
        b"POST http://other.example/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        b"GET /\x00\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:24]),
)
def test_garbage(durable, sent):
    answered = status(answer(durable, sent, ended=True))
    assert answered is None or 400 <= answered < 500
    still_serves(durable)


def test_a_body_that_is_too_long(durable):
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    answered = answer(durable, HEAD + form + b"Content-Length: 20000000\r\n\r\n" + b"a" * 3_000_000, ended=True)
    assert status(answered) == 413 and b"<Code>RequestEntityTooLarge</Code>" in answered
    # A form of SAML metadata may be as long as this one, which asks for nothing.
    answered = answer(durable, HEAD + form + b"Content-Length: 3000000\r\n\r\n" + b"a" * 3_000_000, ended=True)
    assert status(answered) == 403 and b"<Code>MissingAuthenticationToken</Code>" in answered
    still_serves(durable)


def test_refusals_are_in_the_protocol_of_the_head(durable):
    """What is refused before it is read is refused in words that the client's SDK reads."""
    scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260212/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
    too_long = "Content-Length: 20000000\r\n"
    ask = lambda line, service, more: answer(
        durable,
        f"{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {scope.format(service)}\r\n{more}\r\n".encode(),
        ended=True,
    )
    answered = ask("POST /policy/validation", "access-analyzer", too_long)
    # That service has no other error for it in its model.
    assert status(answered) == 400 and b"\r\nx-amzn-errortype: ValidationException\r\n" in answered
    assert answered.endswith(b"}") and b'{"message":"the request body is longer than 1048576 bytes"' in answered
    answered = ask("POST /", "sts", too_long + "Accept: application/json\r\n")
    assert status(answered) == 413 and b'"Code":"RequestEntityTooLarge"' in answered
    answered = ask("POST /", "iam", too_long)
    assert status(answered) == 413 and b"<ErrorResponse" in answered
    answered = ask("POST /-/authorize", "iam", too_long)
    assert status(answered) == 400 and b'{"message":"the request body is longer than ' in answered
    answered = ask("PUT /bucket/key", "s3", "Host: other\r\nContent-Length: 0\r\n")
    assert status(answered) == 400 and b"<Error><Code>InvalidArgument</Code>" in answered
    assert b"\r\nx-amz-request-id: " in answered and b"<ErrorResponse" not in answered
    still_serves(durable)


def test_slow_peers_are_cut_off_and_hold_up_nobody(durable):
    """Three hundred peers that send a head byte by byte, or nothing; the limit is ten seconds for a head."""
    peers = [socket.create_connection(durable.address, 60) for _ in range(300)]
    try:
        for number, peer in enumerate(peers):
            peer.sendall(HEAD[: number % len(HEAD)])
        for _ in range(20):
            still_serves(durable)
        for peer in peers:
            peer.settimeout(server.DEADLINE)
            try:
                # Either nothing before the end, or a refusal.
                assert status(peer.recv(4096)) in (408, 400, None)
            except ConnectionError:
                pass
    finally:
        for peer in peers:
            peer.close()
    still_serves(durable)


def test_a_signature_of_all_shapes(durable):
    """Authorization headers that say nothing: refused, each with a code of AWS's."""
    for value in (
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 Credential=",
        b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=" + b"0" * 64,
        b"AWS4-HMAC-SHA256 " + b"Credential=a," * 1000,
        b"AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl",
        b"Bearer eyJhbGciOiJub25lIn0.e30.",
        b"Basic YTpi",
        b"\xff\xfe",
    ):
        body = b"Action=ListUsers&Version=2010-05-08"
        head = HEAD + b"Authorization: " + value + b"\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        answered = answer(durable, head + b"Content-Length: %d\r\n\r\n" % len(body) + body, ended=True)
        assert status(answered) in (400, 403), (value, answered)
        assert b"<Code>" in answered and b"<UserName>" not in answered
    still_serves(durable)
