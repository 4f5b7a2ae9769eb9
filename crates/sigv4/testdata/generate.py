#!/usr/bin/env python3
"""Writes the vectors beside it: aws-suite.jsonl, botocore.jsonl, hostile.jsonl.

Needs botocore (pip install botocore==1.43.11). Canonical requests and signatures come from
botocore's signers, and those of AWS's published suite are compared with it on the way. What must
be refused, and with which code, is written here. The format is read by examples/vectors/check.rs.
"""

import base64
import datetime
import hashlib
import hmac
import json
import pathlib
from urllib.parse import quote

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HERE = pathlib.Path(__file__).parent
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST, TIME, REGION, SERVICE = "example.amazonaws.com", "20150830T123600Z", "us-east-1", "service"
NOW = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.timezone.utc)
# The suite's own example token.
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8Y"
    "UuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8"
    "YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR"
    "/oLxBA=="
)


def sha256(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def scope(date="20150830", region=REGION, service=SERVICE, end="aws4_request"):
    return f"{date}/{region}/{service}/{end}"


class Unnormalized(auth.SigV4Auth):
    """Double encoding without normalization, as some services' clients have it."""

    def _normalize_url_path(self, path):
        return quote(path, safe="/~")


def signer(service, region, double, normalize):
    kind = auth.SigV4Auth if double and normalize else Unnormalized if double else auth.S3SigV4Auth
    return kind(Credentials(KEY, SECRET), service, region)


def oracle(method, target, headers, body, signed, service, region, time, double, normalize):
    """botocore's canonical request and string to sign for these signed headers."""
    request = AWSRequest(method=method, url=f"https://{HOST}{target}", data=body)
    for name, value in headers:
        if name.lower() in signed:
            request.headers.add_header(name, value)
    request.context["timestamp"] = time
    request.context["payload_signing_enabled"] = True
    made_by = signer(service, region, double, normalize)
    canonical = made_by.canonical_request(request)
    to_sign = made_by.string_to_sign(request, canonical)
    return canonical, to_sign, made_by.signature(to_sign, request)


def vector(
    id,
    target="/",
    method="GET",
    headers=(("Host", HOST), ("X-Amz-Date", TIME)),
    body=b"",
    *,
    signed=None,
    time=TIME,
    now=TIME,
    region=REGION,
    service=SERVICE,
    double=True,
    normalize=True,
    published=None,
    unsigned=(),
    credentials=None,
    server=None,
    edit=None,
    errors=None,
    message=None,
    valid=None,
    differs=False,
):
    """A header-form vector. `edit` changes the finished request. `differs`: botocore's form is
    known to differ from the published one."""
    headers = list(headers)
    signed = signed or sorted({name.lower() for name, _ in headers})
    canonical, to_sign, signature = oracle(
        method, target, headers, body, signed, service, region, time, double, normalize
    )
    if published and not differs:
        assert signature == published, (id, signature, published, canonical)
    signature = published or signature
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{scope(time[:8], region, service)}, "
        f"SignedHeaders={';'.join(signed)}, Signature={signature}"
    )
    request = {
        "method": method,
        "target": target,
        "headers": [[n, v] for n, v in [*headers, *unsigned, ("Authorization", authorization)]],
        "body_b64": base64.b64encode(body).decode(),
    }
    expect = {"valid": errors is None if valid is None else valid}
    if expect["valid"]:
        expect["signature"] = signature
        if not differs:
            expect["canonical_request_sha256"] = sha256(canonical)
            expect["string_to_sign_sha256"] = sha256(to_sign)
    if errors:
        expect["errors"] = errors
    if message:
        expect["message"] = message
    if edit:
        edit(request)
    return {
        "id": id,
        "request": request,
        "credentials": {"access_key": KEY, "secret_key": SECRET, "known": True, **(credentials or {})},
        "server": {
            "now": now,
            "region": region,
            "service": service,
            "double_encode_path": double,
            "normalize_path": normalize,
            **(server or {}),
        },
        "expect": expect,
    }


def presigned(
    id,
    target="/",
    method="GET",
    headers=(("Host", HOST),),
    body=b"",
    *,
    expires=3600,
    token=None,
    token_after=None,
    now=TIME,
    service=SERVICE,
    double=True,
    normalize=True,
    credentials=None,
    server=None,
    edit=None,
    errors=None,
    message=None,
):
    """A query-form vector, signed by botocore's query signers."""
    kind = auth.S3SigV4QueryAuth if service == "s3" else auth.SigV4QueryAuth
    made_by = kind(Credentials(KEY, SECRET, token), service, REGION, expires=expires)
    request = AWSRequest(method=method, url=f"https://{HOST}{target}", data=body)
    for name, value in headers:
        request.headers.add_header(name, value)
    auth.get_current_datetime = lambda *_, **__: NOW
    made_by.add_auth(request)
    url = request.url.removeprefix(f"https://{HOST}")
    if token_after:
        url += "&X-Amz-Security-Token=" + quote(token_after, safe="-_.~")
    request = {
        "method": method,
        "target": url,
        "headers": [[n, v] for n, v in headers],
        "body_b64": base64.b64encode(body).decode(),
    }
    if edit:
        edit(request)
    credentials = {"session_token": token or token_after, **(credentials or {})}
    if credentials["session_token"] is None:
        del credentials["session_token"]
    expect = {"valid": errors is None}
    if errors:
        expect["errors"] = errors
    if message:
        expect["message"] = message
    return {
        "id": id,
        "request": request,
        "credentials": {"access_key": KEY, "secret_key": SECRET, "known": True, **credentials},
        "server": {
            "now": now,
            "region": REGION,
            "service": service,
            "double_encode_path": double,
            "normalize_path": normalize,
            **(server or {}),
        },
        "expect": expect,
    }


