"""What stands behind a proxy and sees what it lets through, and requests to the proxy, byte for byte."""

import http.client
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import server


class Upstream:
    """Answers every request with what it got."""

    def __init__(self):
        self.requests = requests = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Transfer-Encoding"):
                    body = b"".join(self.chunks())
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = {"method": self.command, "target": self.path, "headers": headers, "body": body.decode()}
                requests.append(got)
                text = json.dumps(got).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def chunks(self):
                while size := int(self.rfile.readline(), 16):
                    yield self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()

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


class Proxy:
    """A proxy's process, and what is asked of it."""

    def choose_port(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def is_open(self):
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method, target, headers, body=None, chunked=False):
        """Status and text of the answer to a request whose bytes are these."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=server.DEADLINE)
        # Targets that no well-behaved client sends.
        connection._validate_path = lambda _: None
        connection._encode_request = lambda request: request.encode("latin-1")
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if chunked:
                connection.putheader("Transfer-Encoding", "chunked")
            elif body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body.encode() if body else None, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def close(self):
        self.process.terminate()
        self.process.wait(server.DEADLINE)
