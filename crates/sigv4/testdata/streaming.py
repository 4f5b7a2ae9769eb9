"""Makes `streaming/*.jsonl`: S3 requests with bodies in chunks, and what must come out of them.

`published` has the two worked examples of the S3 API reference, with the signatures printed
there. `botocore` has bodies written by botocore's own chunk encoder. `hostile` has bodies that
must be refused. Signatures of chunks are computed here, from the documentation, for botocore
signs none. Bodies are lists of [text, times], so that they stay readable.

    python3 streaming.py        # needs botocore, see the end-to-end tests' requirements
"""

import hashlib
import hmac
import io
import json
import pathlib

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum, Sha256Checksum

HERE = pathlib.Path(__file__).parent / "streaming"
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DATE, TIME, SCOPE = "20130524", "20130524T000000Z", "20130524/us-east-1/s3/aws4_request"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256)


def signing_key():
    key = ("AWS4" + SECRET).encode()
    for part in (DATE, "us-east-1", "s3", "aws4_request"):
        key = mac(key, part).digest()
    return key


def chunk_signature(previous, data):
    data = hashlib.sha256(data).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", TIME, SCOPE, previous, EMPTY, data])
    return mac(signing_key(), text).hexdigest()


def trailer_signature(previous, lines):
    lines = hashlib.sha256(lines).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256-TRAILER", TIME, SCOPE, previous, lines])
    return mac(signing_key(), text).hexdigest()


def expand(body):
    return "".join(text * times for text, times in body).encode("latin-1")


def head(kind, length, more=(), host="s3.amazonaws.com", target="/examplebucket/chunkObject.txt"):
    """Headers and signature of the request. All are signed."""
    headers = [
        ("Host", host),
        ("x-amz-date", TIME),
        ("x-amz-content-sha256", kind),
        *([("x-amz-decoded-content-length", str(length))] if length is not None else []),
        *more,
    ]
    request = AWSRequest(method="PUT", url=f"https://{host}{target}", headers=dict(headers))
    request.context["timestamp"] = TIME
    auth = S3SigV4Auth(Credentials(KEY, SECRET), "s3", "us-east-1")
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    names = ";".join(sorted(name.lower() for name, _ in headers))
    authorization = f"AWS4-HMAC-SHA256 Credential={KEY}/{SCOPE},SignedHeaders={names},Signature={signature}"
    request = {"method": "PUT", "target": target, "headers": [*headers, ("Authorization", authorization)]}
    return request, signature


def vector(id, request, body, error=None, refused=None, data=None, trailer=None, secret=SECRET):
    made = {"id": id, "now": TIME, "secret": secret, "request": request, "body": body}
    if refused:
        made["expect"] = {"refused": refused}
    elif error:
        made["expect"] = {"error": error}
    else:
        data = expand(data)
        made["expect"] = {"length": len(data), "sha256": hashlib.sha256(data).hexdigest(), "trailer": trailer}
    return made


def signed(seed, *chunks, trailer=None, ends="\r\n"):
    """A body in signed chunks; each chunk a list of [text, times]."""
    body, previous = [], seed
    for chunk in [*chunks, []]:
        data = expand(chunk)
        previous = chunk_signature(previous, data)
        body += [[f"{len(data):x};chunk-signature={previous}\r\n", 1], *chunk]
        body += [["\r\n", 1]] if chunk else []
    if trailer is not None:
        line = f"{trailer[0]}:{trailer[1]}\n" if trailer else ""
        previous = trailer_signature(previous, line.encode())
        if trailer:
            body += [[f"{trailer[0]}:{trailer[1]}{ends}", 1]]
        body += [[f"x-amz-trailer-signature:{previous}\r\n", 1]]
    return [*body, ["\r\n", 1]]


A64K, A1K = [["a", 65536]], [["a", 1024]]
CRC32C = ("x-amz-checksum-crc32c", "sOO8/Q==")


