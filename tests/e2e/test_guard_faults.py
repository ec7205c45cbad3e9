"""The guard in nginx when what is around it fails: logs that cannot be written, rules that come in odd ways, processes that
come and go, each under load. What clients get must not depend on any of it."""
import collections, json, os, re, resource, signal, socket, subprocess, threading, unittest, urllib.parse

from edge import BUILD, Client, Nginx, Upstream, ask, request, to_bytes, wait_for
from test_guard import BAD, PRELOAD, SANITIZED, Load, rules

LONG = 120 if SANITIZED else 30  # s; never waited for in vain
KEPT = "env LD_PRELOAD; env ASAN_OPTIONS; env UBSAN_OPTIONS;" if SANITIZED else ""


class Case(unittest.TestCase):
    """One nginx of its own for each test."""

    def edge(self, http, start=True, **how):
        edge = Nginx(http, env=PRELOAD, **how)
        self.addCleanup(self.ended, edge)
        return edge.start() if start else edge

    def ended(self, edge):
        edge.stop()
        alarms = [x for x in edge.alarms if not re.search("events are being lost|directive has a name|exited on signal 9|write.*failed", x)]
        self.assertEqual(alarms, [])
        self.assertNotRegex(edge.said, "AddressSanitizer|runtime error")

    def blocked(self, edge, path="/", **how):
        """The number that a blocked client is shown."""
        how = {"headers": {"X-A": BAD}, **how}
        answer = ask(edge.port, path, **how)
        self.assertEqual(answer.status, 403)
        return re.search("<code>(.*)</code>", answer.body.decode())[1]

    def until(self, what, why=""):
        value = wait_for(what, LONG)
        self.assertTrue(value, why)
        return value


def ids(text):
    return [json.loads(x)["event"]["id"] for x in text.splitlines()]


def gone(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="latin-1") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"  # its parent may be no one who asks
    except FileNotFoundError:
        return True


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid, encoding="latin-1") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


# --- the log of events

LOGGED = """hikeshi block; hikeshi_event_rate off; set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; large_client_header_buffers 8 32k;
    server { listen 127.0.0.1:PORT; location / { return 200 x; } location = /metrics { hikeshi off; hikeshi_metrics; } }
    hikeshi_events """


