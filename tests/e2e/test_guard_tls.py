"""An enforcement point that proves itself with a client certificate."""

import datetime
import http.client
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import server
from test_guard import ACCOUNT, HOST, SETTINGS, guard_address, write_settings
from test_tls import write_certificate

WHO = "spiffe://example.org/edge"


class Authority:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "proxies")])
        self.certificate = self._sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))

    def _sign(self, subject, key, *extensions):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, file, uri):
        """A certificate and its key in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "edge")])
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file.write_bytes(self._sign(subject, key, names) + key.private_bytes(pem, form, serialization.NoEncryption()))
        return file


@pytest.fixture
def guarding(make_server, tmp_path):
    """A guard that takes certificates; what asks it, and the authority that it trusts."""
    write_certificate(tmp_path)
    authority = Authority()
    (tmp_path / "proxies.pem").write_bytes(authority.certificate)
    write_settings(tmp_path, "not used", certificate=f"uri:{WHO}")
    tls = ["--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]
    iamd = make_server(words=["--account-id", ACCOUNT, "--config", tmp_path / "guard.toml", *tls])
    port = int(guard_address(iamd).rpartition(":")[2])

    def ask(certificate=None):
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        if certificate:
            context.load_cert_chain(certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=server.DEADLINE)
        told = {"Method": "GET", "URI": "/v1/public/a", "Host": HOST, "Protocol": "HTTP/1.1"}
        connection.request("GET", "/-/nginx", headers={f"X-Original-{name}": value for name, value in told.items()})
        return connection.getresponse().status

    return ask, authority


def test_the_certificate_says_who_asks(guarding, tmp_path):
    ask, authority = guarding
    assert ask(authority.issue(tmp_path / "edge.pem", WHO)) == 200
    assert ask(authority.issue(tmp_path / "other.pem", WHO + "2")) == 403
    assert ask() == 403
    # Another authority's word counts for nothing.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(Authority().issue(tmp_path / "forged.pem", WHO))


def test_a_guard_that_is_set_up_by_half_does_not_start(tmp_path):
    (tmp_path / "guard.toml").write_text(SETTINGS + '\n[guard]\nclient_ca = "proxies.pem"\n')
    reason = server.refused("serve", "--ephemeral", "--config", "guard.toml", cwd=tmp_path)
    assert reason == "guard.client_ca needs tls_cert: certificates are shown over TLS"
    # The token that a point shows must be there, and be nobody else's to read.
    (tmp_path / "guard.toml").write_text(SETTINGS)
    reason = server.refused("serve", "--ephemeral", "--config", "guard.toml", cwd=tmp_path)
    assert "the enforcement point `edge` needs the token `edge.token`, which is not there" in reason
    (tmp_path / "edge.token").write_text("x" * 40)
    (tmp_path / "edge.token").chmod(0o644)
    reason = server.refused("serve", "--ephemeral", "--config", "guard.toml", cwd=tmp_path)
    assert "is open to other users (mode 644)" in reason
