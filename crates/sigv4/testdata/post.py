"""Makes `post/botocore.jsonl`: forms signed by botocore, as `generate_presigned_post` gives them.

    python3 post.py        # needs botocore, see the end-to-end tests' requirements
"""

import datetime
import json
import pathlib

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HERE = pathlib.Path(__file__).parent / "post"
NOW = datetime.datetime(2015, 12, 29, 0, 0)
botocore.auth.get_current_datetime = lambda *_, **__: NOW
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def form(id, fields, conditions, token=None):
    request = AWSRequest(method="POST", url="http://localhost/examplebucket")
    request.context["s3-presign-post-fields"] = dict(fields)
    request.context["s3-presign-post-policy"] = {
        "expiration": "2015-12-29T01:00:00Z",
        "conditions": [{"bucket": "examplebucket"}, *conditions],
    }
    signer = botocore.auth.S3SigV4PostAuth(Credentials(KEY, SECRET, token), "s3", "us-east-1")
    signer.add_auth(request)
    fields = list(request.context["s3-presign-post-fields"].items())
    return {"id": id, "fields": fields, "token": token}


if __name__ == "__main__":
    forms = [
        form("key", [("key", "a.txt")], [{"key": "a.txt"}]),
        form("starts-with", [("key", "user/a.txt")], [["starts-with", "$key", "user/"], ["content-length-range", 1, 10]]),
        form("acl", [("key", "k"), ("acl", "private"), ("Content-Type", "image/png")],
             [{"key": "k"}, {"acl": "private"}, ["starts-with", "$Content-Type", "image/"]]),
        form("session", [("key", "k")], [{"key": "k"}], token="IQoJtoken+/=="),
    ]
    text = "".join(json.dumps(made) + "\n" for made in forms)
    (HERE / "botocore.jsonl").write_text(text, encoding="utf-8")
    print(len(forms))