class Logs(Case):
    def test_a_pipe_that_nobody_reads(self):
        edge = self.edge(LOGGED + "DIR/pipe;", start=False)
        os.mkfifo(edge.path("pipe"))
        self.assertTrue(edge.check()[0])  # does not wait for a reader
        edge.start()
        for _ in range(200):  # some more than a pipe holds
            self.blocked(edge, "/" + "%22%01" * 400, headers={"X-A": BAD + "\u0085\u202e" * 120, "X-B": "x"})
        self.assertGreater(edge.metric("hikeshi_events_dropped_total", zone=""), 0)
        self.assertEqual(edge.read("error.log").count("events are being lost"), 1)
        written = edge.metric("hikeshi_events_total", zone="")
        fd = os.open(edge.path("pipe"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, fd)
        lines = self.drain(fd)
        self.assertEqual(len(lines), written)
        for line in lines:
            self.assertLessEqual(len(line) + 1, 4096)
            json.loads(line)
        last = self.blocked(edge)
        event = json.loads(self.drain(fd)[0])
        self.assertEqual((event["event"]["id"], event["hikeshi"]["dropped"]), (last, 0))  # no rate, no count

    @staticmethod
    def drain(fd):
        data = b""
        while True:
            try:
                more = os.read(fd, 65536)
            except BlockingIOError:
                return data.splitlines()
            if not more:
                return data.splitlines()
            data += more

    def test_a_pipe_when_logs_are_opened_again(self):
        edge = self.edge(LOGGED + "DIR/pipe;", start=False)
        os.mkfifo(edge.path("pipe"))
        edge.start()
        edge.send_signal(signal.SIGUSR1)
        self.until(lambda: "reopening logs" in edge.read("error.log"))
        self.blocked(edge)
        self.assertTrue(edge.reload())
        self.blocked(edge)
        fd = os.open(edge.path("pipe"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, fd)
        self.assertEqual(len(self.drain(fd)), 2)

    def test_the_reader_of_a_pipe_comes_and_goes(self):
        edge = self.edge(LOGGED + "DIR/pipe;", start=False)
        os.mkfifo(edge.path("pipe"))
        for _ in range(3):
            reader = subprocess.Popen(["head", "-n", "2", edge.path("pipe")], stdout=subprocess.PIPE, text=True)
            self.addCleanup(reader.stdout.close)
            if not edge.process:
                edge.start()
            sent = [self.blocked(edge), self.blocked(edge)]
            self.assertEqual(ids(reader.communicate(timeout=LONG)[0]), sent)

    def test_a_disk_that_fills_up_in_the_middle_of_a_line(self):
        old = '{"event":{"id":"old"}}\n' * 20000
        edge = self.edge(LOGGED + "DIR/events.json;", start=False, workers=2, files={"events.json": old})
        edge.wrap = ["env", "--ignore-signal=XFSZ"]
        edge.start()
        limits = []
        for pid in edge.worker_pids():
            limits.append((pid, resource.prlimit(pid, resource.RLIMIT_FSIZE)))
        shown = []
        for cut in (1, 100, 200):
            room = os.path.getsize(edge.path("events.json")) + cut
            for pid, limit in limits:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, limit[1]))
            n = edge.metric("hikeshi_events_dropped_total", zone="")
            for _ in range(5):
                self.blocked(edge)
            self.until(lambda: edge.metric("hikeshi_events_dropped_total", zone="") == n + 5)
            self.assertEqual(os.path.getsize(edge.path("events.json")), room)
            for pid, limit in limits:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
            shown += [self.blocked(edge) for _ in range(5)]
        lines = edge.read("events.json")[len(old):].splitlines()
        whole = [x for x in lines if x.endswith("}")]
        self.assertEqual(len(lines) - len(whole), 3)  # the three that were cut, each alone in its line
        self.assertEqual(ids("\n".join(whole)), shown)
        self.assertEqual(edge.metric("hikeshi_events_total", zone=""), 15)

    def syslog(self, path, room=None):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        if room:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        s.bind(path)
        os.chmod(path, 0o666)
        s.settimeout(LONG)
        return s

    def test_syslog_comes_and_goes(self):
        edge = self.edge(LOGGED.replace("rate off", "rate 1000") + "syslog:server=unix:DIR/log;")
        for _ in range(5):
            self.blocked(edge)
        said = edge.read("error.log")
        self.assertEqual((said.count("events are being lost"), said.count("[alert]")), (1, 1))
        for turn in range(3):
            s = self.syslog(edge.path("log"))
            for i in range(2):
                sent = self.blocked(edge)
                event = json.loads(s.recv(65536).decode().split(": ", 1)[1])
                # what was lost before the first is told with it
                self.assertEqual((event["event"]["id"], event["hikeshi"]["dropped"]), (sent, 5 if turn == i == 0 else 0))
            s.close()
            os.unlink(edge.path("log"))
        self.assertEqual(edge.metric("hikeshi_events_total", zone=""), 6)

    def test_a_syslog_that_is_full(self):
        edge = self.edge(LOGGED + "syslog:server=unix:DIR/log;", start=False)
        s = self.syslog(edge.path("log"), 1)
        edge.start()
        with Client(edge.port) as c:
            for i in range(2000):
                c.send(request(headers={"X-A": BAD}))
                self.assertEqual(c.answer().status, 403)
                if i % 50 == 49 and edge.metric("hikeshi_events_dropped_total", zone=""):
                    break
        self.assertGreater(edge.metric("hikeshi_events_dropped_total", zone=""), 0)
        written = edge.metric("hikeshi_events_total", zone="")
        for _ in range(written):
            s.recv(65536)
        last = self.blocked(edge)
        self.assertIn(last.encode(), s.recv(65536))
        self.assertEqual(edge.read("error.log").count("events are being lost"), 1)

    def test_what_is_lost_is_told_with_the_next(self):
        edge = self.edge(LOGGED.replace("rate off", "rate 1000") + "DIR/events.json;", start=False)
        edge.wrap = ["env", "--ignore-signal=XFSZ"]
        edge.write("events.json", "{}\n" * 100000)
        edge.start()
        pid, = edge.worker_pids()
        limit = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (os.path.getsize(edge.path("events.json")), limit[1]))
        for _ in range(3):
            self.blocked(edge)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
        self.blocked(edge)
        self.assertEqual(json.loads(edge.read("events.json").splitlines()[-1])["hikeshi"]["dropped"], 3)

    def test_rotation_under_load(self):
        edge = self.edge(LOGGED + "DIR/events.json;", workers=2)
        attackers = Attackers(edge.port)
        try:
            for i in range(4):
                self.until(lambda: len(attackers.shown) > 100 * (i + 1))
                os.rename(edge.path("events.json"), edge.path("events.json.%d" % i))
                edge.send_signal(signal.SIGUSR1)
                self.until(lambda: os.path.exists(edge.path("events.json")))
        finally:
            attackers.stop()
        self.assertEqual(attackers.failures, [])
        self.until(lambda: edge.metric("hikeshi_events_total", zone="") >= len(attackers.shown))
        told = sum((ids(edge.read("events.json" + x)) for x in ("", ".0", ".1", ".2", ".3")), [])
        self.assertEqual(sorted(told), sorted(attackers.shown))

    def test_a_terminal_that_shows_them_is_not_moved(self):
        edge = self.edge(LOGGED + "DIR/events.json;")
        wild = b"\xc2\x9b31m\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\x1b[2J\xff\xc0\xaf\x7f\t\"\\"
        long = b"n" * 8000
        for how in ({"headers": [("X-A", wild + to_bytes(BAD))]}, {"headers": [(b"x-" + long, to_bytes(BAD))]},
                    {"path": b"/" + re.sub(rb"[\x00-\x1f\x7f]", b"", wild) + to_bytes(urllib.parse.quote(BAD))},
                    {"path": "/?" + urllib.parse.quote(wild) + "=" + urllib.parse.quote(BAD)},
                    {"path": b"/?" + long + b"=" + to_bytes(urllib.parse.quote(BAD))},
                    {"path": "/?" + urllib.parse.quote(wild + to_bytes(BAD)) + "=1"},
                    {"headers": [("Cookie", wild + b"=" + to_bytes(BAD))]}, {"headers": [("Cookie", long + b"=" + to_bytes(BAD))]},
                    {"method": "QUITE-A-METHOD", "headers": [("X-A", BAD)]}, {"host": b"a\xc2\x9b\xff.example", "headers": [("X-A", BAD)]}):
            n = len(edge.read("events.json").splitlines())
            self.assertEqual(ask(edge.port, **{"path": "/", **how}).status, 403, how)
            with open(edge.path("events.json"), "rb") as f:
                lines = f.read().split(b"\n")
            self.assertEqual(len(lines) - 1, n + 1, how)
            line = lines[-2].decode("utf-8")
            json.loads(line)
            self.assertLess(len(lines[-2]), 8192)
            self.assertNotRegex(line, "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")

    def test_what_stands_twice_is_told(self):
        edge = self.edge(LOGGED + "DIR/events.json;")
        q = urllib.parse.quote(BAD)
        for how, text in (({"headers": [("X-A", "b"), ("x-a", BAD)]}, "b," + BAD), ({"headers": [("X-A", BAD), ("X-A", "b")]}, BAD + ",b"),
                          ({"path": "/?a=1&q=b&q=%s&q&c=2" % q, "headers": {}}, "b&" + q), ({"path": "/?q=%s" % q, "headers": {}}, q)):
            self.blocked(edge, **{"path": "/", **how})
            self.assertEqual(json.loads(edge.read("events.json").splitlines()[-1])["hikeshi"]["text"], text)

    def test_keys_of_interfaces_are_secret(self):
        edge = self.edge(LOGGED + "DIR/events.json;")
        for name in ("Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"):
            self.blocked(edge, headers={name: "a=hunter2 " + BAD})
        self.assertEqual(len(ids(edge.read("events.json"))), 5)
        self.assertNotIn("hunter2", edge.read("events.json"))


