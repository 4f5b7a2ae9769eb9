"""The audit log: who did what, what was refused and to whom, and no secret in it."""

import json
import re
import resource
import stat

import pytest

import policies
import server
from clients import refusal
from conftest import Account

ALWAYS = {
    "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress",
    "userAgent", "requestParameters", "responseElements", "requestID", "eventID", "readOnly", "eventType",
    "managementEvent", "recipientAccountId", "eventCategory",
}  # fmt: skip


def find(records, **members):
    """The one record with these members."""
    found = [record for record in records if members.items() <= record.items()]
    assert len(found) == 1, (members, [record["eventName"] for record in records])
    return found[0]


def test_who_did_what_and_what_was_denied(durable):
    account = Account(durable)
    alice = account.user("alice")
    account.may("alice", policies.allow("iam:GetUser"))
    alice.iam.get_user()
    with refusal("AccessDenied"):
        alice.iam.create_user(UserName="mallory")
    with refusal("NoSuchEntity"):
        account.root.iam.get_user(UserName="nobody")
    trust = policies.document(
        policies.trust({"AWS": account.arn("user/alice")}, ["sts:AssumeRole", "sts:SetSourceIdentity"])
    )
    account.root.iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trust)
    taken = alice.sts.assume_role(RoleArn=account.arn("role/Reader"), RoleSessionName="work", SourceIdentity="alice")
    session = account.person(server.Credentials.of(taken["Credentials"]))
    with refusal("AccessDenied"):
        session.iam.list_roles()
    user_id = account.root.iam.get_user(UserName="alice")["User"]["UserId"]
    durable.stop()
    records = durable.records()
    assert find(records, eventName="CreateAccount", eventType="AwsServiceEvent")["userIdentity"]["invokedBy"] == "iamd"
    for record in records:
        assert record.keys() >= ALWAYS
        if record["eventType"] == "AwsServiceEvent":
            continue
        assert record["sourceIPAddress"] == "127.0.0.1" and "Boto3" in record["userAgent"]
        assert record["recipientAccountId"] == account.id

    made = find(records, eventName="CreateUser", requestParameters={"userName": "alice"})
    assert made["userIdentity"] == {
        "type": "Root",
        "principalId": account.id,
        "arn": f"arn:aws:iam::{account.id}:root",
        "accountId": account.id,
        "accessKeyId": durable.root.access_key_id,
    }
    assert made["responseElements"]["user"]["arn"] == account.arn("user/alice")
    assert (made["eventSource"], made["readOnly"], made["awsRegion"]) == ("iam.amazonaws.com", False, "us-east-1")

    key = find(records, eventName="CreateAccessKey")
    assert key["responseElements"]["accessKey"]["accessKeyId"] == alice.credentials.access_key_id

    whom = {
        "type": "IAMUser",
        "principalId": user_id,
        "arn": account.arn("user/alice"),
        "accountId": account.id,
        "accessKeyId": alice.credentials.access_key_id,
        "userName": "alice",
    }
    read = find(records, eventName="GetUser", userIdentity=whom)
    assert read["readOnly"] is True and read["responseElements"] is None
    denied = find(records, errorCode="AccessDenied", userIdentity=whom)
    assert denied["eventName"] == "CreateUser" and denied["requestParameters"] == {"userName": "mallory"}
    assert "because no identity-based policy allows the iam:CreateUser action" in denied["errorMessage"]
    missing = find(records, errorCode="NoSuchEntityException")
    assert missing["errorMessage"] == "The user with name nobody cannot be found."

    assumed = find(records, eventName="AssumeRole")
    assert assumed["responseElements"]["assumedRoleUser"]["arn"].endswith(":assumed-role/Reader/work")
    of_session = find(records, eventName="ListRoles", errorCode="AccessDenied")["userIdentity"]
    assert of_session["type"] == "AssumedRole"
    assert of_session["sessionContext"]["sessionIssuer"]["arn"] == account.arn("role/Reader")
    assert of_session["sessionContext"]["sourceIdentity"] == "alice"


def test_no_secret_is_recorded_or_logged(durable):
    """Whatever is answered or sent that is secret: access keys, session tokens, signatures."""
    account = Account(durable)
    alice = account.user("alice")
    trust = policies.document(policies.trust({"AWS": account.arn("user/alice")}))
    account.root.iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trust)
    taken = alice.sts.assume_role(RoleArn=account.arn("role/Reader"), RoleSessionName="work")["Credentials"]
    own = alice.sts.get_session_token()["Credentials"]
    account.person(server.Credentials.of(taken)).sts.get_caller_identity()
    url = alice.sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    assert durable.get(url.removeprefix(durable.url))[0] == 200
    signature = re.search(r"X-Amz-Signature=(\w+)", url)[1]
    durable.stop()
    kept = "\n".join(path.read_text() for path in (durable.data_dir / "audit").glob("*.jsonl")) + durable.log
    assert alice.credentials.access_key_id in kept
    secrets = [durable.root.secret_access_key, alice.credentials.secret_access_key, signature]
    secrets += [answer[name] for answer in (taken, own) for name in ("SecretAccessKey", "SessionToken")]
    for secret in secrets:
        assert secret not in kept


