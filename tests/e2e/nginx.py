"""A real nginx in front of a small upstream, set up as docs/guard.md says."""

import re
import subprocess
from pathlib import Path

import debian
import server
from proxied import Proxy

DOCUMENT = Path(__file__).parents[2] / "docs" / "guard.md"


def program():
    """nginx, or a loud skip."""
    return debian.program("nginx", "nginx-light", "the guard behind nginx")


class Nginx(Proxy):
    """nginx with the configuration of docs/guard.md, at other addresses."""

    def __init__(self, folder, guard, upstream, token):
        self.folder, self.program = folder, program()
        folder.mkdir()
        self.choose_port()
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
        return self.is_open()
