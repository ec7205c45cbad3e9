"""A board to test against: a server on a free port over SQLite or PostgreSQL, and people who are logged in.

    class Pages:
        def test_something(self):
            saeki = self.board.person("responder")          # an account of that role, logged in
            page = saeki.get("/incidents/1")                # a Response: status, headers, text, json()
            page = saeki.post("/incidents/1/x", {"a": "1"}) # with the CSRF token; redirects are not followed
            page = saeki.api("POST", "/api/v1/x", {"a": 1}) # JSON, with X-CSRF-Token

    on_each_database(Pages, globals())                      # makes PagesOnSqlite and PagesOnPostgres

setUpClass starts one server for all tests of a class (self.board), tearDownClass stops it by its pid and runs
`hikeshi-board verify`: a test whose record does not verify fails. Standard library only.
"""
import html
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid

BUILD = pathlib.Path(os.environ.get("HIKESHI_BUILD", "build"))
BOARD = BUILD / "hikeshi-board"
PASSWORD = "correct horse battery"
# A sanitizer's own memory is not the board's.
SANITIZED = any(mark in BOARD.read_bytes() for mark in (b"__tsan_init", b"__asan_init"))
ROLES = ("administrator", "responder", "owner", "reader")
ROLE_BITS = {"administrator": 1, "responder": 2, "owner": 4, "reader": 8}
# Logins are mail addresses, so that an owner finds what is theirs; tests/browser/harness.mjs has the same.
PEOPLE = {
    "administrator": ("saeki@example.co.jp", "佐伯 美帆"),
    "responder": ("okubo@example.co.jp", "大久保 亮"),
    "owner": ("uehara@example.co.jp", "上原 千夏"),
    "reader": ("miyashita@example.co.jp", "宮下 修"),
}
PG = os.environ.get("HIKESHI_TEST_PG")


def command(*args, stdin=""):
    return subprocess.run([str(BOARD), *args], input=stdin, capture_output=True, text=True, timeout=120)


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    @property
    def location(self):
        return self.headers.get("Location")

    def csrf(self):
        m = re.search(r'name="csrf" value="([0-9a-f]+)"', self.text)
        return m and m.group(1)

    def __repr__(self):
        return "<%d %s %r>" % (self.status, dict(self.headers), self.body[:600])


class Person:
    """A browser: cookies, and the CSRF token of the last page that had one."""

    def __init__(self, board):
        self.board, self.cookies, self.csrf = board, {}, None

    def request(self, method, path, body=None, headers=None, timeout=60):
        c = http.client.HTTPConnection("127.0.0.1", self.board.port, timeout=timeout)
        headers = dict(headers or {})
        if self.cookies:
            headers.setdefault("Cookie", "; ".join("%s=%s" % kv for kv in self.cookies.items()))
        try:
            c.request(method, path, body=body, headers=headers)
            r = c.getresponse()
            answer = Response(r.status, r.headers, r.read())
        finally:
            c.close()
        self.keep_cookies(answer)
        return answer

    def keep_cookies(self, answer):
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        kind = answer.headers.get("Content-Type") or ""
        if kind.startswith("text/html"):
            self.csrf = answer.csrf() or self.csrf

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, fields=None, files=None, headers=None, csrf=True):
        """fields: a dict or a list of pairs; files: {field: (file name, bytes)}."""
        pairs = list(fields.items() if isinstance(fields, dict) else fields or [])
        if csrf:
            pairs.insert(0, ("csrf", self.csrf or ""))
        if files:
            kind, body = multipart(pairs, files)
        else:
            kind, body = "application/x-www-form-urlencoded", urllib.parse.urlencode(pairs)
        return self.request("POST", path, body, {"Content-Type": kind, **(headers or {})})

    def api(self, method, path, value=None, headers=None):
        h = {"X-CSRF-Token": self.csrf or "", **(headers or {})}
        body = None
        if value is not None:
            body = json.dumps(value)
            h["Content-Type"] = "application/json"
        return self.request(method, path, body, h)

    def follow(self, answer):
        """The page that a 303 leads to."""
        assert answer.status == 303, answer
        return self.get(answer.location)

    def log_in(self, login, password=PASSWORD, **fields):
        if not self.csrf:
            self.get("/login")
        answer = self.post("/login", {"login": login, "password": password, **fields})
        if answer.status == 303:
            self.csrf = None
            self.get("/account")  # its forms have the session's token
        return answer

    def events(self, path, **headers):
        return Events(self, path, headers)


class Events:
    """A stream of server-sent events, read by hand."""

    def __init__(self, person, path, headers=None):
        self.socket = socket.create_connection(("127.0.0.1", person.board.port), timeout=30)
        lines = ["GET %s HTTP/1.1" % path, "Host: 127.0.0.1:%d" % person.board.port,
                 "Cookie: " + "; ".join("%s=%s" % kv for kv in person.cookies.items())]
        lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in (headers or {}).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        self.head = head.decode()
        self.status = int(self.head.split()[1])

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise EOFError("the stream ended")
        self.data += got

    def wait(self, word, seconds=10):
        """Until the word was sent."""
        self.socket.settimeout(seconds)
        while word.encode() not in self.data:
            self.more()
        text, self.data = self.data, b""
        return text.decode()

    def ended(self, seconds=15):
        """Whether the server ends the stream."""
        self.socket.settimeout(seconds)
        try:
            while True:
                self.more()
        except EOFError:
            return True
        except OSError:
            return False

    def close(self):
        self.socket.close()


