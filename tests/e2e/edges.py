"""Edges that cannot load the module, on loopback with an exported file: HAProxy, and nginx with ModSecurity."""
import functools, http.client, json, pathlib, shutil, socket, subprocess, tempfile, time, urllib.parse

import servers
from servers import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE_HEADERS = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0",
                 "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Language": "ja,en-US;q=0.7"}


@functools.cache
def program(name, *args):
    """The path that a script of build-aux prints; what is not installed is fetched into .cache. None: it cannot be had."""
    try:
        done = subprocess.run([str(ROOT / "build-aux" / name), *args], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def multipart(name, value):
    return (b"--xYzZy\r\nContent-Disposition: form-data; name=\"" + name + b"\"\r\n\r\n" + value + b"\r\n--xYzZy--\r\n",
            "multipart/form-data; boundary=xYzZy")


def placed(where, payload):
    """method, target, headers, body that carry the payload in a header, argument, form, JSON or multipart field"""
    quoted = urllib.parse.quote_from_bytes(payload, safe="").encode()
    if where == "header":
        return "GET", "/", {"X-Api-Version": payload.decode("latin-1")}, None
    if where == "argument":
        return "GET", "/?q=" + quoted.decode(), {}, None
    if where == "form":
        return "POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&q=" + quoted
    if where == "json":
        return "POST", "/", {"Content-Type": "application/json"}, json.dumps({"a": [1, {"q": payload.decode("utf-8", "replace")}]}).encode()
    body, kind = multipart(b"q", payload)
    return "POST", "/", {"Content-Type": kind}, body


class Edge:
    """A server under a folder of its own; `with` starts and stops it."""

    def __init__(self, exported):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hikeshi-edge-"))
        self.port = free_port()
        self.exported = exported
        self.connection = None

    def __enter__(self):
        self.log = open(self.folder / "log", "w+")
        self.process = servers.start(self.command(), self.__exit__, stdout=self.log, stderr=self.log)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        self.log.seek(0)
        text = self.log.read()
        self.__exit__()
        raise AssertionError("the edge does not start: " + text[-2000:])

    def __exit__(self, *_):
        if self.connection:
            self.connection.close()
        servers.end(self.process, self.__exit__, seconds=10)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method, target, headers, body=None, host="shop.example.jp"):
        for again in (False, True):
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            c = self.connection
            try:
                c.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
                c.putheader("Host", host)
                for k, v in {**CACHE_HEADERS, **headers}.items():
                    c.putheader(k, v.encode("latin-1"))
                if body is not None:
                    c.putheader("Content-Length", str(len(body)))
                c.endheaders(body)
                answer = c.getresponse()
                answer.read()
                return answer.status
            except (http.client.HTTPException, ConnectionError):
                c.close()
                self.connection = None
                if again:
                    raise


class Haproxy(Edge):
    def command(self):
        self.config = self.folder / "haproxy.cfg"
        self.config.write_text(
            "global\n  maxconn 50\n  tune.bufsize 32768\ndefaults\n  mode http\n  timeout client 20s\n  timeout server 20s\n"
            f"  timeout connect 5s\nfrontend edge\n  bind 127.0.0.1:{self.port}\n" + self.exported +
            "\n  http-request return status 200 content-type text/plain string ok\n")
        subprocess.run([program("test-edge", "haproxy"), "-c", "-q", "-f", str(self.config)], check=True, timeout=60, stdin=subprocess.DEVNULL)
        return [program("test-edge", "haproxy"), "-db", "-f", str(self.config)]


class ModSecurity(Edge):
    def command(self):
        f = self.folder
        (f / "rules.conf").write_text("SecRuleEngine On\n" + self.exported)
        (f / "nginx.conf").write_text(f"""
load_module {program("test-edge", "modsecurity")};
daemon off; master_process off; pid {f}/pid; error_log {f}/error.log error;
events {{ worker_connections 64; }}
http {{
  access_log off; large_client_header_buffers 4 32k;
  client_body_temp_path {f}/b; proxy_temp_path {f}/p; fastcgi_temp_path {f}/f; uwsgi_temp_path {f}/u; scgi_temp_path {f}/s;
  server {{ listen unix:{f}/sock; location / {{ return 200 ok; }} }}
  server {{ listen 127.0.0.1:{self.port}; modsecurity on; modsecurity_rules_file {f}/rules.conf;
            location / {{ proxy_pass http://unix:{f}/sock; }} }}
}}
""")
        return [program("nginx-module", "--nginx"), "-p", str(f), "-c", str(f / "nginx.conf"), "-e", str(f / "error.log")]


def missing(kind):
    """Why an edge of this kind cannot be tested here, or None."""
    if kind is Haproxy:
        return None if program("test-edge", "haproxy") else "no haproxy: neither installed nor to be fetched"
    if not program("nginx-module", "--nginx"):
        return "no nginx: neither installed nor to be fetched"
    return None if program("test-edge", "modsecurity") else "no libnginx-mod-http-modsecurity: neither installed nor to be fetched"
