#!/usr/bin/env python3
"""Writes the vectors beside it: aws-suite.jsonl, botocore.jsonl, hostile.jsonl.

Needs botocore (pip install botocore==1.43.11). Canonical requests and signatures come from
botocore's signers, and those of AWS's published suite are compared with it on the way. The format
is read by examples/vectors/check.rs.
"""

import json
import pathlib
from urllib.parse import quote

from hostile import hostile
from signing import *

HERE = pathlib.Path(__file__).parent


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