class Attackers:
    """Clients that are to be blocked, without a pause; each on a new connection or on one that it keeps."""

    def __init__(self, port, clients=2, path="/", new_connections=True):
        self.port, self.path, self.new = port, path, new_connections
        self.shown, self.failures, self.statuses, self.on = [], [], collections.Counter(), True
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(clients)]
        for t in self.threads:
            t.start()

    def run(self, k):
        n = k
        while self.on:
            n += 1
            how = ({"headers": {"X-A": BAD}}, {"body": "a=" + BAD}, {"path": self.path + "?q=" + urllib.parse.quote(BAD)})[n % 3]
            try:
                answer = ask(self.port, **{"path": self.path, **how})
            except (OSError, EOFError) as e:
                self.failures.append(repr(e))
                continue
            self.statuses[answer.status] += 1
            m = re.search("<code>(.*)</code>", answer.body.decode())
            if m:
                self.shown.append(m[1])

    def stop(self):
        self.on = False
        for t in self.threads:
            t.join()


# --- processes

class Processes(Case):
    HTTP = """hikeshi block; hikeshi_rules DIR/rules; hikeshi_event_rate off; hikeshi_events DIR/events.json; hikeshi_zone shop;
        upstream app { server 127.0.0.1:UPSTREAM; }
        server { listen 127.0.0.1:PORT; location / { proxy_pass http://app; }
            location = /metrics { hikeshi off; hikeshi_metrics; } }"""

    def begin(self, daemon=False):
        self.upstream = Upstream()
        self.addCleanup(self.upstream.stop)
        edge = self.edge(self.HTTP.replace("UPSTREAM", str(self.upstream.port)), workers=2, files={"rules": rules(version=1)},
                         main=KEPT, start=not daemon)
        if daemon:  # with "daemon off", nginx takes itself for the new program
            edge.write("nginx.conf", edge.read("nginx.conf").replace("daemon off;", "daemon on;"))
            self.addCleanup(self.daemons_end, edge)
            with open(edge.path("out"), "ab") as out:
                subprocess.run(edge.command(), stdout=out, stderr=out, env=edge.environment(), timeout=LONG, check=True)
            self.until(lambda: edge.read("nginx.pid").strip() and len(edge.worker_pids()) == 2)
        self.load, self.attackers = Load(edge.port, clients=2, new_connections=True), Attackers(edge.port, path="/up")
        self.addCleanup(self.attackers.stop)
        self.addCleanup(self.load.stop)
        self.answered(30)
        return edge

    def daemons_end(self, edge):
        for name in ("nginx.pid", "nginx.pid.oldbin"):
            if edge.read(name).strip():
                pid = int(edge.read(name))
                os.kill(pid, signal.SIGTERM)
                self.until(lambda: gone(pid))

    def answered(self, more):
        """Waits until so many more of both kinds have their answer."""
        n, k = self.load.statuses[200], len(self.attackers.shown)
        self.until(lambda: self.load.statuses[200] >= n + more and len(self.attackers.shown) >= k + more)

    def end(self, edge, lost=0):
        self.load.stop()
        self.attackers.stop()
        self.assertEqual((set(self.load.statuses), set(self.attackers.statuses)), ({200}, {403}))
        self.assertLessEqual(len(self.load.failures) + len(self.attackers.failures), lost)
        self.until(lambda: len(edge.read("events.json").splitlines()) >= len(self.attackers.shown))
        told = ids(edge.read("events.json"))
        self.assertEqual(len(told), len(set(told)))  # none twice
        self.assertEqual(set(self.attackers.shown) - set(told), set())  # none lost
        self.assertLessEqual(len(told), len(self.attackers.shown) + lost)
        return len(told)

    def test_reloads_and_changes(self):
        edge = self.begin()
        for i in range(4):
            edge.write("rules", rules("site * block", version=10 + i))
            self.assertTrue(edge.reload())
            self.answered(20)
        told = self.end(edge)
        self.until(lambda: edge.metric("hikeshi_events_total", zone="shop") == told)
        self.until(lambda: edge.metric("hikeshi_requests_total", zone="shop", action="blocked") == told)
        self.assertEqual(edge.metric("hikeshi_findings_total", zone="shop", why="lookup"), told)
        self.until(lambda: edge.metric("hikeshi_requests_examined_total", zone="shop") == told + self.load.statuses[200])

    def test_workers_that_are_killed(self):
        edge = self.begin()
        for _ in range(3):
            for pid in edge.worker_pids():
                os.kill(pid, signal.SIGKILL)
                self.until(lambda: pid not in edge.worker_pids() and len(edge.worker_pids()) == 2)
                self.answered(10)
        told = self.end(edge, lost=6 * 6)  # what the dead ones had in hand
        self.assertGreaterEqual(edge.metric("hikeshi_events_total", zone="shop"), told - 6)

    def test_another_program_in_its_place(self):
        edge = self.begin(daemon=True)
        old = edge.pid()
        os.kill(old, signal.SIGUSR2)
        self.until(lambda: edge.read("nginx.pid").strip() not in ("", str(old)) and len(edge.worker_pids()) == 2)
        self.answered(20)
        os.kill(old, signal.SIGWINCH)
        self.until(lambda: self.children(old) == [edge.pid()])
        self.answered(20)
        edge.write("rules", rules("site * block", version=77))
        self.until(lambda: all(self.about(edge)["version"] == "77" for _ in range(10)))
        os.kill(old, signal.SIGQUIT)
        self.until(lambda: gone(old))
        self.answered(20)
        self.end(edge)

    @staticmethod
    def about(edge):
        text = ask(edge.port, "/metrics").body.decode()
        return dict(re.findall(r'(\w+)="(\w+)"', re.search("hikeshi_rules_info{(.*)}", text)[1]))

    @staticmethod
    def children(pid):
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(x) for x in f.read().split()]


