"""Writes s3_requests.jsonl: a request for each operation of S3 that is built, with every member, as botocore
writes it, and the members that were given.

    pip install botocore && python crates/wire/testdata/s3_requests.py
"""

import datetime
import json
import pathlib
import re

import botocore.session
from botocore import xform_name
from botocore.config import Config

HERE = pathlib.Path(__file__).parent
AT = datetime.datetime(1994, 11, 6, 8, 49, 37, tzinfo=datetime.timezone.utc)
# Of the signature and of the program, not of the operation.
LEFT_OUT = {"authorization", "user-agent", "x-amz-date", "x-amz-content-sha256", "expect"}


class Captured(Exception):
    """Carries a request instead of sending it."""

    def __init__(self, request):
        super().__init__()
        self.request = request


def capture(request, **_):
    raise Captured(request)


def sample(shape, name="", depth=0):
    """A value of a shape, with all members."""
    if shape.type_name == "structure":
        members = shape.members.items()
        return {member: sample(of, member, depth + 1) for member, of in members if member != "Body"}
    if shape.type_name == "list":
        return [sample(shape.member, name, depth + 1) for _ in range(2)]
    if shape.type_name == "map":
        return {"alpha": "one", "beta": "two words"}
    if shape.type_name == "string":
        if shape.enum:
            return "SHA256" if "SHA256" in shape.enum else shape.enum[-1]
        fixed = {"Bucket": "bucket", "Key": "a/../b c+d" if depth == 1 else " key <&> ", "CopySource": "b/k"}
        # What botocore would compute itself.
        fixed["ContentMD5"] = "AAAAAAAAAAAAAAAAAAAAAA=="
        return fixed.get(name, f"{name} <&>" if depth > 1 else name.lower())
    if shape.type_name == "timestamp":
        return AT
    return {"integer": 7, "long": 9_000_000_000, "boolean": True}[shape.type_name]


def flat(name, value, found):
    """The members by the names that a form would have."""
    if name == "Metadata":
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            flat(f"{name}.{key}" if name else key, inner, found)
    elif isinstance(value, list):
        for at, inner in enumerate(value, 1):
            flat(f"{name}.member.{at}", inner, found)
    elif name == "Expires":
        # A text in the model; botocore takes a time.
        found[name] = "Sun, 06 Nov 1994 08:49:37 GMT"
    elif value is AT:
        found[name] = "1994-11-06T08:49:37.000Z"
    else:
        found[name] = str(value).lower() if isinstance(value, bool) else str(value)


def main():
    client = botocore.session.get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://host",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}),
    )
    client.meta.events.register("before-send.s3", capture)
    rust = (HERE.parents[2] / "xtask/src/codegen/s3.rs").read_text()
    built = re.findall(r'^    "(\w+)",$', rust.split("const STRUCTS")[1], re.MULTILINE)
    lines = []
    for name in built:
        model = client.meta.service_model.operation_model(name)
        members = sample(model.input_shape)
        try:
            getattr(client, xform_name(name))(**members)
            raise RuntimeError(name)
        except Captured as captured:
            request = captured.request
        headers = {key.lower(): value for key, value in request.headers.items()}
        headers = {
            key: value.decode() if isinstance(value, bytes) else value
            for key, value in headers.items()
            if key not in LEFT_OUT and not key.startswith("amz-sdk-")
        }
        body = request.body.read() if hasattr(request.body, "read") else request.body or b""
        found = {}
        flat("", members, found)
        lines.append(
            {
                "operation": name,
                "line": f"{request.method} {request.url.removeprefix('http://host')}",
                "headers": headers,
                "body": body.decode() if isinstance(body, bytes) else body,
                "members": found,
            }
        )
    text = "".join(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines)
    (HERE / "s3_requests.jsonl").write_text(text)


if __name__ == "__main__":
    main()
