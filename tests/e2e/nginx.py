"""A real nginx in front of a small upstream, set up as docs/guard.md says."""

import http.client
import json
import re
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import debian
import server

DOCUMENT = Path(__file__).parents[2] / "docs" / "guard.md"


def program():
    """nginx, or a loud skip."""
    return debian.program("nginx", "nginx-light", "the guard behind nginx")


class Upstream:
    """Answers every request with what it got."""

    def __init__(self):
        self.requests = requests = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = {"method": self.command, "target": self.path, "headers": headers, "body": body.decode()}
                requests.append(got)
                text = json.dumps(got).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server.server_address[1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Nginx:
    """nginx with the configuration of docs/guard.md, at other addresses."""

    def __init__(self, folder, guard, upstream, token):
        self.folder, self.program = folder, program()
        folder.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "guard-token.conf").write_text(f'proxy_set_header X-Iamd-Guard-Token "{token}";\n')
        (found,) = re.findall(r"^```nginx\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
        for documented, real in (
            ("listen 8080;", f"listen 127.0.0.1:{self.port};"),
            ("127.0.0.1:4262", guard),
            ("127.0.0.1:9000", upstream),
            ("/etc/nginx/guard-token.conf", str(folder / "guard-token.conf")),
        ):
            assert found.count(documented) == 1, documented
            found = found.replace(documented, real)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"    {kind}_temp_path {folder / kind};\n" for kind in kinds)
        (folder / "nginx.conf").write_text(
            f"daemon off;\nmaster_process off;\npid {folder / 'nginx.pid'};\nerror_log {folder / 'error.log'};\n"
            f"events {{}}\nhttp {{\n    access_log off;\n{places}{found}}}\n"
        )
        command = [self.program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        server.wait_for(self.answers)

    def answers(self):
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method, target, headers, body=None):
        """Status and text of the answer to a request whose bytes are these."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=server.DEADLINE)
        # Targets that no well-behaved client sends.
        connection._validate_path = lambda _: None
        connection._encode_request = lambda request: request.encode("latin-1")
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body.encode() if body else None)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def close(self):
        self.process.terminate()
        self.process.wait(server.DEADLINE)