# --- rules

RULED = """hikeshi report; hikeshi_rules DIR/%s; server { listen 127.0.0.1:PORT; location / { return 200 x; }
    location = /metrics { hikeshi off; hikeshi_metrics; } }"""


def heavy(n, **how):
    """Rules that take a second or so to compile."""
    return rules("site * block", *['signature S-%d "(?i)(a%d|b%d|c).*(d|e|f%d)+.*(x|y|z)[0-9]+.*%d"' % (i, i, i, i, i) for i in range(n)], **how)


class Rules(Case):
    def status(self, edge):
        return ask(edge.port, headers={"X-A": BAD}).status

    def check(self, path):
        r = subprocess.run([os.path.join(BUILD, "hikeshi"), "guard", "check", path], capture_output=True, text=True)
        return r.returncode, r.stderr

    def refused(self, edge, n=1):
        return self.until(lambda: edge.metric("hikeshi_rules_refused_total") == n)

    @unittest.skipIf(os.geteuid() != 0, "workers have the rights of the master")
    def test_rights_that_are_given_later(self):
        edge = self.edge(RULED % "rules", start=False, files={"rules": rules("site * report")})
        with open(edge.path("nginx.conf")) as f:
            conf = f.read()
        edge.write("nginx.conf", conf.replace("user root;", "user nobody nogroup;"))
        os.chmod(edge.dir, 0o755)
        edge.start()
        self.assertEqual(self.status(edge), 200)
        edge.write("rules.next", rules("site * block", version=2))
        os.chmod(edge.path("rules.next"), 0o600)
        os.rename(edge.path("rules.next"), edge.path("rules"))
        self.refused(edge)
        self.assertRegex(edge.read("error.log"), "rules refused: .*Permission denied.*version 1 stays")
        self.assertEqual(self.status(edge), 200)
        os.chmod(edge.path("rules"), 0o644)
        self.until(lambda: self.status(edge) == 403)
        self.assertEqual(edge.metric("hikeshi_rules_refused_total"), 1)

    def test_a_link_that_leads_elsewhere(self):
        edge = self.edge(RULED % "current/rules", start=False, files={"a/rules": rules("site * report"), "b/rules": rules("site * block", version=2)})
        os.symlink("a", edge.path("current"))
        edge.start()
        self.assertEqual(self.status(edge), 200)
        for to, status in (("b", 403), ("a", 200), ("b", 403)):
            os.symlink(to, edge.path("next"))
            os.rename(edge.path("next"), edge.path("current"))
            self.until(lambda: self.status(edge) == status)
        self.assertEqual(edge.metric("hikeshi_rules_refused_total"), 0)

    def test_a_file_that_is_written_slowly(self):
        edge = self.edge(RULED % "rules", files={"rules": rules("site * report")})
        text = rules("site * block", *["deny client 192.0.2.%d" % i for i in range(1, 200)], version=2)
        with open(edge.path("rules"), "w", encoding="ascii", buffering=1) as f:
            for at in range(0, len(text), 1200):
                n = edge.metric("hikeshi_rules_refused_total")
                f.write(text[at:at + 1200])
                f.flush()
                if at + 1200 < len(text):
                    self.until(lambda: edge.metric("hikeshi_rules_refused_total") > n)
                    self.assertEqual(self.status(edge), 200)
        self.until(lambda: self.status(edge) == 403)

    def test_what_is_no_file_of_rules(self):
        edge = self.edge(RULED % "rules", files={"rules": rules("site * report")})
        os.mkfifo(edge.path("fifo"))
        for i, (kind, why) in enumerate((("pipe", "not a regular file"), ("folder", "not a regular file"), ("huge", "larger than|longer than"),
                                         ("many", "line 259: "), ("zero", "not a regular file"), ("empty", "begins with"))):
            if os.path.isdir(edge.path("rules")):
                os.rmdir(edge.path("rules"))
            if kind == "pipe":
                os.rename(edge.path("fifo"), edge.path("rules"))
            elif kind == "folder":
                os.unlink(edge.path("rules"))
                os.mkdir(edge.path("rules"))
            elif kind == "zero":
                os.symlink("/dev/zero", edge.path("link"))
                os.rename(edge.path("link"), edge.path("rules"))
            else:
                edge.write("rules", {"huge": rules() + "#" * (9 << 20), "empty": "",
                                     "many": rules(*['signature S-%d "x%d"' % (k, k) for k in range(257)])}[kind])
            # a folder may have been seen gone before it was there
            self.until(lambda: edge.metric("hikeshi_rules_refused_total") == i + 1, kind)
            said = [x for x in edge.read("error.log").splitlines() if " refused: " in x][-1]
            self.assertRegex(said, why)
            self.assertIn("version 1 stays", said)
            self.assertEqual(self.status(edge), 200)
            if os.path.exists(os.path.join(BUILD, "hikeshi")):  # not where only the module is built
                code, text = self.check(edge.path("rules"))
                self.assertNotEqual(code, 0, kind)
                self.assertIn(re.search(r" refused: \S*rules: (.*); version 1 stays", said)[1], text)
        edge.write("rules", rules("site * block", version=9))
        self.until(lambda: self.status(edge) == 403)

    def test_a_change_while_another_is_compiled(self):
        edge = self.edge(RULED % "rules", files={"rules": rules("site * report")})
        n = threading_tasks(edge)
        edge.write("rules", heavy(250, version=2))
        self.until(lambda: threading_tasks(edge) > n)  # it compiles
        edge.write("rules", rules("site * off", version=3))
        self.until(lambda: "rules version 3" in edge.read("error.log"))
        self.assertEqual(edge.metric("hikeshi_rules_refused_total"), 0)

    def test_workers_end_while_rules_are_compiled(self):
        edge = self.edge(RULED % "rules", files={"rules": rules("site * report")}, workers=2)
        for end in (edge.reload, edge.stop):
            before = set(edge.worker_pids())
            edge.write("rules", heavy(256, version=2))
            self.until(lambda: threading_tasks(edge) > 2)  # it compiles
            end()
            self.until(lambda: all(map(gone, before)))
            if end == edge.reload:
                self.until(lambda: "rules version 2" in edge.read("error.log"))
                edge.write("rules", rules("site * block", version=3))
                self.until(lambda: self.status(edge) == 403)

    def test_clients_do_not_wait_for_a_change_during_a_reload(self):
        edge = self.edge(RULED % "rules", files={"rules": rules("site * report", version=2)})
        old, = edge.worker_pids()
        os.kill(old, signal.SIGSTOP)  # so that what is told is told by the new one
        self.addCleanup(lambda: gone(old) or os.kill(old, signal.SIGCONT))
        edge.write("rules", heavy(250, version=3))
        used = cpu_ticks(edge.pid())
        edge.send_signal(signal.SIGHUP)
        self.until(lambda: cpu_ticks(edge.pid()) > used + 10)  # the master compiles
        edge.write("rules", heavy(250, version=4))
        self.until(lambda: "rules version 4" in edge.read("error.log"))
        # the new worker has served with what the reload brought, and did not wait until it had the next one
        self.assertIn("rules version 3", edge.read("error.log"))
        os.kill(old, signal.SIGCONT)
        self.until(lambda: gone(old))


