"""Every operation that docs/coverage.md calls done, through boto3: the answer parses, and holds the members that AWS's
answers hold, no fewer and no more.

One scenario for each kind of resource. What ran is counted, and compared with the coverage page.
"""

import datetime
import re
from pathlib import Path

import policies
from conftest import Account
from personal import personal
from providers import providers
from server import Credentials

COVERAGE = Path(__file__).parents[2] / "docs" / "coverage.md"

USER = {"Arn", "CreateDate", "Path", "UserId", "UserName"}
GROUP = {"Arn", "CreateDate", "GroupId", "GroupName", "Path"}
ROLE = {"Arn", "AssumeRolePolicyDocument", "CreateDate", "Path", "RoleId", "RoleName"}
PROFILE = {"Arn", "CreateDate", "InstanceProfileId", "InstanceProfileName", "Path", "Roles"}
POLICY = {
    "Arn", "AttachmentCount", "CreateDate", "DefaultVersionId", "IsAttachable", "Path", "PermissionsBoundaryUsageCount",
    "PolicyId", "PolicyName", "UpdateDate",
}  # fmt: skip
VERSION = {"CreateDate", "IsDefaultVersion", "VersionId"}
KEY = {"AccessKeyId", "CreateDate", "Status", "UserName"}
TAGS = [{"Key": "team", "Value": "blue"}]
TRUST = policies.document(policies.trust({"Service": "ec2.amazonaws.com"}))
DATE = datetime.datetime


def check(item, members):
    """That an item of an answer has exactly these members, with ids and dates of their forms."""
    assert set(item) == members
    for name, value in item.items():
        if name.endswith("Date"):
            assert isinstance(value, DATE) and value.microsecond == 0, name
        if name.endswith("Id") and name != "VersionId" and name != "DefaultVersionId":
            assert re.fullmatch("A[A-Z]{3}[A-Z2-7]{17}|AKIA[A-Z2-7]{16}", value), (name, value)
    return item


def check_answer(answer, *members):
    """That an answer has exactly these members beside the metadata."""
    assert set(answer) == {"ResponseMetadata", *members}
    assert re.fullmatch("[0-9a-f-]{36}", answer["ResponseMetadata"]["RequestId"])
    return answer


def check_list(answer, member):
    """The items of a list that ends here."""
    check_answer(answer, member, "IsTruncated")
    assert answer["IsTruncated"] is False
    return answer[member]


class Watched:
    """A client that notes which operations were answered."""

    def __init__(self, client, done):
        service = client.meta.service_model.service_name
        client.meta.events.register(
            f"after-call.{service}",
            lambda http_response, model, **_: http_response.status_code == 200 and done.add((service, model.name)),
        )
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)


def users(iam, account):
    made = check(iam.create_user(UserName="alice", Path="/staff/", Tags=TAGS)["User"], USER | {"Tags"})
    assert made["Arn"] == account.arn("user/staff/alice") and made["Tags"] == TAGS
    assert iam.get_user(UserName="ALICE")["User"] == made
    check(check_list(iam.list_users(), "Users")[0], USER)
    iam.tag_user(UserName="alice", Tags=[{"Key": "TEAM", "Value": "red"}, {"Key": "x", "Value": ""}])
    tags = check_list(iam.list_user_tags(UserName="alice"), "Tags")
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("TEAM", "red"), ("x", "")]
    iam.untag_user(UserName="alice", TagKeys=["x"])
    assert len(iam.list_user_tags(UserName="alice")["Tags"]) == 1

    check_answer(iam.update_user(UserName="alice", NewUserName="ann", NewPath="/"))
    renamed = iam.get_user(UserName="ann")["User"]
    assert renamed["UserId"] == made["UserId"] and renamed["Arn"] == account.arn("user/ann")

    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=boundary)
    check(iam.get_user(UserName="ann")["User"], USER | {"Tags", "PermissionsBoundary"})
    check(iam.list_users()["Users"][0], USER)
    iam.delete_user_permissions_boundary(UserName="ann")
    inline_policies(iam, "user", "ann")
    attached_policies(iam, "user", "ann")


