"""What users prove themselves with besides access keys: MFA devices, passwords, keys and certificates of their own."""

import csv
import io
import subprocess

import server
from clients import refusal
from conftest import Account
from phone import Device, Phone
from server import Credentials


def test_a_code_opens_a_session_and_a_role_once(account):
    alice = account.user("alice")
    phone = Phone(account, "alice")
    assert len(phone.seed) == 64 and phone.picture.startswith(b"\x89PNG")
    listed = account.root.aws("iam list-mfa-devices --user-name alice")["MFADevices"]
    assert [device["SerialNumber"] for device in listed] == [phone.serial]
    account.may("alice", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"})
    token = alice.sts.get_session_token(SerialNumber=phone.serial, TokenCode=phone.code())["Credentials"]
    session = account.person(Credentials.of(token))
    assert session.iam.list_users()["Users"][0]["UserName"] == "alice"
    with refusal("AccessDenied") as message:
        alice.sts.get_session_token(SerialNumber=phone.serial, TokenCode=phone.code())
    assert message == ["MultiFactorAuthentication failed with invalid MFA one time pass code. "]
    if account.iamd.engine == "durable":
        account.iamd.restart()
        with refusal("AccessDenied"):
            alice.sts.get_session_token(SerialNumber=phone.serial, TokenCode=phone.code())


def test_a_hardware_device_by_its_serial_number(durable):
    account, serial, seed = Account(durable), "GAHT12345678", "GEZDGNBVGY3TQOJQ" * 2
    alice = account.user("alice")
    with refusal("NoSuchEntity"):
        Device(account, "alice", serial, seed)
    words = ["account", "add-hardware-token", "--account", account.id, "--serial", serial]
    done = server.iamd(*words, cwd=durable.folder, typed=seed + "\n")
    assert (done.returncode, done.stdout) == (0, f"{serial} can be assigned with `aws iam enable-mfa-device`\n"), done
    durable.restart()
    account = Account(durable)
    device = Device(account, "alice", serial, seed)
    token = account.person(alice.credentials).sts.get_session_token(SerialNumber=serial, TokenCode=device.code())
    assert token["Credentials"]
    assert seed not in str(durable.records()) + durable.log
    done = server.iamd(*words, cwd=durable.folder, typed="no seed")
    assert done.returncode == 1 and "iamd: A seed is 16 to 64 bytes" in done.stderr
    remove = ["account", "remove-hardware-token", "--account", account.id, "--serial", serial]
    done = server.iamd(*remove, cwd=durable.folder)
    assert done.returncode == 1 and f"iamd: The device {serial} is in use" in done.stderr
    account.root.iam.deactivate_mfa_device(UserName="alice", SerialNumber=serial)
    done = server.iamd(*remove, cwd=durable.folder)
    assert (done.returncode, done.stdout) == (0, f"{serial} is forgotten\n"), done
    done = server.iamd(*remove, cwd=durable.folder)
    assert done.returncode == 1 and f"iamd: There is no hardware device {serial}" in done.stderr


def test_passwords_and_the_report(account):
    alice = account.user("alice")
    aws = account.root.aws
    aws("iam update-account-password-policy --minimum-password-length 12 --allow-users-to-change-password")
    message = aws.refused("iam create-login-profile --user-name alice --password short", "PasswordPolicyViolation")
    assert message == "Password should have a minimum length of 12"
    aws("iam create-login-profile --user-name alice --password correct-horse-1 --password-reset-required")
    alice.iam.change_password(OldPassword="correct-horse-1", NewPassword="battery staple")
    assert aws("iam get-login-profile --user-name alice")["LoginProfile"]["PasswordResetRequired"] is False
    assert aws("iam generate-credential-report")["State"] == "STARTED"
    assert aws("iam generate-credential-report")["State"] == "COMPLETE"
    content = account.root.iam.get_credential_report()["Content"].decode()
    root, user = csv.DictReader(io.StringIO(content))
    assert (root["user"], user["user"]) == ("<root_account>", "alice")
    assert (user["password_enabled"], user["mfa_active"], user["access_key_1_active"]) == ("true", "false", "true")


def test_keys_and_certificates(account, tmp_path):
    account.root.iam.create_user(UserName="alice")
    iam = account.root.iam
    run = lambda *words: subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "id")
    body = (tmp_path / "id.pub").read_text()
    key = iam.upload_ssh_public_key(UserName="alice", SSHPublicKeyBody=body)["SSHPublicKey"]
    assert f"MD5:{key['Fingerprint']}" in run("ssh-keygen", "-l", "-E", "md5", "-f", "id.pub")
    subject = ["-subj", "/CN=www.example.com", "-days", "30", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"]
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", *subject)
    certificate, private = (tmp_path / "cert.pem").read_text(), (tmp_path / "key.pem").read_text()
    upload = {"ServerCertificateName": "www", "CertificateBody": certificate, "PrivateKey": private}
    iam.upload_server_certificate(**upload)
    assert iam.get_server_certificate(ServerCertificateName="www")["ServerCertificate"]["CertificateBody"] == certificate
    iam.upload_signing_certificate(UserName="alice", CertificateBody=certificate)
    made = iam.create_service_specific_credential(UserName="alice", ServiceName="codecommit.amazonaws.com")
    assert made["ServiceSpecificCredential"]["ServiceUserName"] == f"alice-at-{account.id}"
    with refusal("DeleteConflict"):
        iam.delete_user(UserName="alice")
