"""nginx and Caddy before real servers, each with the sample that the documentation gives to operators."""

import os
import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lairchat.testing.processes import ROOT, eventually

EXAMPLES = ROOT / "docs/operate/examples"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def trusting() -> ssl.SSLContext:
    """A client that asks for no certificate: which one a test's proxy made is not what is tested."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Proxy:
    """One proxy on ports of its own, for the host `localhost`. Use as a context; the end is a kill."""

    def __init__(self, directory: Path, web: Sequence[int], realtime: Sequence[int]) -> None:
        self.directory = directory
        self.port, self.plain_port = free_port(), free_port()
        directory.mkdir()
        with (directory / "said").open("w") as said:
            self.process = subprocess.Popen(
                self.command(web, realtime),
                env=os.environ | self.environment(web, realtime),
                stdout=said,
                stderr=said,
            )
        eventually(self._listens, "the proxy listens")

    def command(self, web: Sequence[int], realtime: Sequence[int]) -> list[str]:
        raise NotImplementedError

    def environment(self, web: Sequence[int], realtime: Sequence[int]) -> dict[str, str]:
        return {}

    def _listens(self) -> bool:
        assert self.process.poll() is None, (self.directory / "said").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait()


class Nginx(Proxy):
    """nginx.conf with other ports, other paths and a certificate of a day."""

    def command(self, web: Sequence[int], realtime: Sequence[int]) -> list[str]:
        sample = (EXAMPLES / "nginx.conf").read_text()
        changes = {
            "127.0.0.1:8082": f"127.0.0.1:{web[0]}",
            "127.0.0.1:8083": f"127.0.0.1:{web[1]}",
            "127.0.0.1:8091": f"127.0.0.1:{realtime[0]}",
            "127.0.0.1:8092": f"127.0.0.1:{realtime[1]}",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "server_name chat.example.org;": "server_name localhost;",
            "/etc/ssl/lair/": f"{self.directory}/",
            "/var/log/nginx/": f"{self.directory}/",
        }
        for old, new in changes.items():
            assert old in sample, f"the sample has no {old}"
            sample = sample.replace(old, new)
        (self.directory / "lair.conf").write_text(sample)
        self._make_certificate()
        temporary = "".join(
            f"    {name}_temp_path {self.directory}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;\n" if os.getuid() == 0 else ""  # its workers write below the test's directory
        (self.directory / "nginx.conf").write_text(
            f"{user}daemon off;\nworker_processes 1;\npid {self.directory}/pid;\nerror_log stderr;\n"
            f"events {{}}\nhttp {{\n{temporary}    include {self.directory}/lair.conf;\n}}\n"
        )
        return ["nginx", "-e", "stderr", "-p", str(self.directory), "-c", str(self.directory / "nginx.conf")]

    def _make_certificate(self) -> None:
        subject = ["-subj", "/CN=localhost", "-days", "1", "-nodes"]
        files = ["-keyout", str(self.directory / "privkey.pem"), "-out", str(self.directory / "fullchain.pem")]
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        subprocess.run(["openssl", "req", "-x509", *kind, *subject, *files], check=True, capture_output=True)

    @property
    def log(self) -> str:
        return (self.directory / "lair.log").read_text()


class Caddy(Proxy):
    """The Caddyfile as it is, its names given by the environment; before it what keeps Caddy in its directory."""

    def command(self, web: Sequence[int], realtime: Sequence[int]) -> list[str]:
        own = f"admin off\n\tskip_install_trust\n\thttp_port {self.plain_port}\n\tstorage file_system {self.directory}"
        config = self.directory / "Caddyfile"
        config.write_text(f"{{\n\t{own}\n}}\n{(EXAMPLES / 'Caddyfile').read_text()}")
        return ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]

    def environment(self, web: Sequence[int], realtime: Sequence[int]) -> dict[str, str]:
        return {
            "LAIR_SITE": f"https://localhost:{self.port}",
            "LAIR_HOST_NAME": "localhost",
            "LAIR_WEB": " ".join(f"127.0.0.1:{port}" for port in web),
            "LAIR_REALTIME": " ".join(f"127.0.0.1:{port}" for port in realtime),
            "HOME": str(self.directory),
            "XDG_DATA_HOME": str(self.directory),
            "XDG_CONFIG_HOME": str(self.directory),
        }
