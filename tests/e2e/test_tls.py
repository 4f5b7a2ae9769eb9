"""TLS with a certificate of one's own, as clients check it; and its renewal while serving."""

import datetime
import ipaddress
import json
import signal
import socket
import ssl

import pytest
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import server
from clients import Cli, client


def write_certificate(folder, name="localhost"):
    """A self-signed certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    (folder / "key.pem").chmod(0o600)
    return certificate.public_bytes(serialization.Encoding.DER)


@pytest.fixture
def secure(make_server, tmp_path):
    """A server that other machines could reach."""
    write_certificate(tmp_path)
    words = ["--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]
    return make_server(listen="0.0.0.0:0", words=words)


def test_clients_that_know_the_certificate(secure, tmp_path):
    assert secure.url.startswith("https://localhost:")
    certificate = str(tmp_path / "cert.pem")
    sts = client("sts", secure.url, secure.root, verify=certificate)
    assert sts.get_caller_identity()["Arn"].endswith(":root")
    with pytest.raises(SSLError):
        client("sts", secure.url, secure.root).get_caller_identity()
    cli = Cli(secure.url, secure.root, secure.folder, own_process=True)
    identity = cli(f"sts get-caller-identity --ca-bundle {certificate}")
    assert identity["Arn"].endswith(":root")
    secure.stop()
    record = next(record for record in secure.records() if record["eventName"] == "GetCallerIdentity")
    assert record["tlsDetails"]["tlsVersion"] == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_what_is_spoken(secure, tmp_path):
    context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(secure, context) as speaking:
        assert (speaking.version(), speaking.selected_alpn_protocol()) == ("TLSv1.3", "h2")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(tmp_path / "cert.pem")
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)), connect(secure, old):
        pass
    # Plain HTTP on this port is not answered.
    with socket.create_connection(secure.address, server.DEADLINE) as plain:
        plain.sendall(b"GET /-/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            assert b"200" not in plain.recv(1024)
        except ConnectionResetError:
            pass


def connect(iamd, context):
    plain = socket.create_connection(iamd.address, server.DEADLINE)
    return context.wrap_socket(plain, server_hostname="localhost")


def test_a_renewed_certificate_is_used_from_the_next_connection(secure, tmp_path):
    def served():
        context = ssl._create_unverified_context()
        with connect(secure, context) as speaking:
            return speaking.getpeercert(binary_form=True)

    first = served()
    renewed = write_certificate(tmp_path, "renewed")
    assert served() == first != renewed
    secure.signal(signal.SIGHUP)
    server.wait_for(lambda: "read the TLS certificate again" in secure.log)
    assert served() == renewed
    (tmp_path / "cert.pem").write_text("nothing")
    secure.signal(signal.SIGHUP)
    server.wait_for(lambda: "kept the former TLS certificate" in secure.log)
    assert served() == renewed


def test_secure_transport_is_a_condition(secure, tmp_path):
    certificate = str(tmp_path / "cert.pem")
    iam = client("iam", secure.url, secure.root, verify=certificate)
    iam.create_user(UserName="alice")
    only_secure = {"Bool": {"aws:SecureTransport": "true"}}
    statement = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*", "Condition": only_secure}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="alice", PolicyName="Secure", PolicyDocument=document)
    key = server.Credentials.of(iam.create_access_key(UserName="alice")["AccessKey"])
    assert client("iam", secure.url, key, verify=certificate).get_user()["User"]["UserName"] == "alice"