def base(*more):
    return [("Host", HOST), *more, ("X-Amz-Date", TIME)]


FORM = b"Param1=value1"
LETTERS = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def published_query(id, query, signature, headers=(), target="/", signed="host"):
    """A query-form vector of the published suite; not all of its forms come out of botocore."""
    request = {
        "method": "GET",
        "target": f"{target}?{query}X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={quote(KEY + '/' + scope(), safe='')}&X-Amz-Date={TIME}"
        f"&X-Amz-SignedHeaders={quote(signed, safe='')}&X-Amz-Expires=3600&X-Amz-Signature={signature}",
        "headers": [["Host", HOST], *headers, ["X-Amz-Date", TIME]],
        "body_b64": "",
    }
    sample = vector(id)
    return {**sample, "request": request, "expect": {"valid": True, "signature": signature}}


def suite():
    """AWS's published test suite, with its signatures."""
    vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    post = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    param = "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"
    posted = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"
    my = lambda *values: base(*(("My-Header1", value) for value in values))
    typed = lambda kind: base(("Content-Type", kind))
    yield vector("get-vanilla", published=vanilla)
    yield vector("get-vanilla-query", published=vanilla)
    yield vector("get-vanilla-empty-query-key", "/?Param1=value1", published=param)
    yield vector(
        "get-vanilla-query-order-key",
        "/?Param1=value2&Param1=Value1",
        published="eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
    )
    yield vector(
        "get-vanilla-query-order-key-case",
        "/?Param2=value2&Param1=value1",
        published="b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    )
    yield vector(
        "get-vanilla-query-order-value",
        "/?Param1=value2&Param1=value1",
        published="5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
    )
    yield vector(
        "get-vanilla-query-unreserved",
        f"/?{LETTERS}={LETTERS}",
        published="9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    )
    yield vector(
        "get-vanilla-query-order-encoded",
        "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
        published="371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    )
    yield vector(
        "get-vanilla-utf8-query",
        "/?ሴ=bar",
        published="2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        differs=True,
    )
    yield vector(
        "get-utf8",
        "/ሴ",
        published="8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    )
    yield vector(
        "get-unreserved",
        f"/{LETTERS}",
        published="07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    )
    yield vector(
        "get-header-key-duplicate",
        headers=my("value2", "value2", "value1"),
        published="c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    )
    yield vector(
        "get-header-value-order",
        headers=my("value4", "value1", "value3", "value2"),
        published="08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    )
    folded = "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790"
    lines = my("value1", "value2", "value3")
    yield vector("get-header-value-multiline", headers=lines, published=folded)
    fold = my("value1\n  value2\n     value3")
    yield vector(
        "get-header-value-multiline-folded", headers=fold, published=folded, differs=True
    )
    yield vector(
        "get-header-value-trim",
        headers=base(("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')),
        published="acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    )
    for name, path, signature in [
        ("get-relative", "/example/..", vanilla),
        ("get-relative-relative", "/example1/example2/../..", vanilla),
        ("get-slash", "//", vanilla),
        ("get-slash-dot-slash", "/./", vanilla),
        (
            "get-slash-pointless-dot",
            "/./example",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "get-slashes",
            "//example//",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "get-space",
            "/example space/",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
    ]:
        yield vector(f"normalize-path/{name}", path, published=signature)
        unnormalized = None
        if name == "get-slashes":
            unnormalized = "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"
        yield vector(f"{name}-unnormalized", path, normalize=False, published=unnormalized)
    yield vector("post-vanilla", method="POST", published=post)
    yield vector("post-header-key-case", method="POST", published=post)
    yield vector(
        "post-header-key-sort",
        method="POST",
        headers=my("value1"),
        published="c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    )
    yield vector(
        "post-header-value-case",
        method="POST",
        headers=my("VALUE1"),
        published="cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    )
    yield vector("post-vanilla-query", "/?Param1=value1", "POST", published=posted)
    yield vector("post-vanilla-empty-query-value", "/?Param1=value1", "POST", published=posted)
    yield vector(
        "post-x-www-form-urlencoded",
        method="POST",
        headers=typed("application/x-www-form-urlencoded"),
        body=FORM,
        published="ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        unsigned=[("Content-Length", "13")],
    )
    yield vector(
        "post-x-www-form-urlencoded-parameters",
        method="POST",
        headers=typed("application/x-www-form-urlencoded; charset=utf8"),
        body=FORM,
        published="1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        unsigned=[("Content-Length", "13")],
    )
    session = {"session_token": TOKEN}
    yield vector(
        "post-sts-header-before",
        method="POST",
        headers=[*base(), ("X-Amz-Security-Token", TOKEN)],
        published="85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        credentials=session,
    )
    yield vector(
        "post-sts-header-after",
        method="POST",
        unsigned=[("X-Amz-Security-Token", TOKEN)],
        published=post,
        credentials=session,
    )
    yield published_query(
        "query/get-vanilla-query-order-encoded",
        "Param-3=Value3&Param=Value2&%E1%88%B4=Value1&",
        "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787",
    )
    yield published_query(
        "query/get-vanilla-utf8-query",
        "ሴ=bar&",
        "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600",
    )
    yield published_query(
        "query/get-header-value-trim",
        "",
        "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4",
        headers=[["My-Header1", " value1"], ["My-Header2", ' "a   b   c"']],
        signed="host;my-header1;my-header2",
    )
    yield published_query(
        "query/get-space",
        "",
        "7a1f416954786484c9824d93c1f26ef64acb9b1b6c9154d08c9f07d0e394abf6",
        target="/example space/",
    )


def botocore():
    """Requests as clients send them."""
    form = "application/x-www-form-urlencoded; charset=utf-8"
    call = lambda body: {
        "method": "POST",
        "headers": base(("Content-Type", form)),
        "body": body,
        "unsigned": [
            ("User-Agent", "aws-cli/2.31.0 md/awscrt#0.27 ua/2.1"),
            ("Content-Length", str(len(body))),
            ("amz-sdk-invocation-id", "5b1c1d3a-0000-4000-8000-000000000000"),
        ],
    }
    yield vector("iam-get-user", service="iam", **call(b"Action=GetUser&Version=2010-05-08"))
    yield vector(
        "sts-get-caller-identity", service="sts", **call(b"Action=GetCallerIdentity&Version=2011-06-15")
    )
    yield vector(
        "json-service",
        service="cloudtrail",
        method="POST",
        headers=base(
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", "CloudTrail_20131101.LookupEvents"),
        ),
        body=b"{}",
    )
    yield vector(
        "session-in-header",
        service="iam",
        headers=[*base(), ("X-Amz-Security-Token", TOKEN)],
        credentials={"session_token": TOKEN},
    )
    yield vector("any-region", server={"region": None}, region="eu-central-2")
    for kind, date in [
        ("imf", "Sun, 30 Aug 2015 12:36:00 GMT"),
        ("rfc850", "Sunday, 30-Aug-15 12:36:00 GMT"),
        ("asctime", "Sun Aug 30 12:36:00 2015"),
        ("basic", TIME),
        ("extended", "2015-08-30T12:36:00Z"),
    ]:
        yield vector(f"date-header-{kind}", headers=[("Host", HOST), ("Date", date)])
    yield vector(
        "amz-date-beats-date", headers=base(("Date", "Sat, 01 Jan 2000 00:00:00 GMT"))
    )
    yield vector("amz-date-unsigned", headers=[("Host", HOST)], unsigned=[("X-Amz-Date", TIME)])
    for name, now in [("15-minutes-late", "20150830T125100Z"), ("15-minutes-early", "20150830T122100Z")]:
        yield vector(name, now=now)
    yield vector("midnight-after", time="20150830T235959Z", now="20150831T000500Z",
                 headers=[("Host", HOST), ("X-Amz-Date", "20150830T235959Z")])
    for name, query in [
        ("no-value", "a"),
        ("empty-value", "a="),
        ("repeated-keys", "a=2&a=1&a=10&a"),
        ("case-order", "b=1&B=1&a=1&A=1"),
        ("percent-20", "a=b%20c"),
        ("percent-2b", "a=b%2Bc"),
        ("plus", "a=b+c"),
        ("equals-in-value", "a=b%3Dc"),
        ("unicode", "%E1%88%B4=%F0%9F%94%91"),
        ("prefix-names", "ab=1&a-b=1&a=1&a.b=1&a%20b=1"),
        ("reserved", "a=%21%27%28%29%2A%3B%3A%40%26%24%2C%2F%3F%23%5B%5D"),
        ("list", "Action=GetUser&Tags.member.1.Key=k&Tags.member.10.Key=k&Tags.member.2.Key=k"),
        ("lower-hex", "a=b%2fc"),
        ("raw-reserved", "a=b/c:d@e"),
    ]:
        yield vector(f"query-{name}", f"/?{query}")
    for name, path in [
        ("unicode", "/%E1%88%B4/x"),
        ("percent", "/a%20b"),
        ("lower-hex", "/a%2fb"),
        ("encoded-dots", "/%2e%2e/a"),
        ("reserved", "/a:b@c+d=e,f;g!h*i'j(k)"),
        ("tilde", "/~user"),
        ("dots-in-names", "/a..b/.c/d."),
        ("up-and-over", "/../../a"),
        ("role", "/role/application_abc/component_xyz/S3Access"),
    ]:
        yield vector(f"path-{name}", path)
        yield vector(f"path-{name}-unnormalized", path, normalize=False)
    for name, value in [
        ("tabs", "a\t\tb \t c"),
        ("padded", "   a  b   "),
        ("empty", ""),
        ("blank", "   "),
        ("comma", "a, b,c"),
        ("unicode", "Grüße ሴ"),
        ("quoted", '"a   b"'),
        ("colon", "a:b;c=d"),
        ("folded", "a\n  b\n\tc"),
    ]:
        yield vector(f"header-{name}", headers=base(("My-Header", value)))
    yield vector(
        "header-duplicates-apart",
        headers=[("Zz", "3"), ("My-Header", "2 "), ("Host", HOST), ("my-header", " 1"), ("X-Amz-Date", TIME)],
    )
    yield vector("header-names-in-any-case", headers=[("HOST", HOST), ("x-AMZ-date", TIME)])
    yield vector("host-with-port", headers=[("Host", "localhost:4260"), ("X-Amz-Date", TIME)])
    yield vector("large-body", method="PUT", body=bytes(range(256)) * 300)
    yield vector("long-header", headers=base(("My-Header", "x y " * 400)))
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]:
        yield vector(f"method-{method.lower()}", method=method)

    sha = lambda body: ("X-Amz-Content-SHA256", sha256(body) if isinstance(body, bytes) else body)
    s3 = {"service": "s3", "double": False, "normalize": False}
    yield vector("s3-get", "/bucket/key", headers=base(sha(b"")), **s3)
    yield vector("s3-put", "/bucket/key", "PUT", headers=base(sha(b"hello")), body=b"hello", **s3)
    for name, path in [
        ("dots", "/bucket/a/../b/./c"),
        ("slashes", "/bucket//a///b/"),
        ("escapes", "/bucket/a%20b%2Bc%3D%28d%29"),
        ("unicode", "/bucket/%E1%88%B4%F0%9F%94%91"),
        ("encoded-dots", "/bucket/%2E%2E/x"),
        ("plus-as-sent", "/bucket/a+b=c"),
        ("lower-hex-as-sent", "/bucket/a%2fb"),
        ("list", "/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F"),
        ("subresource", "/bucket?versions"),
    ]:
        yield vector(f"s3-{name}", path, headers=base(sha(b"")), **s3)
    yield s3_unsigned("s3-unsigned-payload")
    for name, more in [
        ("presigned", {}),
        ("presigned-query", {"target": "/?Action=GetCallerIdentity&Version=2011-06-15", "service": "sts"}),
        ("presigned-token", {"token": TOKEN}),
        ("presigned-token-after", {"token_after": TOKEN}),
        ("presigned-header", {"headers": (("Host", HOST), ("X-K8s-Aws-Id", "cluster"))}),
        ("presigned-week", {"expires": 604800, "now": "20150906T123600Z"}),
        ("presigned-last-second", {"expires": 60, "now": "20150830T123700Z"}),
        ("presigned-early", {"expires": 60, "now": "20150830T122100Z"}),
        ("presigned-unicode", {"target": "/ሴ?a=%E1%88%B4&b=x%20y"}),
        ("presigned-s3", {"target": "/bucket/a%20b", "service": "s3", "double": False, "normalize": False}),
        (
            "presigned-s3-token",
            {"target": "/bucket/a", "service": "s3", "double": False, "normalize": False, "token": TOKEN},
        ),
        (
            "presigned-s3-put",
            {"target": "/bucket/a", "method": "PUT", "service": "s3", "double": False, "normalize": False,
             "edit": lambda r: r.update(body_b64="aGVsbG8=")},
        ),
    ]:
        yield presigned(name, **more)


def s3_unsigned(id, **more):
    """botocore signs an unsigned payload from the header."""
    headers = base(("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"))
    made = vector(id, "/bucket/key", "PUT", headers=headers, service="s3", double=False, normalize=False, **more)
    made["request"]["body_b64"] = "aGVsbG8="
    return made


def header(request, name):
    return next(pair for pair in request["headers"] if pair[0].lower() == name.lower())


def authorization(change):
    def edit(request):
        pair = header(request, "Authorization")
        pair[1] = change(pair[1])

    return edit


def target(change):
    return lambda request: request.update(target=change(request["target"]))


def set_header(name, value):
    def edit(request):
        header(request, name)[1] = value

    return edit


def drop(name):
    return lambda request: request["headers"].remove(header(request, name))


def add(name, value):
    return lambda request: request["headers"].append([name, value])


def flip_signature(text):
    head, digit = text[:-1], text[-1]
    return head + ("0" if digit != "0" else "1")


DIFFERS = ["SignatureDoesNotMatch"]
INCOMPLETE = ["IncompleteSignature"]
INVALID = ["InvalidClientTokenId"]
MISSING = ["MissingAuthenticationToken"]
GENERIC = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)


def hostile():
    """What must be refused, and a few that look odd and are right."""
    post = {
        "method": "POST",
        "headers": base(("Content-Type", "application/x-www-form-urlencoded")),
        "body": FORM,
    }
    param = {"target": "/a/b?x=1&y=2", **post}
    for name, edit in [
        ("method", lambda r: r.update(method="PUT")),
        ("path", target(lambda t: t.replace("/a/b", "/a/c"))),
        ("path-case", target(lambda t: t.replace("/a/b", "/A/b"))),
        ("query-value", target(lambda t: t.replace("x=1", "x=2"))),
        ("query-name", target(lambda t: t.replace("x=", "z="))),
        ("query-added", target(lambda t: t + "&z=3")),
        ("query-removed", target(lambda t: t.replace("&y=2", ""))),
        ("query-repeated", target(lambda t: t + "&x=1")),
        ("header-value", set_header("Content-Type", "text/plain")),
        ("header-duplicated", add("Content-Type", "text/plain")),
        ("header-removed", drop("Content-Type")),
        ("host", set_header("Host", "evil.example.com")),
        ("body", lambda r: r.update(body_b64="UGFyYW0xPXZhbHVlMg==")),
        ("body-removed", lambda r: r.update(body_b64="")),
        ("date", set_header("X-Amz-Date", "20150830T123601Z")),
        ("signature", authorization(flip_signature)),
        ("signature-truncated", authorization(lambda a: a[:-1])),
        ("signature-lengthened", authorization(lambda a: a + "0")),
        ("signature-empty", authorization(lambda a: a[: a.index("Signature=") + 10])),
        ("signature-upper-case", authorization(lambda a: a[:-64] + a[-64:].upper())),
        ("signature-no-hex", authorization(lambda a: a[:-64] + "z" * 64)),
        ("signed-header-left-out", authorization(lambda a: a.replace("content-type;", ""))),
        ("signed-header-absent", authorization(lambda a: a.replace("host;", "host;missing;"))),
        ("signed-header-empty-name", authorization(lambda a: a.replace("host;", "host;;"))),
    ]:
        yield vector(f"tampered-{name}", **param, edit=edit, errors=DIFFERS, message=GENERIC)
    yield vector("wrong-secret", credentials={"secret_key": SECRET[::-1]}, errors=DIFFERS, message=GENERIC)
    yield vector(
        "another-body-for-a-signed-empty-one", method="POST", edit=lambda r: r.update(body_b64="YQ=="), errors=DIFFERS
    )
    # The list is sorted before it counts, and its case does not.
    yield vector(
        "signed-headers-unsorted", **post,
        edit=authorization(lambda a: a.replace("content-type;host;x-amz-date", "x-amz-date;host;content-type")),
    )
    yield vector(
        "signed-headers-upper-case", **post,
        edit=authorization(lambda a: a.replace("content-type;host;x-amz-date", "Content-Type;Host;X-Amz-Date")),
    )
    yield vector(
        "headers-reordered", **post, edit=lambda r: r["headers"].reverse(),
    )
    yield vector("parameters-reordered", **param, edit=target(lambda t: "/a/b?y=2&x=1"))
    yield vector("authorization-without-blanks", edit=authorization(lambda a: a.replace(", ", ",")))
    yield vector("authorization-with-blanks", edit=authorization(lambda a: "  " + a.replace(", ", " ,\t ") + " "))

    # Order of duplicate values counts.
    yield vector(
        "duplicate-headers-reordered",
        headers=base(("My-Header", "1"), ("My-Header", "2")),
        edit=lambda r: r["headers"].insert(0, r["headers"].pop(2)),
        errors=DIFFERS,
    )

    # Nothing, or another mechanism.
    yield vector("anonymous", edit=drop("Authorization"), errors=MISSING,
                 message="Request is missing Authentication Token")
    for name, value in [
        ("signature-v2", f"AWS {KEY}:frJIUN8DYpKDtOLCwo//yllqDzg="),
        ("sigv4a", f"AWS4-ECDSA-P256-SHA256 Credential={KEY}/20150830/service/aws4_request, SignedHeaders=host, Signature=00"),
        ("other-hash", "AWS4-HMAC-SHA512 Credential=a/20150830/us-east-1/service/aws4_request, SignedHeaders=host, Signature=00"),
        ("lower-case-algorithm", "aws4-hmac-sha256 Credential=a/20150830/us-east-1/service/aws4_request, SignedHeaders=host, Signature=00"),
        ("bearer", "Bearer eyJhbGciOiJub25lIn0.e30."),
        ("basic", "Basic QUtJREVYQU1QTEU6c2VjcmV0"),
        ("empty", ""),
    ]:
        yield vector(f"authorization-{name}", edit=set_header("Authorization", value), errors=INCOMPLETE)
    yield vector(
        "authorization-bearer-text", edit=set_header("Authorization", "Bearer secret"), errors=INCOMPLETE,
        message="Unsupported AWS 'algorithm': 'Bearer'.",
    )
    yield vector("two-authorizations", edit=lambda r: r["headers"].append(list(header(r, "Authorization"))), errors=INCOMPLETE)
    yield vector("two-authorizations-other-first",
                 edit=lambda r: r["headers"].insert(0, ["Authorization", "Bearer x"]), errors=INCOMPLETE)
    yield presigned("header-and-query", edit=add("Authorization", "AWS4-HMAC-SHA256 x"), errors=DIFFERS)
    yield vector("header-and-one-query-part", "/?X-Amz-Signature=00", errors=DIFFERS)
    for name, query in [
        ("v2", f"AWSAccessKeyId={KEY}&SignatureVersion=2&SignatureMethod=HmacSHA256&Timestamp=2015-08-30T12%3A36%3A00&Signature=x"),
        ("sigv4a", "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Signature=00"),
    ]:
        yield vector(f"query-algorithm-{name}", f"/?{query}", edit=drop("Authorization"), errors=MISSING)

    # Incomplete, sentence by sentence.
    need = "Authorization header requires '{}' parameter. "
    date = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
    end = "Authorization=AWS4-HMAC-SHA256"
    for name, change, text in [
        ("nothing", lambda a: "AWS4-HMAC-SHA256", need.format("Credential") + need.format("Signature") + need.format("SignedHeaders") + end),
        ("no-credential", lambda a: a.replace("Credential=", "Key="), need.format("Credential") + end),
        ("no-signed-headers", lambda a: a.replace("SignedHeaders=", "Headers="), need.format("SignedHeaders") + end),
        ("no-signature", lambda a: a.replace("Signature=", "Sig="), need.format("Signature") + end),
    ]:
        yield vector(f"incomplete-{name}", edit=authorization(change), errors=INCOMPLETE, message=text)
    yield vector("incomplete-no-date", edit=drop("X-Amz-Date"), errors=INCOMPLETE, message=date + end)
    yield vector(
        "incomplete-unknown-key-too", edit=drop("X-Amz-Date"), credentials={"known": False}, errors=INCOMPLETE
    )
    yield vector(
        "not-key-value",
        edit=set_header("Authorization", "AWS4-HMAC-SHA256 Credential"),
        errors=INCOMPLETE,
        message="'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential'.",
    )
    for name in ["Credential", "SignedHeaders", "Signature"]:
        yield vector(f"repeated-{name.lower()}", edit=authorization(lambda a, n=name: f"{a}, {n}=x"), errors=INCOMPLETE)
    yield vector("repeated-x-amz-date", edit=add("X-Amz-Date", TIME), errors=INCOMPLETE)
    for name, credential in [("four", f"{KEY}/20150830/us-east-1/service"), ("six", f"{KEY}/x/{scope()}"), ("one", KEY)]:
        yield vector(
            f"credential-{name}-parts",
            edit=authorization(lambda a, c=credential: a.replace(f"{KEY}/{scope()}", c)),
            errors=INCOMPLETE,
            message=f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'",
        )
    for name, value in [("extended", "2015-08-30T12:36:00Z"), ("millis", "20150830T123600.000Z"), ("words", "yesterday"),
                        ("impossible", "20150230T123600Z"), ("empty", "")]:
        yield vector(f"date-{name}", edit=set_header("X-Amz-Date", value), errors=INCOMPLETE,
                     message=f"Date must be in ISO-8601 'basic format'. Got '{value}'. See http://en.wikipedia.org/wiki/ISO_8601")
    yield vector("host-not-signed", headers=[("X-Amz-Date", TIME)], unsigned=[("Host", HOST)], signed=["x-amz-date"],
                 edit=authorization(lambda a: a.replace("host;", "")),
                 errors=DIFFERS, message="'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    yield vector("target-not-signed", service="cloudtrail", unsigned=[("X-Amz-Target", "CloudTrail_20131101.DeleteTrail")], errors=DIFFERS)

    # Who: before the signature, after its form.
    yield vector("unknown-key", credentials={"known": False}, errors=INVALID,
                 message="The security token included in the request is invalid.")
    yield vector("unknown-key-and-wrong-signature", credentials={"known": False}, edit=authorization(flip_signature), errors=INVALID)
    yield vector("unknown-key-and-old", credentials={"known": False}, now="20160830T123600Z", errors=INVALID)
    yield vector("token-missing", credentials={"session_token": TOKEN}, errors=INVALID)
    yield vector("token-of-another", unsigned=[("X-Amz-Security-Token", "other")], credentials={"session_token": TOKEN}, errors=INVALID)
    yield vector("token-on-a-long-lived-key", unsigned=[("X-Amz-Security-Token", TOKEN)], errors=INVALID)
    yield vector("token-twice", unsigned=[("X-Amz-Security-Token", TOKEN)] * 2, credentials={"session_token": TOKEN}, errors=INCOMPLETE)
    over = {"session_token": TOKEN, "token_expired": True}
    yield vector("token-expired", unsigned=[("X-Amz-Security-Token", TOKEN)], credentials=over,
                 errors=["ExpiredToken"], message="The security token included in the request is expired")
    yield vector("token-expired-and-wrong-signature", unsigned=[("X-Amz-Security-Token", TOKEN)], credentials=over,
                 edit=authorization(flip_signature), errors=["ExpiredToken"])
    yield vector("token-tampered-signed", headers=[*base(), ("X-Amz-Security-Token", TOKEN)],
                 edit=set_header("X-Amz-Security-Token", "x"), credentials={"session_token": "x"}, errors=DIFFERS)

    # Scope.
    yield vector("wrong-region", server={"region": "eu-west-1"}, errors=DIFFERS,
                 message="Credential should be scoped to a valid region, not 'us-east-1'.")
    for region in ["", "US-EAST-1", "us_east_1", "us east 1", "r" * 65]:
        yield vector(f"malformed-region-{region[:10]}", server={"region": None}, region=region, errors=DIFFERS,
                     message=f"Credential should be scoped to a valid region, not '{region}'.")
    yield vector("wrong-service", server={"service": "iam"}, errors=DIFFERS,
                 message="Credential should be scoped to correct service: 'iam'.")
    yield vector("wrong-terminator", edit=authorization(lambda a: a.replace("/aws4_request", "/aws4")), errors=DIFFERS,
                 message="Credential should be scoped with a valid terminator: 'aws4_request', not 'aws4'.")
    mismatch = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '20150830', from '20150830T123600Z'."
    for day in ["20150831", "2015083", "20150830T", ""]:
        yield vector(f"scope-date-{day}", edit=authorization(lambda a, d=day: a.replace("/20150830/", f"/{d}/")),
                     errors=DIFFERS, message=mismatch.format(day))

    # Time.
    yield vector("expired", now="20150830T125101Z", errors=DIFFERS,
                 message="Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)")
    yield vector("not-yet-current", now="20150830T122059Z", errors=DIFFERS,
                 message="Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)")
    yield vector("expired-and-wrong-signature", now="20150830T133600Z", edit=authorization(flip_signature), errors=DIFFERS,
                 message="Signature expired: 20150830T123600Z is now earlier than 20150830T132100Z (20150830T133600Z - 15 min.)")

    # Presigned.
    expired = {"errors": ["RequestExpired"], "message": "Request has expired."}
    yield presigned("presigned-expired", expires=60, now="20150830T123701Z", **expired)
    yield presigned("presigned-week-over", expires=604800, now="20150906T123601Z", **expired)
    yield presigned("presigned-not-yet", expires=60, now="20150830T122059Z", errors=DIFFERS)
    for value in ["604801", "0", "-1", "1.5", "x", "+60", "99999999999999999999"]:
        yield presigned(f"presigned-expires-{value}", expires=value, errors=INCOMPLETE)
    yield presigned("presigned-expires-raised", expires=60, now="20150830T124000Z",
                    edit=target(lambda t: t.replace("X-Amz-Expires=60", "X-Amz-Expires=600")), errors=DIFFERS)
    yield presigned("presigned-expires-removed", edit=target(lambda t: t.replace("&X-Amz-Expires=3600", "")), errors=DIFFERS)
    for name, edit in [
        ("signature", target(flip_signature)),
        ("signature-truncated", target(lambda t: t[:-1])),
        ("parameter-added", target(lambda t: t + "&Action=DeleteUser")),
        ("date", target(lambda t: t.replace("T123600Z", "T123601Z"))),
        ("method", lambda r: r.update(method="POST")),
        ("host", set_header("Host", "evil.example.com")),
        ("body", lambda r: r.update(body_b64="YQ==")),
        ("token-added-to-signed", target(lambda t: t.replace("X-Amz-Signature", "x=1&X-Amz-Signature"))),
    ]:
        yield presigned(f"presigned-tampered-{name}", edit=edit, errors=DIFFERS)
    must = "AWS query-string parameters must include '{}'. "
    for name in ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]:
        yield presigned(f"presigned-without-{name.lower()}", edit=target(lambda t, n=name: t.replace(n, "Y")),
                        errors=INCOMPLETE, message=must.format(name) + "Re-examine the query-string parameters.")
        yield presigned(f"presigned-repeated-{name.lower()}", edit=target(lambda t, n=name: f"{t}&{n}=x"), errors=INCOMPLETE)
    yield presigned("presigned-disguised-repeat", edit=target(lambda t: t + "&X%2DAmz-Signature=00"), errors=INCOMPLETE)
    yield presigned("presigned-disguised-names", edit=target(lambda t: t.replace("X-Amz-Expires", "%58-Amz-Expires")))
    yield presigned("presigned-token-removed", token=TOKEN, edit=target(lambda t: t[: t.index("&X-Amz-Security")] + t[t.index("&X-Amz-Signature"):]),
                    errors=INVALID)
    yield presigned("presigned-token-replaced", token=TOKEN, credentials={"session_token": "x"},
                    edit=target(lambda t: t[: t.index("&X-Amz-Security")] + "&X-Amz-Security-Token=x" + t[t.index("&X-Amz-Signature"):]),
                    errors=DIFFERS)
    yield presigned("presigned-token-in-both", token=TOKEN, edit=add("X-Amz-Security-Token", TOKEN), errors=INCOMPLETE)
    yield presigned("presigned-host-unsigned", edit=target(lambda t: t.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=date")), errors=DIFFERS)
    for name, escape in [("bare", "%"), ("short", "%4"), ("no-hex", "%zz")]:
        yield vector(f"malformed-escape-{name}", f"/?a={escape}", errors=["MalformedQueryString"])

    # What is verified is what is read: a `+` is a blank.
    yield vector("plus-for-percent-2b", "/?a=b%2Bc", edit=target(lambda t: "/?a=b+c"), errors=DIFFERS)
    yield vector("plus-for-percent-20", "/?a=b%20c", edit=target(lambda t: "/?a=b+c"))
    yield vector("other-spelling", "/?a=b%2Fc~", edit=target(lambda t: "/?%61=b%2fc%7E"))
    yield vector("encoded-slash-for-slash", "/a/b", edit=target(lambda t: "/a%2Fb"), errors=DIFFERS)
    yield vector("unnormalized-path-for-normalized", "/a", normalize=False, edit=target(lambda t: "/b/../a"), errors=DIFFERS)

    # The body is bound on every service but S3, whatever a header says.
    body_free = base(("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"))
    yield vector("unsigned-payload-on-a-query-service", method="POST", headers=body_free,
                 edit=lambda r: r.update(body_b64="YQ=="), errors=DIFFERS)

    # S3.
    sha = ("X-Amz-Content-SHA256", sha256(b""))
    s3 = {"target": "/bucket/key", "service": "s3", "double": False, "normalize": False}
    yield vector("s3-other-body", headers=base(sha), edit=lambda r: r.update(body_b64="YQ=="), **s3, errors=["XAmzContentSHA256Mismatch"])
    yield vector("s3-hash-missing", **s3, errors=["InvalidRequest"])
    yield vector("s3-hash-malformed", headers=base(("X-Amz-Content-SHA256", "x")), **s3, errors=["InvalidArgument"])
    yield vector("s3-hash-unsigned", unsigned=[sha], **s3, errors=["AccessDenied"])
    yield vector("s3-token-unsigned", headers=base(sha), unsigned=[("X-Amz-Security-Token", TOKEN)], **s3,
                 credentials={"session_token": TOKEN}, errors=["AccessDenied"])
    yield vector("s3-amz-header-unsigned", headers=base(sha), unsigned=[("x-amz-acl", "public-read")], **s3, errors=["AccessDenied"])
    yield vector("s3-streaming", headers=base(("X-Amz-Content-SHA256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")), **s3, errors=["NotImplemented"])
    yield vector("s3-wrong-signature", headers=base(sha), edit=authorization(flip_signature), **s3, errors=DIFFERS)
    yield vector("s3-dots-removed", "/bucket/x/../key", headers=base(sha), service="s3", double=False, normalize=False,
                 edit=target(lambda t: "/bucket/key"), errors=DIFFERS)
    yield s3_unsigned("s3-unsigned-payload-tampered", edit=target(lambda t: "/bucket/other"), errors=DIFFERS)
    presigned_s3 = {"target": "/bucket/key", "service": "s3", "double": False, "normalize": False}
    yield presigned("s3-presigned-token-after", token_after=TOKEN, **presigned_s3, errors=DIFFERS)
    yield presigned("s3-presigned-amz-header-added", **presigned_s3, edit=add("x-amz-acl", "public-read"), errors=["AccessDenied"])


def write(name, vectors):
    vectors = list(vectors)
    ids = [v["id"] for v in vectors]
    assert len(set(ids)) == len(ids), sorted(i for i in ids if ids.count(i) > 1)
    text = "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in vectors)
    (HERE / name).write_text(text, encoding="utf-8")
    print(f"{name}: {len(vectors)}")


if __name__ == "__main__":
    write("aws-suite.jsonl", suite())
    write("botocore.jsonl", botocore())
    write("hostile.jsonl", hostile())