def test_both_accounts_have_a_record_when_a_role_is_taken_on_across_them(durable):
    """AWS: each account has its own record; both share one id."""
    first = Account(durable)
    done = server.iamd("account", "create", "--name", "Other", "--email", "o@example.com", cwd=durable.folder)
    second = Account(durable, server.root_credentials(done.stdout))
    trust = policies.document(policies.trust({"AWS": second.id}))
    first.root.iam.create_role(RoleName="Auditor", AssumeRolePolicyDocument=trust)
    eve = second.user("eve")
    second.may("eve", policies.allow("sts:AssumeRole"))
    eve.sts.assume_role(RoleArn=first.arn("role/Auditor"), RoleSessionName="audit")
    durable.stop()
    records = [record for record in durable.records() if record["eventName"] == "AssumeRole"]
    assert {record["recipientAccountId"] for record in records} == {first.id, second.id}
    [shared] = {record["sharedEventID"] for record in records}
    assert shared


def test_form_of_the_files(durable):
    Account(durable).user("alice")
    durable.restart()
    Account(durable).root.iam.list_users()
    durable.stop()
    folder = durable.data_dir / "audit"
    segments = sorted(folder.glob("*"))
    for path in segments:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.name == "lock" or re.fullmatch(r"audit-\d{8}T\d{6}Z-\d{4}\.jsonl", path.name)
    ids = [record["eventID"] for record in durable.records()]
    assert len(ids) == len(set(ids)) and ids
    for path in folder.glob("*.jsonl"):
        assert path.read_text().endswith("}\n")


def test_each_request_leaves_one_log_line(make_server):
    iamd = make_server(words=["--log-format", "json"])
    account = Account(iamd)
    alice = account.user("alice")
    account.may("alice", policies.allow("iam:GetUser"), policy="Readers")
    answer = alice.iam.get_user()
    with refusal("AccessDenied"):
        alice.iam.list_users()
    with refusal("SignatureDoesNotMatch"):
        account.person(server.Credentials(alice.credentials.access_key_id, "x" * 40)).iam.list_users()
    iamd.stop()
    lines = [json.loads(line) for line in iamd.log.splitlines()]
    requests = [line for line in lines if "request_id" in line]
    allowed = find(requests, request_id=answer["ResponseMetadata"]["RequestId"])
    assert (allowed["operation"], allowed["decision"], allowed["status"]) == ("GetUser", "allow", 200)
    assert (allowed["caller"], allowed["deciding_policy"]) == (account.arn("user/alice"), "Readers")
    denied = find(requests, operation="ListUsers", decision="deny")
    assert (denied["status"], denied["error"], denied["caller"]) == (403, "AccessDenied", account.arn("user/alice"))
    # Who failed to prove who they are is in the log, not in an account's records (as on AWS).
    assert find(requests, error="SignatureDoesNotMatch")["status"] == 403


def test_audit_can_be_elsewhere_or_off(make_server, tmp_path):
    kept = make_server("ephemeral", name="kept", words=["--audit-dir", tmp_path / "records"])
    Account(kept)
    kept.stop()
    [segment] = (tmp_path / "records").glob("*.jsonl")
    assert "GetCallerIdentity" in segment.read_text()
    off = make_server("durable", name="off", words=["--audit", "off"])
    Account(off)
    off.stop()
    assert off.records() == []


def test_without_a_record_no_answer(make_server, tmp_path):
    """A full disk, played by a limit on the size of files: requests are refused until there is room again."""
    records = tmp_path / "records"
    iamd = make_server("ephemeral", words=["--audit-dir", records, "--log", "off"])
    iam = Account(iamd).root.iam
    _, most = resource.prlimit(iamd.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(iamd.process.pid, resource.RLIMIT_FSIZE, (65_536, most))
    answered = []
    with pytest.raises(iam.exceptions.ClientError) as caught:
        for number in range(65_536):
            iam.create_user(UserName=f"user{number}")
            answered.append(f"user{number}")
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert iamd.get("/-/ready") == (503, "not ready\n")
    assert iamd.get("/-/health") == (200, "ok\n")
    with refusal("ServiceUnavailable"):
        iam.list_users()

    resource.prlimit(iamd.process.pid, resource.RLIMIT_FSIZE, (most, most))
    server.wait_for(lambda: iamd.get("/-/ready")[0] == 200)
    there = [user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]]
    iamd.stop()
    [segment] = records.glob("*.jsonl")
    lines = [json.loads(line) for line in segment.read_text().splitlines()]
    made = [line for line in lines if line["eventName"] == "CreateUser" and "errorCode" not in line]
    made = [line["requestParameters"]["userName"] for line in made]
    assert sorted(made) == sorted(there)
    assert set(answered) <= set(there)
