"""What travels: presigned requests, JSON answers of STS, and the frame of answers and refusals."""

import base64
import json
import re
import urllib.parse
import xml.etree.ElementTree as ET

import pytest
from botocore.signers import RequestSigner

from clients import client, signed_post
from server import Credentials

WHO = "Action=GetCallerIdentity&Version=2011-06-15"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture
def alice(account):
    return account.user("alice")


def test_a_kubernetes_log_in(account, alice):
    """`aws eks get-token`, and what aws-iam-authenticator does with the token."""
    token = alice.aws("eks get-token --cluster-name demo")["status"]["token"]
    encoded = token.removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    assert url.startswith(account.iamd.url) and "X-Amz-Expires=60" in url
    target = url.removeprefix(account.iamd.url)
    headers = {"x-k8s-aws-id": "demo", "Accept": "application/json"}
    status, text = account.iamd.get(target, headers)
    assert status == 200, text
    answer = json.loads(text)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]
    assert (answer["Account"], answer["Arn"]) == (account.id, account.arn("user/alice"))

    # For another cluster, without its header, changed, for another action: refused.
    assert account.iamd.get(target, headers | {"x-k8s-aws-id": "prod"})[0] == 403
    assert account.iamd.get(target, {"Accept": "application/json"})[0] in (400, 403)
    assert account.iamd.get(target.replace("GetCallerIdentity", "GetSessionToken"), headers)[0] == 403
    assert account.iamd.get(target.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"), headers)[0] == 403
    # And with the key, the URL ends.
    account.root.iam.update_access_key(UserName="alice", AccessKeyId=alice.credentials.access_key_id, Status="Inactive")
    status, text = account.iamd.get(target, headers)
    assert status == 403 and json.loads(text)["Error"]["Code"] == "InvalidClientTokenId"


def test_a_presigned_request(account, alice):
    sts = client("sts", account.iamd.url, alice.credentials)
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    status, text = account.iamd.get(url.removeprefix(account.iamd.url))
    assert status == 200 and f"<Arn>{account.arn('user/alice')}</Arn>" in text
    signer: RequestSigner = sts._request_signer
    asked = {"method": "GET", "url": account.iamd.url + "/?" + WHO, "body": {}, "headers": {}, "context": {}}
    url = signer.generate_presigned_url(asked, region_name="eu-central-1", expires_in=1, operation_name="")
    # Signed for a second that has long passed.
    old = re.sub(r"X-Amz-Date=\d{8}T\d{6}Z", "X-Amz-Date=20200101T000000Z", url)
    status, text = account.iamd.get(old.removeprefix(account.iamd.url))
    assert status in (400, 403) and "<Code>" in text and "<Arn>" not in text


def test_json_answers_of_sts(account, alice):
    status, headers, text = signed_post(account.iamd.url, alice.credentials, "sts", WHO, {"Accept": "application/json"})
    assert status == 200 and headers["Content-Type"].startswith("application/json")
    answer = json.loads(text)["GetCallerIdentityResponse"]
    assert answer["GetCallerIdentityResult"]["Arn"] == account.arn("user/alice")
    assert answer["ResponseMetadata"]["RequestId"] == headers["x-amzn-RequestId"]

    wrong = Credentials(alice.credentials.access_key_id, "x" * 40)
    status, headers, text = signed_post(account.iamd.url, wrong, "sts", WHO, {"Accept": "application/json"})
    assert status == 403
    refused = json.loads(text)
    assert refused["Error"]["Code"] == "SignatureDoesNotMatch" and refused["Error"]["Type"] == "Sender"
    assert refused["RequestId"] == headers["x-amzn-RequestId"]


def test_the_frame_of_an_answer(account):
    body = "Action=CreateUser&Version=2010-05-08&UserName=bob&Tags.member.1.Key=a&Tags.member.1.Value=%C3%A9%20b"
    status, headers, text = signed_post(account.iamd.url, account.root.credentials, "iam", body)
    assert status == 200 and headers["Content-Type"] == "text/xml"
    space = "{https://iam.amazonaws.com/doc/2010-05-08/}"
    root = ET.fromstring(text)
    assert root.tag == f"{space}CreateUserResponse"
    assert [child.tag for child in root] == [f"{space}CreateUserResult", f"{space}ResponseMetadata"]
    assert root.find(f".//{space}Tags/{space}member/{space}Value").text == "é b"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", root.find(f".//{space}CreateDate").text)
    request_id = root.find(f".//{space}RequestId").text
    assert re.fullmatch(UUID, request_id) and headers["x-amzn-RequestId"] == request_id

    body = "Action=DeleteUser&Version=2010-05-08&UserName=bob"
    _, _, text = signed_post(account.iamd.url, account.root.credentials, "iam", body)
    root = ET.fromstring(text)
    assert [child.tag for child in root] == [f"{space}ResponseMetadata"]

    status, headers, text = signed_post(account.iamd.url, account.root.credentials, "iam", body)
    root = ET.fromstring(text)
    assert status == 404 and root.tag == f"{space}ErrorResponse"
    told = {child.tag.removeprefix(space): child.text for child in root.find(f"{space}Error")}
    assert told == {"Type": "Sender", "Code": "NoSuchEntity", "Message": "The user with name bob cannot be found."}
    assert root.find(f"{space}RequestId").text == headers["x-amzn-RequestId"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("Action=NoSuchThing&Version=2010-05-08", 400, "InvalidAction"),
        ("Version=2010-05-08", 400, "MissingAction"),
        ("Action=ListUsers&Version=1999-01-01", 400, "NoSuchVersion"),
        ("Action=CreateUser&Version=2010-05-08", 400, "ValidationError"),
        ("Action=ListUsers&Version=2010-05-08&MaxItems=many", 400, None),
        ("Action=ListUsers&Version=2010-05-08&Marker=forged", 400, "ValidationError"),
        ("%zz=%", 404, "MalformedQueryString"),
        ("", 400, "MissingAction"),
    ],
)
def test_refusals(durable, body, status, code):
    got, _, text = signed_post(durable.url, durable.root, "iam", body)
    assert got == status, text
    assert f"<Code>{code}</Code>" in text if code else "<Code>" in text


def test_get_works_as_post_does(account):
    sts = client("sts", account.iamd.url, account.root.credentials)
    asked = {"AccessKeyId": account.root.credentials.access_key_id}
    url = sts.generate_presigned_url("get_access_key_info", Params=asked, HttpMethod="GET")
    assert urllib.parse.urlsplit(url).query.startswith("Action=GetAccessKeyInfo")
    status, text = account.iamd.get(url.removeprefix(account.iamd.url))
    assert status == 200 and f"<Account>{account.id}</Account>" in text