def multipart(pairs, files):
    boundary = uuid.uuid4().hex
    out = []
    for name, value in pairs:
        out.append(('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
                    % (boundary, name, value)).encode())
    for name, (file, content) in files.items():
        out.append(('--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
                    'Content-Type: application/octet-stream\r\n\r\n' % (boundary, name, file)).encode())
        out.append(content)
        out.append(b"\r\n")
    out.append(("--%s--\r\n" % boundary).encode())
    return "multipart/form-data; boundary=" + boundary, b"".join(out)


def new_schema():
    """A PostgreSQL schema of its own, as an url."""
    schema = "e2e_" + uuid.uuid4().hex[:12]
    psql = subprocess.run(["psql", "-q", "-d", PG, "-c", "CREATE SCHEMA " + schema], capture_output=True, text=True)
    assert psql.returncode == 0, psql.stderr
    return "%s&options=-csearch_path%%3D%s" % (PG, schema)


class Server:
    """One running board over the data that `where` names (--data DIR or --database URL)."""

    def __init__(self, where, *options, wrapper=(), env=None):
        self.where = where
        self.log_lines = []
        self.process = subprocess.Popen(
            [*wrapper, str(BOARD), "serve", *where, "--listen", "127.0.0.1:0", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        self.setup_code = None
        line = self.process.stdout.readline()
        if not line.startswith("hikeshi-board: "):
            self.process.wait(30)
            raise RuntimeError("the board did not start: " + "".join(self.log_lines))
        self.url = line.split()[1]
        self.port = int(re.search(r":(\d+)$", self.listening(line)).group(1))
        self.pid = self.process.pid
        if not self.has_account():
            self.setup_code = self.process.stdout.readline().split()[-1]

    @staticmethod
    def listening(line):
        return line.strip().rpartition(" at ")[2] or line.strip()

    def has_account(self):
        return Person(self).get("/login").location != "/setup"

    def read_log(self):
        for line in self.process.stderr:
            self.log_lines.append(line)

    def log(self):
        return "".join(self.log_lines)

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path("/proc/%d/status" % self.pid).read_text()).group(1))

    def stop(self, how=signal.SIGTERM, seconds=60):
        """Ends it and says with which exit code; what a sanitizer found is in log()."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        self.reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Board(Server):
    """A server with an account of each role."""

    def __init__(self, where, *options, **kw):
        for role, (login, name) in PEOPLE.items():
            done = command("user", "add", *where, "--login", login, "--name", name, "--role", role,
                           stdin=PASSWORD + "\n")
            assert done.returncode == 0, done.stderr
        self.people = {}
        super().__init__(where, *options, **kw)

    def person(self, role, fresh=False):
        """Somebody of this role, logged in; the same one each time unless fresh."""
        if fresh or role not in self.people:
            p = Person(self)
            answer = p.log_in(PEOPLE[role][0])
            assert answer.status == 303, answer
            if fresh:
                return p
            self.people[role] = p
        return self.people[role]

    def nobody(self):
        return Person(self)

    def incident(self, title="Log4Shell"):
        done = command("incident", "open", "log4shell", *self.where, "--title", title)
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[1])

    def verify(self):
        done = command("verify", *self.where)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def status_json(self):
        return json.loads(command("status", "--json", *self.where).stdout)


class WithBoard(unittest.TestCase):
    """What on_each_database mixes in."""
    options = ()

    @classmethod
    def place(cls):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.where = cls.place()
        cls.board = Board(cls.where, *cls.options)

    @classmethod
    def tearDownClass(cls):
        code = cls.board.stop()
        cls.board.verify()
        assert code == 0, (code, cls.board.log()[-6000:])
        super().tearDownClass()

    def title(self, page):
        m = re.search(r"<title>(.*?)</title>", page.text)
        return html.unescape(m.group(1)) if m else ""


class OnSqlite(WithBoard):
    @classmethod
    def place(cls):
        cls.dir = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.dir.cleanup)
        return ["--data", cls.dir.name]


class OnPostgres(WithBoard):
    @classmethod
    def place(cls):
        return ["--database", new_schema()]


def on_each_database(tests, namespace):
    """Makes two test classes of one mixin."""
    name = tests.__name__
    namespace[name + "OnSqlite"] = type(name + "OnSqlite", (tests, OnSqlite), {"__module__": tests.__module__})
    namespace[name + "OnPostgres"] = unittest.skipUnless(PG, "HIKESHI_TEST_PG is not set")(
        type(name + "OnPostgres", (tests, OnPostgres), {"__module__": tests.__module__}))


def until(what, seconds=10):
    """Waits for what() to be true, and gives it back."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    return what()
