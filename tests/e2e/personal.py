"""What users have besides access keys, and what is said about accounts, through boto3: used by test_every_operation.py."""

import datetime
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import policies
from phone import STEP, code

TAGS = [{"Key": "team", "Value": "blue"}]


def passwords(iam, account):
    iam.update_account_password_policy(MinimumPasswordLength=10, AllowUsersToChangePassword=True)
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 10
    user = account.user("pat")
    iam.create_login_profile(UserName="pat", Password="correct horse")
    user.iam.change_password(OldPassword="correct horse", NewPassword="battery staple")
    iam.update_login_profile(UserName="pat", Password="third of these", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="pat")["LoginProfile"]["PasswordResetRequired"]
    iam.delete_login_profile(UserName="pat")
    iam.delete_account_password_policy()
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.get_credential_report()["ReportFormat"] == "text/csv"
    return user


def devices(iam):
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="pat", Tags=TAGS)["VirtualMFADevice"]
    seed, device = made["Base32StringSeed"].decode(), {"SerialNumber": made["SerialNumber"]}
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"]
    now = int(time.time()) // STEP
    codes = lambda step: {"AuthenticationCode1": code(seed, step), "AuthenticationCode2": code(seed, step + 1)}
    iam.enable_mfa_device(UserName="pat", **device, **codes(now - 2))
    iam.resync_mfa_device(UserName="pat", **device, **codes(now))
    assert iam.get_mfa_device(UserName="pat", **device)["UserName"] == "pat"
    assert iam.list_mfa_devices(UserName="pat")["MFADevices"]
    iam.tag_mfa_device(**device, Tags=[{"Key": "kind", "Value": "phone"}])
    iam.untag_mfa_device(**device, TagKeys=["kind"])
    assert iam.list_mfa_device_tags(**device)["Tags"] == TAGS
    iam.deactivate_mfa_device(UserName="pat", **device)
    iam.delete_virtual_mfa_device(**device)


def own_certificate():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "www.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    certificate = builder.not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256())
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    private = key.private_bytes(pem, form, serialization.NoEncryption()).decode()
    ssh = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    return certificate.public_bytes(pem).decode(), private, ssh


def keys_and_certificates(iam):
    certificate, private, ssh = own_certificate()
    user = {"UserName": "pat"}
    key = iam.upload_ssh_public_key(**user, SSHPublicKeyBody=ssh)["SSHPublicKey"]
    key = {**user, "SSHPublicKeyId": key["SSHPublicKeyId"]}
    iam.update_ssh_public_key(**key, Status="Inactive")
    assert iam.get_ssh_public_key(**key, Encoding="SSH")["SSHPublicKey"]["Status"] == "Inactive"
    assert len(iam.list_ssh_public_keys(**user)["SSHPublicKeys"]) == 1
    iam.delete_ssh_public_key(**key)

    made = iam.upload_signing_certificate(**user, CertificateBody=certificate)["Certificate"]
    signing = {**user, "CertificateId": made["CertificateId"]}
    iam.update_signing_certificate(**signing, Status="Inactive")
    assert iam.list_signing_certificates(**user)["Certificates"][0]["Status"] == "Inactive"
    iam.delete_signing_certificate(**signing)

    server = {"ServerCertificateName": "www"}
    iam.upload_server_certificate(**server, CertificateBody=certificate, PrivateKey=private)
    iam.tag_server_certificate(**server, Tags=TAGS)
    assert iam.list_server_certificate_tags(**server)["Tags"] == TAGS
    iam.untag_server_certificate(**server, TagKeys=["team"])
    iam.update_server_certificate(**server, NewServerCertificateName="web")
    server = {"ServerCertificateName": "web"}
    assert iam.get_server_certificate(**server)["ServerCertificate"]["CertificateBody"] == certificate
    assert len(iam.list_server_certificates()["ServerCertificateMetadataList"]) == 1
    iam.delete_server_certificate(**server)

    made = iam.create_service_specific_credential(**user, ServiceName="codecommit.amazonaws.com")
    credential = {**user, "ServiceSpecificCredentialId": made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]}
    again = iam.reset_service_specific_credential(**credential)["ServiceSpecificCredential"]
    assert again["ServicePassword"] != made["ServiceSpecificCredential"]["ServicePassword"]
    iam.update_service_specific_credential(**credential, Status="Inactive")
    assert iam.list_service_specific_credentials(**user)["ServiceSpecificCredentials"][0]["Status"] == "Inactive"
    iam.delete_service_specific_credential(**credential)


def simulations(iam, analyzer, arn):
    document = policies.document(policies.allow("iam:Get*"))
    results = iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=["iam:GetUser"])["EvaluationResults"]
    assert results[0]["EvalDecision"] == "allowed"
    results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:GetUser"])["EvaluationResults"]
    assert results[0]["EvalDecision"] == "implicitDeny"
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"] == []
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == []
    assert analyzer.validate_policy(policyDocument=document, policyType="IDENTITY_POLICY")["findings"] == []


def advice(iam, arn):
    granted = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["iam"])
    assert granted["PoliciesGrantingServiceAccess"] == [{"ServiceNamespace": "iam", "Policies": []}]
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    assert iam.get_service_last_accessed_details(JobId=job)["JobStatus"] == "COMPLETED"
    entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam")
    assert entities["JobStatus"] == "COMPLETED"


def settings(iam):
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    assert iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"] == 2
    iam.list_delegation_requests()
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]["RoleName"]
    task = iam.delete_service_linked_role(RoleName=role)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def personal(iam, analyzer, account):
    """Every operation on these."""
    user = passwords(iam, account)
    devices(iam)
    keys_and_certificates(iam)
    arn = account.arn("user/pat")
    simulations(iam, analyzer, arn)
    advice(iam, arn)
    settings(iam)
    return user
