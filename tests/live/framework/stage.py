# SPDX-License-Identifier: Apache-2.0
"""What the tests of one window share: places, servers, the secret, and what assay told."""
import contextlib
import json
import os
import secrets
import subprocess

from framework.harness import Skipped
from framework.places import CLIENT_IP, HOST, SERVER_IP, SERVER_IP6, SERVER_IP_2, missing_program
from framework.servers import Server

TLS_IP = SERVER_IP_2  # for ports that are taken on the first address


class Nginx:
    """One nginx for all tests of a window; each test has a port of its own to be known by."""

    plain, login, deferred, deferred_login = 80, 8081, 8082, 8083
    mixed, uring, mapped, ipv6, static, many = 8084, 8085, 8086, 8087, 8088, 8089
    url_login, refused_login, odd, held, used = 8090, 8091, 8443, 8092, 8093
    live, served, kept_alive = 8094, 8095, 8096
    tls, tls_deferred, tls_login, tls_12, tls_user = 443, 8444, 8445, 8446, 8447
    tls_on_23 = 23  # on TLS_IP


class Stage:
    def __init__(self, directory, triggers, server, client):
        self.directory = directory
        self.triggers = triggers
        self.server, self.client, self.host = server, client, HOST
        # Letters and digits: the same in a URL, in a shell and on the wire.
        self.secret = "S" + secrets.token_hex(12) + "t"
        self.facts = None      # Facts, once the window is closed (or as far as it went)
        self.findings = None   # Findings, once the window is closed
        self.assay = {}        # "run" and "facts": the Assay of the window, as far as it has one
        self.window_closed_at = None
        self.binary = None
        self.output = None     # where `--output file:` puts findings
        self._servers = contextlib.ExitStack()
        self._port = 20000
        self._nginx = None

    def close(self):
        self._servers.close()

    def told_at(self, fits):
        """When the records of `assay run` that fit arrived here."""
        return [at for at, line in self.assay["run"].out if fits(json.loads(line))]

    def port(self):
        """A port that no other test has: so findings about it are this test's."""
        self._port += 1
        return self._port

    def file(self, name, text="", mode=0o644):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def folder(self, name, mode=0o755):
        path = os.path.join(self.directory, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return path

    def trigger(self, name):
        path = os.path.join(self.triggers, f"trigger_{name}")
        if not os.path.exists(path):
            raise AssertionError(f"{path} is not built")
        return path

    def needs(self, *programs):
        missing = missing_program(*programs)
        if missing:
            raise Skipped(f"{missing} is not installed (see PACKAGES)")

    def log(self, name):
        return os.path.join(self.directory, f"{name}.log")

    def certificate(self):
        """(certificate, key), self-signed."""
        certificate, key = (os.path.join(self.directory, name) for name in ("cert.pem", "key.pem"))
        if not os.path.exists(certificate):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                            "/CN=assay-live", "-keyout", key, "-out", certificate],
                           check=True, capture_output=True)
            os.chmod(key, 0o644)
        return certificate, key

    def nginx(self):
        if self._nginx is None:
            self._nginx = self._servers.enter_context(self._make_nginx())
        return self._nginx

    def _make_nginx(self):
        self.needs("nginx")
        certificate, key = self.certificate()
        hashed = subprocess.run(["openssl", "passwd", "-apr1", "-stdin"], input=self.secret,
                                text=True, check=True, capture_output=True).stdout.strip()
        users = self.file("nginx/users", f"joe:{hashed}\n")
        site = self.folder("nginx/site")
        self.file("nginx/site/index.html", "private\n")
        ports = Nginx
        plain = [ports.plain, ports.mixed, ports.uring, ports.mapped, ports.static, ports.many,
                 ports.odd, ports.held, ports.used, ports.served, ports.kept_alive,
                 f"{ports.deferred} deferred", f"[{SERVER_IP6}]:{ports.ipv6}"]
        login = [ports.login, ports.url_login, ports.refused_login, ports.live,
                 f"{ports.deferred_login} deferred"]
        tls = [f"{ports.tls} ssl", f"{ports.tls_deferred} ssl deferred", f"{ports.tls_login} ssl",
               f"{ports.tls_12} ssl", f"{ports.tls_user} ssl",
               f"{TLS_IP}:{ports.tls_on_23} ssl"]

        def listens(entries):
            return " ".join(f"listen {entry};" for entry in entries)

        temporary = " ".join(f"{kind}_temp_path {self.directory}/nginx/{kind};" for kind in
                             ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = self.file("nginx/nginx.conf", f"""
            daemon off; worker_processes 1; user www-data; pid {self.directory}/nginx/pid;
            error_log stderr warn;
            events {{ worker_connections 128; }}
            http {{
                access_log off; {temporary}
                ssl_protocols TLSv1.2 TLSv1.3;
                ssl_certificate {certificate}; ssl_certificate_key {key};
                server {{ {listens(plain)} location / {{ return 200 "plain\\n"; }} }}
                server {{ {listens(login)} root {site};
                          auth_basic "assay"; auth_basic_user_file {users}; }}
                server {{ {listens(tls)} location / {{ return 200 "tls\\n"; }} }}
            }}""")
        numbers = [int(str(entry).split()[0].rsplit(":", 1)[-1]) for entry in plain + login + tls]
        return Server(["/usr/sbin/nginx", "-e", "stderr", "-c", configuration], numbers,
                      place=self.server, own_run=True, log=self.log("nginx"))


def contains(text, wanted):
    if wanted not in text:
        raise AssertionError(f"no {wanted!r} in what it printed: {text.strip()[-400:]!r}")


def holder_pids(owners):
    """Pids in Owners, whose entries read IMAGE[PID]."""
    return sorted(int(owner.rsplit("[", 1)[1].rstrip("]")) for owner in owners or [])


__all__ = ["CLIENT_IP", "HOST", "SERVER_IP", "SERVER_IP6", "TLS_IP", "Nginx", "Stage", "contains",
           "holder_pids"]
