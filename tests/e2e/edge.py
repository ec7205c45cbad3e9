"""nginx with and without the guard, an upstream behind it and a client that sends bytes as it is told: what test_guard.py
and tests/bench/guard stand on. Everything listens on the loopback, has a folder of its own, and is ended by its pid."""
import glob, http.server, os, re, shutil, signal, socket, socketserver, subprocess, tempfile, threading, time

import servers
from servers import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("HIKESHI_BUILD", os.path.join(ROOT, "build")))
MODULE = os.path.join(BUILD, "ngx_http_hikeshi_module.so")
NGINX = subprocess.run([os.path.join(ROOT, "build-aux/nginx-module"), "--nginx"], stdout=subprocess.PIPE, check=True,
                       text=True).stdout.strip()


def wait_for(what, seconds=30, step=0.01):
    """What `what` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


class Nginx:
    """One nginx. `http` is what stands in http {}; PORT in it is this server's port, DIR its folder."""

    def __init__(self, http, guard=True, main="", workers=1, files=(), env=None):
        self.dir = tempfile.mkdtemp(prefix="hikeshi-edge-")
        self.port = free_port()
        self.env, self.process, self.wrap = env, None, []
        os.mkdir(os.path.join(self.dir, "html"))
        for name, data in dict(files).items():
            self.write(name, data)
        self.main, self.workers, self.guard = main, workers, guard
        self.http = http
        self.configure(http)

    def configure(self, http):
        temp = "".join("%s_temp_path %s/t_%s;\n" % (x, self.dir, x) for x in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        conf = ("%s%s%s\nworker_processes %d;\ndaemon off;\npid nginx.pid;\nerror_log %s/error.log info;\n"
                "worker_shutdown_timeout 20s;\nevents { worker_connections 1024; }\nhttp {\ndefault_type text/plain;\n"
                "%sroot %s/html;\n%s\n%s\n}\n") % (
                    "load_module %s;\n" % MODULE if self.guard else "", user, self.main, self.workers, self.dir,
                    "" if re.search(r"access_log (?!off)", http) else "access_log off;\n", self.dir, temp, http)
        self.write("nginx.conf", conf.replace("PORT", str(self.port)).replace("DIR", self.dir))

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        """Whole, as somebody who hands out files would: a new file in the place of the old one."""
        data = data if isinstance(data, bytes) else data.encode()
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name + ".new"), "wb") as f:
            f.write(data)
        os.rename(self.path(name + ".new"), self.path(name))

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def command(self, *args):
        return [NGINX, "-p", self.dir, "-c", self.path("nginx.conf"), "-e", self.path("error.log"), *args]

    def environment(self):
        return {**os.environ, **{k: v.replace("DIR", self.dir) for k, v in (self.env or {}).items()}}

    def check(self):
        """nginx -t: (accepted, what it says)."""
        r = subprocess.run(self.command("-t"), capture_output=True, text=True, timeout=60, env=self.environment())
        return r.returncode == 0, r.stderr

    def start(self, seconds=20):
        with open(self.path("out"), "ab") as out:  # a worker's stderr is its error log
            self.process = servers.start([*self.wrap, *self.command()], self.stop, stdout=out, stderr=out, env=self.environment())
        if not wait_for(self.answers, seconds):
            said = self.read("out") + self.read("error.log")
            self.stop()
            raise AssertionError("nginx does not start: " + said)
        return self

    def answers(self):
        if self.process.poll() is not None or not self.read("nginx.pid"):
            return False
        if "master_process off" not in self.main and len(self.worker_pids()) < self.workers:
            return False
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def pid(self):
        return int(self.read("nginx.pid") or self.process.pid)

    def worker_pids(self):
        with open("/proc/%d/task/%d/children" % (self.pid(), self.pid())) as f:
            return [int(x) for x in f.read().split()]

    def send_signal(self, sig):
        os.kill(self.pid(), sig)

    def reload(self):
        before = set(self.worker_pids())
        self.send_signal(signal.SIGHUP)
        return wait_for(lambda: len(set(self.worker_pids()) - before) == self.workers, 20)

    def stop(self, sig=signal.SIGTERM):
        if self.process:
            servers.end(self.process, self.stop, sig)
        alarms = [x for x in self.read("error.log").splitlines() if re.search(r"\[(alert|emerg|crit)\]", x)]
        said = self.read("out") + "".join(self.read(x) for x in glob.glob(self.path("sanitizer.*")))
        shutil.rmtree(self.dir, ignore_errors=True)
        self.alarms, self.said = alarms, said

    def metric(self, name, **labels):
        """One number of /metrics; None where there is none."""
        for line in ask(self.port, "/metrics").body.decode().splitlines():
            m = re.fullmatch(r'(\w+)(?:\{(.*)\})? (\d+)', line)
            if m and m[1] == name and dict(re.findall(r'(\w+)="([^"]*)"', m[2] or "")) == {k: str(v) for k, v in labels.items()}:
                return int(m[3])
        return None


