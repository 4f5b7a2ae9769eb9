"""An OpenID Connect provider on this machine: two documents over HTTPS, under a certificate authority of its own."""

import datetime
import ipaddress
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

HOST = "localhost"


def _certificate(subject, key, issuer, issuer_key, *extensions):
    name = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _pem(key):
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none)


class Issuer:
    """Signs tokens; `oidc_*` settings of a server that may ask it are in `settings`."""

    def __init__(self, folder):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(
            _certificate("Corp", authority, "Corp", authority, (x509.BasicConstraints(True, None), True))
        )
        names = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        chain = folder / "chain.pem"
        chain.write_bytes(_certificate(HOST, own, "Corp", authority, (names, False)) + _pem(own))
        self._serve(chain)

    def _serve(self, chain):
        issuer = self

        class Documents(BaseHTTPRequestHandler):
            def do_GET(self):
                document = issuer.documents().get(self.path)
                body = json.dumps(document).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Documents)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def name(self):
        """What provider ARNs and condition keys begin with."""
        return f"{HOST}:{self.server.server_port}"

    @property
    def url(self):
        return f"https://{self.name}"

    def documents(self):
        key = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True) | {"kid": "first", "use": "sig", "alg": "RS256"}
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/keys": {"keys": [key]},
        }

    @property
    def settings(self):
        return {
            "IAMD_OIDC_CA": str(self.authority),
            "IAMD_OIDC_HOSTS": self.name,
            "IAMD_OIDC_INTERNAL_NETWORKS": "127.0.0.0/8",
        }

    def token(self, key=None, **claims):
        """A token of this minute, signed with the issuer's key unless another is given."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": "app", "sub": "pod-1", "iat": now, "exp": now + 600} | claims
        return jwt.encode(claims, key or self.key, algorithm="RS256", headers={"kid": "first"})

    def close(self):
        self.server.shutdown()
        self.server.server_close()