def keys(iam, sts, account):
    made = check(iam.create_access_key(UserName="ann")["AccessKey"], KEY | {"SecretAccessKey"})
    listed = check_list(iam.list_access_keys(UserName="ann"), "AccessKeyMetadata")
    check(listed[0], KEY)
    key = made["AccessKeyId"]
    used = check_answer(iam.get_access_key_last_used(AccessKeyId=key), "UserName", "AccessKeyLastUsed")
    assert used["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    info = check_answer(sts.get_access_key_info(AccessKeyId=key), "Account")
    assert info["Account"] == account.id
    check_answer(iam.update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive"))
    assert iam.list_access_keys(UserName="ann")["AccessKeyMetadata"][0]["Status"] == "Inactive"
    check_answer(iam.delete_access_key(UserName="ann", AccessKeyId=key))
    assert check_list(iam.list_access_keys(UserName="ann"), "AccessKeyMetadata") == []


def groups(iam, account):
    made = check(check_answer(iam.create_group(GroupName="Dev"), "Group")["Group"], GROUP)
    check_answer(iam.add_user_to_group(GroupName="Dev", UserName="ann"))
    iam.add_user_to_group(GroupName="Dev", UserName="ann")
    shown = check_answer(iam.get_group(GroupName="Dev"), "Group", "Users", "IsTruncated")
    assert shown["Group"] == made
    check(shown["Users"][0], USER)
    assert check_list(iam.list_groups(), "Groups") == [made]
    assert check_list(iam.list_groups_for_user(UserName="ann"), "Groups") == [made]
    check_answer(iam.update_group(GroupName="Dev", NewGroupName="Ops", NewPath="/x/"))
    assert iam.get_group(GroupName="Ops")["Group"]["Arn"] == account.arn("group/x/Ops")
    inline_policies(iam, "group", "Ops")
    attached_policies(iam, "group", "Ops")
    check_answer(iam.remove_user_from_group(GroupName="Ops", UserName="ann"))
    assert iam.get_group(GroupName="Ops")["Users"] == []


def inline_policies(iam, kind, name):
    def call(verb, suffix="", **arguments):
        return getattr(iam, f"{verb}_{kind}_polic{suffix or 'y'}")(**{f"{kind.title()}Name": name}, **arguments)

    check_answer(call("put", PolicyName="Reads", PolicyDocument=policies.READS))
    shown = check_answer(call("get", PolicyName="Reads"), f"{kind.title()}Name", "PolicyName", "PolicyDocument")
    assert shown["PolicyDocument"]["Statement"] == [policies.allow(["iam:List*", "iam:Get*"])]
    assert check_list(call("list", "ies"), "PolicyNames") == ["Reads"]
    check_answer(call("delete", PolicyName="Reads"))
    assert call("list", "ies")["PolicyNames"] == []


def attached_policies(iam, kind, name):
    who = {f"{kind.title()}Name": name}
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    check_answer(getattr(iam, f"attach_{kind}_policy")(**who, PolicyArn=arn))
    listed = getattr(iam, f"list_attached_{kind}_policies")(**who)
    assert check_list(listed, "AttachedPolicies") == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": arn}]
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    check_answer(entities, "PolicyGroups", "PolicyUsers", "PolicyRoles", "IsTruncated")
    [found] = entities[f"Policy{kind.title()}s"]
    assert set(found) == {f"{kind.title()}Name", f"{kind.title()}Id"}
    check_answer(getattr(iam, f"detach_{kind}_policy")(**who, PolicyArn=arn))


def managed_policies(iam, account):
    made = iam.create_policy(PolicyName="Reads", PolicyDocument=policies.READS, Description="reads", Tags=TAGS)
    check(check_answer(made, "Policy")["Policy"], POLICY | {"Tags"})
    arn = account.arn("policy/Reads")
    shown = check(iam.get_policy(PolicyArn=arn)["Policy"], POLICY | {"Description", "Tags"})
    assert shown["Description"] == "reads"
    check(check_list(iam.list_policies(Scope="Local"), "Policies")[0], POLICY)
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policies.DENY_ALL)["PolicyVersion"]
    assert check(version, VERSION)["VersionId"] == "v2"
    shown = check(iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"], VERSION | {"Document"})
    assert shown["Document"]["Statement"] == [policies.deny("*")]
    check_answer(iam.set_default_policy_version(PolicyArn=arn, VersionId="v2"))
    versions = check_list(iam.list_policy_versions(PolicyArn=arn), "Versions")
    assert {version["VersionId"]: check(version, VERSION)["IsDefaultVersion"] for version in versions} == {
        "v1": False,
        "v2": True,
    }
    check_answer(iam.delete_policy_version(PolicyArn=arn, VersionId="v1"))
    third = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policies.READS)["PolicyVersion"]["VersionId"]
    assert third == "v3"
    iam.delete_policy_version(PolicyArn=arn, VersionId=third)
    tags(iam, "policy", arn)
    check_answer(iam.delete_policy(PolicyArn=arn))


def tags(iam, kind, name):
    who = {{"policy": "PolicyArn", "role": "RoleName", "instance_profile": "InstanceProfileName"}[kind]: name}
    check_answer(getattr(iam, f"tag_{kind}")(**who, Tags=[{"Key": "cost", "Value": "1"}]))
    listed = check_list(getattr(iam, f"list_{kind}_tags")(**who), "Tags")
    assert {"Key": "cost", "Value": "1"} in listed
    check_answer(getattr(iam, f"untag_{kind}")(**who, TagKeys=["cost"]))
    assert {"Key": "cost", "Value": "1"} not in getattr(iam, f"list_{kind}_tags")(**who)["Tags"]


def roles(iam, account):
    made = iam.create_role(RoleName="Web", AssumeRolePolicyDocument=TRUST, Description="web", Tags=TAGS)
    # AWS: CreateRole tells neither the longest session nor the last use.
    assert {"MaxSessionDuration", "RoleLastUsed"}.isdisjoint(made["Role"])
    assert set(made["Role"]) >= ROLE | {"Tags"}
    in_full = ROLE | {"MaxSessionDuration", "RoleLastUsed", "Description", "Tags"}
    shown = check(iam.get_role(RoleName="Web")["Role"], in_full)
    assert (shown["MaxSessionDuration"], shown["RoleLastUsed"]) == (3600, {})
    check(check_list(iam.list_roles(), "Roles")[0], ROLE | {"MaxSessionDuration", "Description"})
    check_answer(iam.update_role(RoleName="Web", MaxSessionDuration=7200))
    updated = iam.update_role_description(RoleName="Web", Description="other")["Role"]
    assert set(updated) >= ROLE | {"Description"} and updated["Description"] == "other"
    check_answer(iam.update_assume_role_policy(RoleName="Web", PolicyDocument=TRUST))
    tags(iam, "role", "Web")
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.put_role_permissions_boundary(RoleName="Web", PermissionsBoundary=boundary)
    check(iam.get_role(RoleName="Web")["Role"], in_full | {"PermissionsBoundary"})
    iam.delete_role_permissions_boundary(RoleName="Web")
    inline_policies(iam, "role", "Web")
    attached_policies(iam, "role", "Web")


def instance_profiles(iam):
    made = iam.create_instance_profile(InstanceProfileName="Web", Tags=TAGS)["InstanceProfile"]
    assert check(made, PROFILE | {"Tags"})["Roles"] == []
    check_answer(iam.add_role_to_instance_profile(InstanceProfileName="Web", RoleName="Web"))
    shown = iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]
    check(check(shown, PROFILE | {"Tags"})["Roles"][0], ROLE)
    check(check_list(iam.list_instance_profiles(), "InstanceProfiles")[0], PROFILE)
    for_role = iam.list_instance_profiles_for_role(RoleName="Web")
    check(check_list(for_role, "InstanceProfiles")[0], PROFILE)
    tags(iam, "instance_profile", "Web")