def threading_tasks(edge):
    """Threads of all workers."""
    n = 0
    for pid in edge.worker_pids():
        try:
            n += len(os.listdir("/proc/%d/task" % pid))
        except FileNotFoundError:
            pass
    return n


# --- counters

class Counters(Case):
    @staticmethod
    def http(*zones):
        return ("hikeshi block; " + "server { listen 127.0.0.1:PORT; location / { return 200 x; } location = /metrics { hikeshi off; hikeshi_metrics; } "
                + "".join("location /%s { hikeshi_zone %s; return 200 x; } " % (z, z) for z in zones)
                + "}")

    def counts(self, edge):
        text = ask(edge.port, "/metrics").body.decode()
        return {k: int(v) for k, v in re.findall(r'hikeshi_requests_examined_total\{zone="(\w+)"\} (\d+)', text)}

    def again(self, edge, *zones):
        before = set(edge.worker_pids())
        edge.configure(self.http(*zones))
        self.assertTrue(edge.reload())
        self.until(lambda: not before & set(edge.worker_pids()))
        for z in zones:
            ask(edge.port, "/" + z)

    def test_zones_that_go_and_come_back(self):
        edge = self.edge(self.http("a", "b"))
        for z in ("a", "b"):
            ask(edge.port, "/" + z)
        self.until(lambda: self.counts(edge) == {"a": 1, "b": 1})
        self.again(edge, "c")
        self.until(lambda: self.counts(edge) == {"c": 1})
        self.again(edge, "a", "b", "c")  # a mistake, taken back
        self.until(lambda: self.counts(edge) == {"a": 2, "b": 2, "c": 2})
        many = ["z%d" % i for i in range(31)]
        self.again(edge, *many)
        self.until(lambda: self.counts(edge) == {z: 1 for z in many})
        self.again(edge, "a", *many[:20])  # places are given back
        self.until(lambda: self.counts(edge) == {"a": 1, **{z: 2 for z in many[:20]}})

    def test_names_of_zones(self):
        edge = self.edge(self.http("a"), start=False)
        for name, right in (("'a b'", True), ("火消し", True), ("'a\\\\b'", False)):
            edge.configure(self.http("a").replace("hikeshi_zone a", "hikeshi_zone " + name))
            self.assertEqual(edge.check()[0], right, name)
        edge.configure(self.http("a"))
        with open(edge.path("nginx.conf"), "rb") as f:
            conf = f.read()
        edge.write("nginx.conf", conf.replace(b"hikeshi_zone a", b"hikeshi_zone a\xff"))
        accepted, said = edge.check()
        self.assertFalse(accepted)
        self.assertRegex(said, r"no UTF-8 in .*nginx.conf:\d+")

    LINE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<labels>(?:[a-z0-9_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (?P<value>[0-9.eE+]+)')

    def test_the_format(self):
        edge = self.edge(self.http(*["z%d" % i for i in range(30)], "日本").replace("hikeshi block;", "hikeshi block; hikeshi_rules DIR/rules;"),
                         workers=2, files={"rules": rules()})
        load = Load(edge.port, clients=2, path="/z3", new_connections=True)
        try:
            for turn in range(3):
                answer = ask(edge.port, "/metrics")
                self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
                text = answer.body.decode()
                self.assertTrue(text.endswith("\n"))
                kinds, helps, seen, family = {}, set(), set(), None
                for line in text.splitlines():
                    m = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
                    if m:
                        self.assertNotIn("\\", line)
                        if m[1] == "HELP":
                            self.assertNotIn(m[2], helps)
                            helps.add(m[2])
                        else:
                            self.assertNotIn(m[2], kinds)
                            self.assertIn(m[3], ("counter", "gauge"))
                            self.assertEqual(m[3] == "counter", m[2].endswith("_total"))
                            kinds[m[2]] = m[3]
                        family = m[2]
                        continue
                    m = self.LINE.fullmatch(line)
                    self.assertTrue(m, line)
                    self.assertEqual(m["name"], family)  # lines of a family stand together, behind its HELP and TYPE
                    self.assertIn(m["name"], kinds)
                    self.assertNotIn((m["name"], m["labels"]), seen)
                    seen.add((m["name"], m["labels"]))
                self.assertEqual(set(kinds), helps)
                self.assertEqual(len({x for x in seen if x[0] == "hikeshi_requests_examined_total"}), 32)
                self.assertTrue(edge.reload())
        finally:
            load.stop()
        self.assertEqual((load.failures, set(load.statuses)), ([], {200}))


if __name__ == "__main__":
    unittest.main()
