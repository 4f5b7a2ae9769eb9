"""Makes single vectors, signed by botocore."""

import base64
import datetime
import hashlib
from urllib.parse import quote

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

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


def s3_unsigned(id, **more):
    """botocore signs an unsigned payload from the header."""
    headers = base(("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"))
    made = vector(id, "/bucket/key", "PUT", headers=headers, service="s3", double=False, normalize=False, **more)
    made["request"]["body_b64"] = "aGVsbG8="
    return made