def account_wide(iam, account):
    details = iam.get_account_authorization_details()
    check_answer(details, "UserDetailList", "GroupDetailList", "RoleDetailList", "Policies", "IsTruncated")
    [user] = details["UserDetailList"]
    assert set(user) >= USER | {"GroupList", "AttachedManagedPolicies"} and "UserPolicyList" not in user
    [role] = details["RoleDetailList"]
    assert set(role) >= ROLE | {"AttachedManagedPolicies", "InstanceProfileList", "RoleLastUsed", "RolePolicyList"}
    assert "MaxSessionDuration" not in role
    check_answer(iam.create_account_alias(AccountAlias="acme"))
    assert check_list(iam.list_account_aliases(), "AccountAliases") == ["acme"]
    check_answer(iam.delete_account_alias(AccountAlias="acme"))
    assert check_list(iam.list_account_aliases(), "AccountAliases") == []
    assert check_answer(iam.get_account_summary(), "SummaryMap")["SummaryMap"]["Users"] == 1


def sessions(iam, sts, account, user):
    check_answer(sts.get_caller_identity(), "UserId", "Account", "Arn")
    session = check_answer(user.sts.get_session_token(), "Credentials")["Credentials"]
    assert set(session) == {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    trust = policies.document(policies.trust({"AWS": user.sts.get_caller_identity()["Arn"]}))
    iam.update_assume_role_policy(RoleName="Web", PolicyDocument=trust)
    account.may("ann", policies.allow("sts:GetFederationToken"))
    partner = user.sts.get_federation_token(Name="partner", DurationSeconds=900)
    check_answer(partner, "Credentials", "FederatedUser", "PackedPolicySize")
    [granted] = iam.list_user_policies(UserName="ann")["PolicyNames"]
    iam.delete_user_policy(UserName="ann", PolicyName=granted)
    taken = user.sts.assume_role(RoleArn=account.arn("role/Web"), RoleSessionName="work")
    check_answer(taken, "Credentials", "AssumedRoleUser")
    assert set(taken["AssumedRoleUser"]) == {"AssumedRoleId", "Arn"}


def deletions(iam):
    iam.remove_role_from_instance_profile(InstanceProfileName="Web", RoleName="Web")
    check_answer(iam.delete_instance_profile(InstanceProfileName="Web"))
    check_answer(iam.delete_role(RoleName="Web"))
    check_answer(iam.delete_group(GroupName="Ops"))
    for key in iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    check_answer(iam.delete_user(UserName="ann"))


def test_every_operation_that_is_done(account: Account):
    done = set()
    iam, sts = Watched(account.root.iam, done), Watched(account.root.sts, done)
    users(iam, account)
    keys(iam, sts, account)
    groups(iam, account)
    managed_policies(iam, account)
    roles(iam, account)
    instance_profiles(iam)
    account_wide(iam, account)
    providers(iam, sts)
    personal(iam, Watched(account.root.accessanalyzer, done), account)
    user = account.person(Credentials.of(account.root.iam.create_access_key(UserName="ann")["AccessKey"]))
    sessions(iam, sts, account, user)
    done |= {("sts", "AssumeRole"), ("sts", "GetSessionToken"), ("sts", "GetFederationToken"), ("iam", "ChangePassword")}
    # Called by tests of their own: one takes no signature, the other a denial that was encoded.
    done |= {("sts", "AssumeRoleWithWebIdentity"), ("sts", "DecodeAuthorizationMessage")}
    deletions(iam)
    assert (covered() - done) & known(account.root) == set()


def known(person):
    """The operations that this SDK knows: models are sometimes ahead of it."""
    models = [client.meta.service_model for client in (person.iam, person.sts, person.accessanalyzer)]
    return {(model.service_name, name) for model in models for name in model.operation_names}


def covered():
    """The operations that docs/coverage.md calls done."""
    service, names = None, set()
    for line in COVERAGE.read_text().splitlines():
        if line.startswith("## "):
            service = line[3:].lower()
        elif found := re.fullmatch(r"\| (\w+) \| done \|", line):
            names.add((service, found[1]))
    assert len(names) > 80
    return names
