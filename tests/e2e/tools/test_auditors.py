"""Auditors read an account that somebody left open, and find what is wrong with it."""

import json

import policies
import pytest
import tool
from conftest import Account


@pytest.fixture
def account(durable):
    """Mallory has a password, no MFA and every permission; the group's policy lets its members make themselves admins."""
    account = Account(durable)
    iam = account.root.iam
    iam.create_user(UserName="mallory")
    iam.create_login_profile(UserName="mallory", Password="a-Password-with-4-words")
    account.may("mallory", policies.allow("*"), policy="Everything")
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="alice")
    for name, action in [("Escalates", "iam:CreatePolicyVersion"), ("Modest", "iam:GetUser")]:
        document = policies.document(policies.allow(action))
        made = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]
        iam.attach_group_policy(GroupName="staff", PolicyArn=made["Arn"])
    return account


def test_prowler(account):
    words = ["aws", "--service", "iam", "--region", "us-east-1", "--ignore-exit-code-3", "--no-banner"]
    output = ["--output-formats", "json-ocsf", "--output-directory", ".", "--output-filename", "report"]
    tool.run("prowler", "prowler", *words, *output, person=account.root, folder=account.iamd.folder)

    report = json.loads((account.iamd.folder / "report.ocsf.json").read_text())
    found = {(each["metadata"]["event_code"], each["resources"][0]["name"], each["status_code"]) for each in report}
    expected = {
        ("iam_inline_policy_no_administrative_privileges", "mallory/Everything", "FAIL"),
        ("iam_user_mfa_enabled_console_access", "mallory", "FAIL"),
        ("iam_user_mfa_enabled_console_access", "alice", "PASS"),
        ("iam_no_root_access_key", "<root_account>", "FAIL"),
        ("iam_root_mfa_enabled", "<root_account>", "FAIL"),
        ("iam_password_policy_minimum_length_14", account.id, "FAIL"),
        ("iam_customer_attached_policy_no_administrative_privileges", "Modest", "PASS"),
        ("iam_user_two_active_access_key", "alice", "PASS"),
    }
    assert expected - found == set(), sorted(found)


def test_cloudsplaining(account):
    folder = account.iamd.folder
    run = lambda *words: tool.run("cloudsplaining", "cloudsplaining", *words, person=account.root, folder=folder)
    run("download", "--output", ".")
    run("scan", "--skip-open-report", "--input-file", "default.json", "--output", ".")

    results = json.loads((folder / "iam-results-default.json").read_text())
    [inline] = results["inline_policies"].values()
    assert inline["PolicyName"] == "Everything"
    assert [user["name"] for user in results["users"].values() if user["inline_policies"]] == ["mallory"]
    assert inline["PrivilegeEscalation"]["findings"] and inline["CredentialsExposure"]["findings"]
    own = {policy["PolicyName"]: policy for policy in results["customer_managed_policies"].values()}
    [escalation] = own["Escalates"]["PrivilegeEscalation"]["findings"]
    assert escalation["actions"] == ["iam:createpolicyversion"]
    assert own["Modest"]["PrivilegeEscalation"]["findings"] == []
