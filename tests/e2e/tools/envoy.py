"""A real Envoy in front of a small upstream, set up as docs/guard.md says."""

import re
import subprocess

import pytest

import server
import tool
from conftest import LOUD
from proxied import Proxy

DOCUMENT = tool.ROOT / "docs" / "guard.md"
HOME = tool.ROOT / ".venv-envoy"

# Where a token is shown.
TOKEN = re.compile(r"^ +initial_metadata:\n.*\n|^ +authorization_request:\n.*\n.*\n", re.MULTILINE)

# Around what the document has.
CONFIGURATION = """\
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: edge
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - {{ match: {{ prefix: / }}, route: {{ cluster: upstream }} }}
{manager}
  clusters:
  - name: upstream
    load_assignment:
      cluster_name: upstream
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: {upstream[0]}, port_value: {upstream[1]} }} }} }}
{cluster}
"""


def program():
    """Envoy, or a loud skip."""
    if not (HOME / "made").exists():
        pytest.skip(f"{LOUD}the guard behind Envoy: it could not be installed into {HOME.name}")
    (found,) = HOME.glob("lib/python*/site-packages/envoy/_bin/envoy")
    return found


def documented():
    """The parts of the document: of the connection manager, of the clusters, and what is otherwise over HTTP and TLS."""
    _, _, text = DOCUMENT.read_text().partition("\n## Envoy\n")
    text, _, _ = text.partition("\n## ")
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def indented(text, by):
    return re.sub(r"^(?=.)", " " * by, text, flags=re.MULTILINE)


class Envoy(Proxy):
    """Envoy with the configuration of docs/guard.md, at other addresses and with more time for the guard."""

    def __init__(self, folder, guard, upstream, token, over="grpc", without=(), certificate=None):
        self.folder = folder
        folder.mkdir()
        self.choose_port()
        manager, cluster, over_http, over_tls = documented()
        host, port = guard.split(":")
        replaced = [
            ("timeout: 0.5s", f"timeout: {server.DEADLINE}s"),
            ("address: iamd, port_value: 4262", f"address: {host}, port_value: {port}"),
        ]
        if over == "http":
            # The filter's last member, with all that is deeper than it.
            manager, found = re.subn(r"^    grpc_service:\n(?: {5}.*\n)+", over_http, manager, flags=re.MULTILINE)
            assert found == 1
            cluster, found = re.subn(r"^  typed_extension_protocol_options:\n(?: {3}.*\n)+", "", cluster, flags=re.MULTILINE)
            assert found == 1
            replaced.append(("http://iamd:4262", f"http://{guard}"))
        if certificate:
            # Who shows it, and the certificate of who may answer.
            own, authority = certificate
            cluster += over_tls
            replaced.append(("/etc/envoy/cert.pem", str(own)))
            replaced.append(("/etc/envoy/key.pem", str(own)))
            replaced.append(("/etc/envoy/ca.pem", str(authority)))
            replaced.append(("exact: iamd", "exact: localhost"))
            without = [*without, TOKEN]
        else:
            replaced.append(("TOKEN", token))
        for left_out in without:
            manager, found = re.subn(left_out, "", manager)
            assert found, left_out
        for documented_text, real in replaced:
            assert (manager + cluster).count(documented_text) == 1, documented_text
            manager, cluster = (part.replace(documented_text, real) for part in (manager, cluster))
        configuration = CONFIGURATION.format(
            port=self.port,
            upstream=upstream.split(":"),
            manager=indented(manager, 10),
            cluster=indented(cluster, 2),
        )
        (folder / "envoy.yaml").write_text(configuration)
        words = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"]
        with open(folder / "log.txt", "wb") as log:
            self.process = subprocess.Popen(
                [program(), "--config-path", folder / "envoy.yaml", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        server.wait_for(self.answers)

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log.txt").read_text()
        return self.is_open()