def published():
    more = (("content-encoding", "aws-chunked"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"))
    request, seed = head(SIGNED, 66560, (*more, ("content-length", "66824")))
    assert seed == "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    body = signed(seed, A64K, A1K)
    text = expand(body).decode()
    for signature in [
        "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]:
        assert signature in text, signature
    assert len(text) == 66824
    yield vector("chunks", request, body, data=[*A64K, *A1K])

    request, seed = head(SIGNED_TRAILER, 66560, (*more, ("x-amz-trailer", CRC32C[0])))
    assert seed == "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    body = signed(seed, A64K, A1K, trailer=CRC32C)
    text = expand(body).decode()
    for signature in [
        "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
    ]:
        assert signature in text, signature
    yield vector("trailer", request, body, data=[*A64K, *A1K], trailer=CRC32C)


def botocore():
    for name, data, kind, size in [
        ("empty", [], Crc32Checksum, None),
        ("small", [["hello", 1]], Crc32Checksum, None),
        ("sha256", [["hello world\n", 3000]], Sha256Checksum, 16384),
        ("megabyte", [["0123456789abcdef", 65536 + 1]], Crc32Checksum, None),
    ]:
        algorithm = {Crc32Checksum: "crc32", Sha256Checksum: "sha256"}[kind]
        header = f"x-amz-checksum-{algorithm}"
        raw = expand(data)
        request, _ = head(UNSIGNED_TRAILER, len(raw), (("x-amz-trailer", header),))
        wrapped = AwsChunkedWrapper(io.BytesIO(raw), kind, header, size).read()
        checksum = kind()
        checksum.update(raw)
        value = checksum.b64digest()
        body = [[part, 1] for part in [wrapped.decode("latin-1")]]
        if name == "megabyte":
            split = [["100000\r\n", 1], ["0123456789abcdef", 65536], ["\r\n10\r\n0123456789abcdef\r\n", 1]]
            split += [[f"0\r\n{header}:{value}\r\n\r\n", 1]]
            assert expand(split) == wrapped
            body = split
        yield vector(f"unsigned-{name}", request, body, data=data, trailer=(header, value))


def more():
    """What other clients send."""
    request, seed = head(SIGNED, 0)
    yield vector("signed-empty", request, signed(seed), data=[])
    request, seed = head(SIGNED, 3)
    yield vector("signed-small", request, signed(seed, [["abc", 1]]), data=[["abc", 1]])
    request, seed = head(SIGNED, 3 << 20)
    yield vector("signed-large-chunk", request, signed(seed, [["abc", 1 << 20]]), data=[["abc", 1 << 20]])
    request, seed = head(SIGNED_TRAILER, 3, (("x-amz-trailer", "X-Amz-Checksum-Crc32"),))
    crc = ("x-amz-checksum-crc32", "NSRBwg==")
    yield vector("trailer-name-case", request, signed(seed, [["abc", 1]], trailer=crc), data=[["abc", 1]], trailer=crc)
    body = signed(seed, [["abc", 1]], trailer=crc, ends="\n\r\n")
    yield vector("trailer-as-minio-go-ends-it", request, body, data=[["abc", 1]], trailer=crc)
    request, seed = head(SIGNED_TRAILER, 3)
    yield vector("trailer-of-nothing", request, signed(seed, [["abc", 1]], trailer=()), data=[["abc", 1]])
    request, _ = head(UNSIGNED_TRAILER, 3)
    yield vector("unsigned-trailer-of-nothing", request, [["3\r\nabc\r\n0\r\n\r\n", 1]], data=[["abc", 1]])
    request, _ = head(UNSIGNED_TRAILER, 11)
    yield vector("upper-case-size", request, [["B\r\nhello world\r\n0\r\n\r\n", 1]], data=[["hello world", 1]])
    anonymous = {"method": "PUT", "target": "/examplebucket/k", "headers": [["Host", "localhost"]]}
    chunked = [*anonymous["headers"], ["x-amz-content-sha256", UNSIGNED_TRAILER], ["x-amz-decoded-content-length", "3"]]
    yield vector("anonymous", anonymous, [["abc", 1]], data=[["abc", 1]], secret=None)
    yield vector("anonymous-chunked", {**anonymous, "headers": chunked}, [["3\r\nabc\r\n0\r\n\r\n", 1]], data=[["abc", 1]], secret=None)
    for name, declared in [("sha256", hashlib.sha256(b"abc").hexdigest()), ("unsigned", "UNSIGNED-PAYLOAD")]:
        request, _ = head(declared, None)
        yield vector(f"plain-{name}", request, [["abc", 1]], data=[["abc", 1]])
    request, _ = head(EMPTY, None)
    yield vector("plain-empty", request, [], data=[])


def hostile():
    big = [["a", 8192]]
    # Heads.
    for name, kind, length, extra, code in [
        ("no-decoded-length", SIGNED, None, (), "MissingContentLength"),
        ("decoded-length-signed-number", SIGNED, "+3", (), "IncompleteSignature"),
        ("decoded-length-hex", SIGNED, "0x3", (), "IncompleteSignature"),
        ("decoded-length-huge", SIGNED, "99999999999999999999999", (), "IncompleteSignature"),
        ("ecdsa", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", 3, (), "NotImplemented"),
        ("ecdsa-trailer", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", 3, (), "NotImplemented"),
        ("unknown-streaming", "STREAMING-UNSIGNED-PAYLOAD", 3, (), "InvalidArgument"),
        ("lower-case", SIGNED.lower(), 3, (), "InvalidArgument"),
        ("two-trailers", SIGNED_TRAILER, 3, (("x-amz-trailer", "x-amz-checksum-crc32,x-amz-checksum-sha1"),), "InvalidRequest"),
        ("trailer-no-checksum", SIGNED_TRAILER, 3, (("x-amz-trailer", "x-amz-acl"),), "InvalidRequest"),
        ("trailer-nameless", SIGNED_TRAILER, 3, (("x-amz-trailer", "x-amz-checksum-"),), "InvalidRequest"),
        ("trailer-without-trailer", SIGNED, 3, (("x-amz-trailer", "x-amz-checksum-crc32"),), "InvalidRequest"),
        ("trailer-of-plain-body", "UNSIGNED-PAYLOAD", None, (("x-amz-trailer", "x-amz-checksum-crc32"),), "InvalidRequest"),
    ]:
        request, seed = head(kind, length, extra)
        yield vector(f"head-{name}", request, signed(seed, [["abc", 1]]), refused=code)
    request, seed = head(SIGNED, 3)
    forged = json.loads(json.dumps(request))
    forged["headers"][-1][1] = forged["headers"][-1][1][:-1] + "x"
    yield vector("head-signature", forged, signed(seed, [["abc", 1]]), refused="SignatureDoesNotMatch")
    anonymous = {"method": "PUT", "target": "/b/k", "headers": [["Host", "h"], ["x-amz-content-sha256", SIGNED], ["x-amz-decoded-content-length", "3"]]}
    yield vector("anonymous-signed-chunks", anonymous, signed(seed, [["abc", 1]]), refused="InvalidArgument", secret=None)

    # Signed chunks.
    good = signed(seed, [["abc", 1]])
    text = expand(good).decode()
    edits = {
        "data-changed": (text.replace("abc", "abd"), "SignatureDoesNotMatch"),
        "signature-changed": (text[:18] + "0" * 64 + text[82:], "SignatureDoesNotMatch"),
        "signature-upper-case": (text[:18] + text[18:82].upper() + text[82:], "SignatureDoesNotMatch"),
        "signature-of-another-chunk": (text[:18] + chunk_signature(chunk_signature(seed, b"abc"), b"abc") + text[82:], "SignatureDoesNotMatch"),
        "no-signature": ("3\r\nabc\r\n0\r\n\r\n", "InvalidRequest"),
        "no-last-chunk": (text[: text.index("0;chunk", 80)], "IncompleteBody"),
        "last-chunk-unsigned": (text[: text.index("\r\n0;chunk", 80)] + "\r\n0\r\n\r\n", "InvalidRequest"),
        "last-chunk-forged": (text[:-8] + "0000\r\n\r\n", "SignatureDoesNotMatch"),
        "last-blank-line-missing": (text[:-2], "IncompleteBody"),
        "cut-in-data": (text[:86], "IncompleteBody"),
        "empty": ("", "IncompleteBody"),
        "bytes-after-end": (text + "x", "InvalidRequest"),
        "second-body-after-end": (text + text, "InvalidRequest"),
        "size-with-prefix": ("0x" + text, "InvalidRequest"),
        "size-with-sign": ("+" + text, "InvalidRequest"),
        "size-with-blank": (" " + text, "InvalidRequest"),
        "size-empty": (text[1:], "InvalidRequest"),
        "size-too-long": ("0" * 16 + text, "InvalidRequest"),
        "size-over": ("f" * 16 + text[1:], "IncompleteBody"),
        "size-shorter-than-data": ("2" + text[1:], "SignatureDoesNotMatch"),
        "bare-line-feeds": (text.replace("\r\n", "\n"), "InvalidRequest"),
        "other-extension": (text.replace(";chunk-signature", ";signature", 1), "InvalidRequest"),
        "two-extensions": (text.replace("\r\nabc", ";a=b\r\nabc"), "SignatureDoesNotMatch"),
        "long-header": ("0" * 4096, "InvalidRequest"),
        "trailer-not-announced": (text[:-2] + "x-amz-checksum-crc32:NSRBwg==\r\n\r\n", "InvalidRequest"),
        "plain-body": ("abc", "IncompleteBody"),
    }
    for name, (edited, code) in edits.items():
        yield vector(f"signed-{name}", request, [[edited, 1]] if edited else [], error=code)
    for name, length, chunks, code in [
        ("more-than-declared", 2, ([["abc", 1]],), "IncompleteBody"),
        ("less-than-declared", 4, ([["abc", 1]],), "IncompleteBody"),
        ("small-chunk", 3 + 8192, ([["abc", 1]], big), "InvalidChunkSizeError"),
        ("small-chunk-later", 8192 + 8191 + 1, (big, [["a", 8191]], [["a", 1]]), "InvalidChunkSizeError"),
    ]:
        request, seed = head(SIGNED, length)
        yield vector(f"signed-{name}", request, signed(seed, *chunks), error=code)
    request, seed = head(SIGNED, 2 * 8192)
    first, second = signed(seed, big, [["b", 8192]])[0:3], signed(seed, big, [["b", 8192]])[3:6]
    last = signed(seed, big, [["b", 8192]])[6:]
    yield vector("signed-chunks-swapped", request, [*second, *first, *last], error="SignatureDoesNotMatch")
    yield vector("signed-chunk-twice", request, [*first, *first, *last], error="SignatureDoesNotMatch")
    yield vector("signed-chunk-dropped", request, [*first, *last], error="IncompleteBody")

    # Trailers.
    crc = ("x-amz-checksum-crc32", "NSRBwg==")
    request, seed = head(SIGNED_TRAILER, 3, (("x-amz-trailer", crc[0]),))
    text = expand(signed(seed, [["abc", 1]], trailer=crc)).decode()
    line = f"{crc[0]}:{crc[1]}\r\n"
    start = text.index(line)
    signature = text[start + len(line) : -2]
    edits = {
        "value-changed": (text.replace("NSRBwg==", "NSRBwh=="), "SignatureDoesNotMatch"),
        "signature-changed": (text[:-5] + "0\r\n\r\n", "SignatureDoesNotMatch"),
        "signature-missing": (text[: start + len(line)] + "\r\n", "MalformedTrailerError"),
        "signature-twice": (text[:-2] + signature + "\r\n", "MalformedTrailerError"),
        "header-missing": (text[:start] + signature + "\r\n", "MalformedTrailerError"),
        "header-twice": (text[:start] + line + text[start:], "MalformedTrailerError"),
        "header-after-signature": (text[:start] + signature + line + "\r\n", "MalformedTrailerError"),
        "other-header": (text.replace("checksum-crc32", "checksum-sha1"), "MalformedTrailerError"),
        "acl": (text[:start] + "x-amz-acl:public-read\r\n" + text[start:], "MalformedTrailerError"),
        "no-colon": (text.replace("crc32:", "crc32 "), "MalformedTrailerError"),
        "empty-value": (text.replace("NSRBwg==", ""), "MalformedTrailerError"),
        "long-value": (text.replace("NSRBwg==", "A" * 129), "MalformedTrailerError"),
        "long-line": (text.replace("NSRBwg==", "A" * 4096), "InvalidRequest"),
        "value-with-blank": (text.replace("NSRBwg==", "NSR Bwg="), "MalformedTrailerError"),
        "missing": (text[:start] + "\r\n", "MalformedTrailerError"),
        "cut": (text[:start], "IncompleteBody"),
        "no-blank-line": (text[:-2], "IncompleteBody"),
        "bytes-after-end": (text + "\r\n", "InvalidRequest"),
        "bare-line-feeds": (text[:start] + text[start:].replace("\r\n", "\n"), "MalformedTrailerError"),
    }
    for name, (edited, code) in edits.items():
        yield vector(f"trailer-{name}", request, [[edited, 1]], error=code)

    request, _ = head(UNSIGNED_TRAILER, 3, (("x-amz-trailer", crc[0]),))
    text = f"3\r\nabc\r\n0\r\n{line}\r\n"
    edits = {
        "missing": ("3\r\nabc\r\n0\r\n\r\n", "MalformedTrailerError"),
        "signature": (f"3\r\nabc\r\n0\r\n{line}x-amz-trailer-signature:{'0' * 64}\r\n\r\n", "MalformedTrailerError"),
        "chunk-signature": (f"3;chunk-signature={'0' * 64}\r\nabc\r\n0\r\n{line}\r\n", "InvalidRequest"),
        "extension": (f"3;a=b\r\nabc\r\n0\r\n{line}\r\n", "InvalidRequest"),
        "no-data-end": (f"3\r\nabc0\r\n{line}\r\n", "InvalidRequest"),
        "cut": (text[:-1], "IncompleteBody"),
        "after-end": (text + "0\r\n\r\n", "InvalidRequest"),
        "folded": (f"3\r\nabc\r\n0\r\n{crc[0]}:\r\n {crc[1]}\r\n\r\n", "MalformedTrailerError"),
    }
    for name, (edited, code) in edits.items():
        yield vector(f"unsigned-{name}", request, [[edited, 1]], error=code)
    for name, length, body, code in [
        ("more-than-declared", 2, "3\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        ("less-than-declared", 4, "3\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        ("small-chunks", 6, "3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n", "InvalidChunkSizeError"),
    ]:
        request, _ = head(UNSIGNED_TRAILER, length)
        yield vector(f"unsigned-{name}", request, [[body, 1]], error=code)

    # Plain bodies.
    request, _ = head(hashlib.sha256(b"abc").hexdigest(), None)
    yield vector("plain-changed", request, [["abd", 1]], error="XAmzContentSHA256Mismatch")
    yield vector("plain-longer", request, [["abcd", 1]], error="XAmzContentSHA256Mismatch")
    yield vector("plain-empty", request, [], error="XAmzContentSHA256Mismatch")
    request, _ = head("UNSIGNED-PAYLOAD", None, (("content-length", "3"),))
    yield vector("plain-shorter-than-length", request, [["ab", 1]], error="IncompleteBody")
    yield vector("plain-longer-than-length", request, [["abcd", 1]], error="IncompleteBody")


def write(name, vectors):
    vectors = list(vectors)
    ids = [made["id"] for made in vectors]
    assert len(set(ids)) == len(ids), sorted(id for id in ids if ids.count(id) > 1)
    (HERE / name).write_text("".join(json.dumps(made) + "\n" for made in vectors), encoding="utf-8")
    print(f"{name}: {len(vectors)}")


if __name__ == "__main__":
    write("published.jsonl", published())
    write("clients.jsonl", [*botocore(), *more()])
    write("hostile.jsonl", hostile())
