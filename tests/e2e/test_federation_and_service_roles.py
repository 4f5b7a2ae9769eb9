"""Federated users, encoded denials, service-linked roles, settings of an account, and its quotas."""

import json

import policies
import providers
import server
from clients import refusal
from conftest import Account


def test_a_federated_user_has_what_both_sides_allow(account):
    alice = account.user("alice")
    account.may("alice", policies.allow("sts:GetFederationToken"), policies.allow("sts:DecodeAuthorizationMessage"))
    policy = policies.document(policies.allow("sts:*"))
    answer = alice.aws(f"sts get-federation-token --name partner --policy '{policy}' --duration-seconds 900")
    user = answer["FederatedUser"]
    assert user["FederatedUserId"] == f"{account.id}:partner"
    partner = account.person(server.Credentials.of(answer["Credentials"]))
    assert partner.aws("sts get-caller-identity")["Arn"] == user["Arn"]
    with refusal("InvalidClientTokenId"):
        partner.iam.list_users()
    message = partner.aws.refused("sts get-session-token", "AccessDenied")
    assert message == "Cannot call GetSessionToken with session credentials"
    message = alice.aws.refused("sts decode-authorization-message --encoded-message none", "InvalidAuthorizationMessageException")
    assert "not valid" in message


def test_an_encoded_denial_is_decoded(make_server):
    account = Account(make_server("durable", env={"IAMD_ENCODE_DENIALS": "on"}))
    alice = account.user("alice")
    message = alice.aws.refused("iam list-users", "AccessDenied")
    encoded = message.partition("Encoded authorization failure message: ")[2]
    decoded = account.root.sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"]
    decoded = json.loads(decoded)
    assert decoded["allowed"] is False and decoded["context"]["action"] == "iam:ListUsers"
    assert decoded["context"]["principal"]["name"] == "alice"


def test_metadata_of_a_large_federation(durable):
    """In a form that is longer than a million bytes, since most of XML's characters are three there."""
    iam = Account(durable).root.iam
    metadata = providers.METADATA + "\n" * (800 * 1024 - len(providers.METADATA))
    arn = iam.create_saml_provider(Name="Federation", SAMLMetadataDocument=metadata)["SAMLProviderArn"]
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == metadata
    durable.restart()
    iam = Account(durable).root.iam
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == metadata
    # The most that the model has is refused as a quota is.
    with refusal("LimitExceeded") as message:
        iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=metadata.ljust(10_000_000))
    assert message == ["Cannot exceed quota for SAMLMetadataDocumentSize: 819200"]


def test_a_service_linked_role_comes_and_goes(account):
    root = account.root
    role = root.aws("iam create-service-linked-role --aws-service-name autoscaling.amazonaws.com --custom-suffix a")["Role"]
    assert role["Arn"] == account.arn(
        "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_a"
    )
    message = root.aws.refused(f"iam delete-role --role-name {role['RoleName']}", "UnmodifiableEntity")
    assert message.endswith("this role is only modifiable by AWS")
    task = root.aws(f"iam delete-service-linked-role --role-name {role['RoleName']}")["DeletionTaskId"]
    assert root.aws(f"iam get-service-linked-role-deletion-status --deletion-task-id {task}")["Status"] == "SUCCEEDED"
    root.aws.refused("iam list-organizations-features", "OrganizationNotFoundException")


def test_quotas_are_those_of_the_configuration(make_server, tmp_path):
    file = tmp_path / "quotas.toml"
    file.write_text("[quotas]\nusers = 1\n")
    account = Account(make_server("durable", env={"IAMD_CONFIG": str(file)}))
    assert account.root.iam.get_account_summary()["SummaryMap"]["UsersQuota"] == 1
    account.user("alice")
    with refusal("LimitExceeded"):
        account.root.iam.create_user(UserName="bob")
