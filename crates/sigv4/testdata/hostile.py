"""Requests that must be refused, with the codes, and a few that look odd and are right."""

import hmac

from signing import *


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


def signed_by_hand(canonical):
    """The signature of a canonical request that no signer makes."""
    key = ("AWS4" + SECRET).encode()
    for part in scope().split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{TIME}\n{scope()}\n{sha256(canonical)}"
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


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
    # However its signer wrote it down, a signed header that is not there was taken away.
    for name, line in [("skipped", ""), ("empty", "missing:\n"), ("bare", "missing\n")]:
        canonical = f"GET\n/\n\nhost:{HOST}\n{line}x-amz-date:{TIME}\n\nhost;missing;x-amz-date\n{sha256(b'')}"
        signature = signed_by_hand(canonical)
        if name == "empty":
            there = vector("signed-header-empty", headers=base(("Missing", "")))
            assert there["expect"]["signature"] == signature
            yield there
        yield vector(
            f"signed-header-absent-{name}",
            edit=authorization(lambda a, s=signature: a[:-64].replace("host;", "host;missing;") + s),
            errors=DIFFERS,
        )
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
    credential = f"Credential={KEY}/{scope()}"
    hosts = "SignedHeaders=host;x-amz-date"
    for name, change, text in [
        ("nothing", lambda a: "AWS4-HMAC-SHA256", need.format("Credential") + need.format("Signature") + need.format("SignedHeaders") + end),
        ("no-credential", lambda a: a.replace("Credential=", "Key="), need.format("Credential") + f"{end} Key={KEY}/{scope()}, {hosts}, Signature..."),
        ("no-signed-headers", lambda a: a.replace("SignedHeaders=", "Headers="), need.format("SignedHeaders") + f"{end} {credential}, Headers=host;x-amz-date, Signature..."),
        ("no-signature", lambda a: a[: a.index(", Signature=")], need.format("Signature") + f"{end} {credential}, {hosts}"),
    ]:
        yield vector(f"incomplete-{name}", edit=authorization(change), errors=INCOMPLETE, message=text)
    yield vector("incomplete-no-date", edit=drop("X-Amz-Date"), errors=INCOMPLETE, message=date + f"{end} {credential}, {hosts}, Signature...")
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
    yield presigned("s3-presigned-expires-missing", **presigned_s3, edit=target(lambda t: t.replace("&X-Amz-Expires=3600", "")),
                    errors=["AuthorizationQueryParametersError"])
    yield presigned("s3-presigned-token-after", token_after=TOKEN, **presigned_s3, errors=DIFFERS)
    yield presigned("s3-presigned-amz-header-added", **presigned_s3, edit=add("x-amz-acl", "public-read"), errors=["AccessDenied"])