class Answer:
    def __init__(self, status, headers, body, raw):
        self.status, self.headers, self.body, self.raw = status, headers, body, raw

    def __repr__(self):
        return "%s %r" % (self.status, self.body[:200])


class Client:
    """One connection that sends bytes and reads answers."""

    def __init__(self, port, timeout=20):
        self.s = socket.create_connection(("127.0.0.1", port), timeout)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.s.close()

    def send(self, data):
        self.s.sendall(data)

    def fill(self):
        data = self.s.recv(65536)
        self.buffer += data
        return bool(data)

    def take(self, n):
        while len(self.buffer) < n:
            if not self.fill():
                raise EOFError("connection ended in an answer: %r" % self.buffer[:200])
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def take_until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError("connection ended: %r" % self.buffer[:200])
        return self.take(self.buffer.index(mark) + len(mark))

    def answer(self, method="GET"):
        head = self.take_until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            if line:
                name, value = line.split(":", 1)
                headers[name.lower()] = value.strip()
        body = raw = b""
        if status == 100 or method == "HEAD" or status in (204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while True:
                line = self.take_until(b"\r\n")
                n = int(line, 16)
                data = self.take(n + 2)
                raw += line + data
                body += data[:n]
                if n == 0:
                    break
        elif "content-length" in headers:
            raw = body = self.take(int(headers["content-length"]))
        else:
            while self.fill():
                pass
            raw = body = self.take(len(self.buffer))
        return Answer(status, headers, body, head + raw)

    def ended(self):
        """Whether the server closes the connection without another byte."""
        try:
            return not self.buffer and not self.fill()
        except ConnectionResetError:
            return True


def request(path="/", method=None, headers=(), body=None, chunks=None, host="localhost", close=False):
    """The bytes of a request. chunks: pieces of a chunked body."""
    method = method or ("GET" if body is None and chunks is None else "POST")
    out = b"%s %s HTTP/1.1\r\nHost: %s\r\n" % (to_bytes(method), to_bytes(path), to_bytes(host))
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        out += to_bytes(name) + b": " + to_bytes(value) + b"\r\n"
    if close:
        out += b"Connection: close\r\n"
    if chunks is not None:
        out += b"Transfer-Encoding: chunked\r\n\r\n"
        for chunk in chunks:
            out += b"%x\r\n%s\r\n" % (len(chunk), to_bytes(chunk))
        return out + b"0\r\n\r\n"
    if body is not None:
        out += b"Content-Length: %d\r\n\r\n" % len(to_bytes(body))
        return out + to_bytes(body)
    return out + b"\r\n"


def to_bytes(x):
    return x if isinstance(x, bytes) else str(x).encode("utf-8", "surrogateescape")


def ask(port, path="/", **how):
    """One request on a connection of its own."""
    with Client(port) as c:
        c.send(request(path, **how))
        return c.answer(how.get("method") or "GET")


class Talk:
    """Requests one behind the other; the connection is kept as long as the server keeps it."""

    def __init__(self, port):
        self.port, self.client = port, None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        if self.client:
            self.client.s.close()
        self.client = None

    def ask(self, path="/", **how):
        data = request(path, **how)
        for again in (False, True):
            kept = self.client is not None
            if not kept:
                self.client = Client(self.port)
            try:
                self.client.send(data)
                answer = self.client.answer(how.get("method") or "GET")
                break
            except (OSError, EOFError):
                self.close()
                if again or not kept:  # only a kept connection may have ended meanwhile
                    raise
        if answer.headers.get("connection") == "close":
            self.close()
        return answer


class Behind:
    """What stands behind an edge: answers each connection in a thread of its own, and keeps in .seen what it was asked."""

    def __init__(self, handler, server=socketserver.TCPServer):
        behind = self

        class Server(socketserver.ThreadingMixIn, server):
            daemon_threads = True
            request_queue_size = 128

            def verify_request(self, request, client_address):
                with behind.lock:
                    asked = client_address != behind.asking
                    behind.asking = behind.asking if asked else None
                    behind.in_hand += asked
                    behind.lock.notify_all()
                return asked

            def process_request_thread(self, *args):
                try:
                    super().process_request_thread(*args)
                finally:
                    with behind.lock:
                        behind.in_hand -= 1
                        behind.lock.notify_all()

            def handle_error(self, *args):
                pass

        self.seen, self.lock = [], threading.Condition()
        self.in_hand, self.asking = 0, None
        self.server = Server(("127.0.0.1", 0), handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def settle(self, seconds=120):
        """Waits until every connection made before has ended: what an edge broke off is learnt a little later. Not
        for edges that keep connections."""
        with socket.socket() as s:  # comes behind all that are not accepted yet
            s.bind(("127.0.0.1", 0))
            with self.lock:
                self.asking = s.getsockname()
            s.connect(("127.0.0.1", self.port))
            with self.lock:
                if not self.lock.wait_for(lambda: not self.asking and not self.in_hand, seconds):
                    raise AssertionError("connections that do not end: %d" % self.in_hand)

    def take(self):
        """What it has seen since the last time."""
        with self.lock:
            seen, self.seen = self.seen, []
        return seen

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Upstream(Behind):
    """The application behind an edge: keeps each request it sees, whole or not, and says what it got.

    /fail… closes without an answer, /status/N answers with it, /slow waits; everything else gets the length of its body.
    """

    def __init__(self):
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm, wbufsize = True, 65536
            server_version, sys_version = "upstream", ""

            def body(self):
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    while True:
                        line = self.rfile.readline()
                        if not line:
                            return False
                        n = int(line, 16)
                        data = self.rfile.read(n)
                        self.got += data
                        if len(data) < n or not self.rfile.readline():
                            return False
                        if n == 0:
                            return True
                left = int(self.headers.get("Content-Length", 0))
                while left:
                    data = self.rfile.read1(min(left, 65536))
                    if not data:
                        return False
                    self.got += data
                    left -= len(data)
                return True

            def handle_any(self):
                self.got = b""
                seen = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "whole": None}
                with upstream.lock:
                    upstream.seen.append(seen)
                try:
                    whole = self.body()
                except (OSError, ValueError):
                    whole = False
                seen.update(body=self.got, whole=whole)  # at once: who waits for the one reads the other
                if not whole or self.path.startswith("/fail"):
                    self.close_connection = True
                    return
                if self.path.startswith("/slow"):
                    time.sleep(0.3)
                m = re.match(r"/status/(\d+)", self.path)
                text = b"" if m and m[1] == "204" else b"%s got %d\n" % (self.command.encode(), len(self.got))
                self.send_response(int(m[1]) if m else 200)
                if not (m and m[1] == "204"):
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_PROPFIND = handle_any

            def date_time_string(self, timestamp=None):
                return "Fri, 10 Dec 2021 09:00:00 GMT"

            def log_message(self, *args):
                pass

        super().__init__(Handler, http.server.HTTPServer)
