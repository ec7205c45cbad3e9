"""The guard in nginx with everything that nginx passes requests on to, and over HTTP/2: clean requests are answered as by
nginx alone, byte for byte, and reach the same programs in the same form; others are blocked, and nobody sees their end."""
import re, unittest, urllib.parse

from edge import Client, Nginx, Upstream, ask, request, to_bytes, wait_for
from http2 import H2, HEADERS, RST, END_HEADERS, END_STREAM, App, block
import test_guard
from test_guard import BAD, PRELOAD, SANITIZED

LONG = 120 if SANITIZED else 30
BODY = to_bytes("a=" + BAD)

PARAMS = "".join("%%s_param %s %s; " % x for x in (
    ("REQUEST_METHOD", "$request_method"), ("REQUEST_URI", "$request_uri"), ("CONTENT_LENGTH", "$content_length"),
    ("CONTENT_TYPE", "$content_type"), ("QUERY_STRING", "$query_string"))).replace("%s", "KIND")
HTTP = """GUARD client_body_buffer_size 1k; client_max_body_size 1m; large_client_header_buffers 4 32k; proxy_http_version 1.1;
    absolute_redirect off; ssi on; grpc_set_header X-Kind $content_type;
    server { listen 127.0.0.1:PORT HTTP2; server_name localhost; client_header_buffer_size 1k;
        location / { index index.txt; }
        location /up { proxy_pass http://127.0.0.1:UPSTREAM; }
        location /unbuffered { proxy_request_buffering off; proxy_pass http://127.0.0.1:UPSTREAM; }
        location /file { client_body_in_file_only on; proxy_pass http://127.0.0.1:UPSTREAM; }
        location /clean { client_body_in_file_only clean; proxy_pass http://127.0.0.1:UPSTREAM; }
        location /single { client_body_in_single_buffer on; client_body_buffer_size 64k; proxy_set_header X-Body $request_body;
                           proxy_pass http://127.0.0.1:UPSTREAM; }
        location /fastcgi { fastcgi_pass 127.0.0.1:FASTCGI; FASTCGI_PARAMS }
        location /fastcgi/unbuffered { fastcgi_pass 127.0.0.1:FASTCGI; fastcgi_request_buffering off; FASTCGI_PARAMS }
        location /uwsgi { uwsgi_pass 127.0.0.1:UWSGI; UWSGI_PARAMS }
        location /uwsgi/unbuffered { uwsgi_pass 127.0.0.1:UWSGI; uwsgi_request_buffering off; UWSGI_PARAMS }
        location /scgi { scgi_pass 127.0.0.1:SCGI; SCGI_PARAMS }
        location /scgi/unbuffered { scgi_pass 127.0.0.1:SCGI; scgi_request_buffering off; SCGI_PARAMS }
        location /grpc { grpc_pass grpc://127.0.0.1:APP; }
        location /auth { auth_request /check; proxy_pass http://127.0.0.1:UPSTREAM; }
        location = /check { internal; proxy_pass http://127.0.0.1:UPSTREAM/status/204; proxy_pass_request_body off;
                            proxy_set_header Content-Length ""; }
        location /mirror { mirror /copy; proxy_pass http://127.0.0.1:UPSTREAM; }
        location = /copy { internal; proxy_pass http://127.0.0.1:UPSTREAM/copy; }
        location /after { post_action /copy; client_body_buffer_size 256k; proxy_pass http://127.0.0.1:UPSTREAM; }
        location /again { proxy_intercept_errors on; error_page 500 502 = /up/again; error_page 404 = @named;
                          rewrite ^/again(.*)$ $1 break; proxy_pass http://127.0.0.1:UPSTREAM; }
        location /dead { error_page 502 504 @named; proxy_pass http://127.0.0.1:1; }
        location @named { proxy_pass http://127.0.0.1:UPSTREAM; }
        location /try { try_files $uri $uri/index.txt @named; }
        location /old { rewrite ^/old(.*)$ /up$1 last; }
        location /if { if ($arg_to = fastcgi) { rewrite ^ /fastcgi/if last; } if ($arg_to) { return 302 /up; }
                       proxy_pass http://127.0.0.1:UPSTREAM; }
        location /return { return 200 "returned $request_length"; }
        location /only { limit_except GET { proxy_pass http://127.0.0.1:UPSTREAM; } return 200 only; }
        location /include { alias DIR/html/include.shtml; ssi on; ssi_types *; }
    }"""
FILES = {"html/index.txt": "index\n", "html/include.shtml": '<!--# include virtual="/up/part" -->|<!--# include virtual="/fastcgi/part" -->'
                                                            '<!--# include virtual="/include/no" wait="yes" stub="x" -->\n'}
PASSES = ("/up", "/unbuffered", "/file", "/clean", "/single", "/fastcgi", "/fastcgi/unbuffered", "/uwsgi", "/uwsgi/unbuffered", "/scgi",
          "/scgi/unbuffered", "/grpc", "/auth", "/mirror", "/after", "/again/status/500", "/again/status/404", "/again/fail", "/dead", "/try",
          "/old", "/if", "/if?to=fastcgi", "/only")
OTHERS = ("/", "/return", "/if?to=x", "/include", "/fastcgi/accel", "/uwsgi/accel", "/scgi/accel", "/try/../index.txt", "/nothing")
UNBUFFERED = [x for x in PASSES if "unbuffered" in x]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = [Upstream(), App("fastcgi"), App("uwsgi"), App("scgi")]
        cls.upstream, cls.apps = cls.servers[0], cls.servers[1:]
        # what grpc_pass talks to
        cls.app = Nginx("server { listen 127.0.0.1:PORT http2; client_max_body_size 0; location / { add_trailer grpc-status 0; "
                        "proxy_pass http://127.0.0.1:%d; } }" % cls.upstream.port, guard=False)
        cls.edges = []
        try:
            cls.app.start()
            for http2 in ("", "http2"):
                for guard in (False, True):
                    cls.edges.append(Nginx(cls.conf(guard, http2), guard=guard, files=FILES, env=PRELOAD if guard else None))
                    cls.edges[-1].start()
        except BaseException:
            cls.tearDownClass()
            raise
        cls.alone, cls.guarded, cls.alone2, cls.guarded2 = cls.edges

    @classmethod
    def conf(cls, guard, http2):
        text = HTTP.replace("GUARD", "hikeshi block; hikeshi_events DIR/events.json; hikeshi_event_rate off;" if guard else "")
        for kind, app in zip(("fastcgi", "uwsgi", "scgi"), cls.apps):
            text = text.replace(kind.upper() + "_PARAMS", PARAMS.replace("KIND", kind)).replace(kind.upper(), str(app.port))
        return text.replace("HTTP2", http2).replace("UPSTREAM", str(cls.upstream.port)).replace("APP", str(cls.app.port))

    @classmethod
    def tearDownClass(cls):
        said = []
        for edge in [*cls.edges, cls.app]:
            edge.stop()
            said += edge.alarms
            if re.search("AddressSanitizer|runtime error", edge.said):
                said.append(edge.said[-4000:])
        for server in cls.servers:
            server.stop()
        if said:
            raise AssertionError("\n".join(said))

    def seen(self, edge):
        """What the programs behind have seen, when they have seen the end of it."""
        for server in self.servers:
            server.settle()
        rows = test_guard.SameAnswers.calm(self.upstream.take(), edge.port)
        return ([[re.sub(r"127.0.0.1:\d+", "HOST", repr(y)) for y in x] for x in rows], [app.take() for app in self.apps])

    def clean_of(self, paths, send):
        """send(edge's port, path) with and without the guard."""
        alone, guarded = (self.alone2, self.guarded2) if self.HTTP2 else (self.alone, self.guarded)
        for path in paths:
            rows = []
            for edge in (alone, guarded):
                self.seen(edge)
                answer = send(edge.port, path)
                if path in ("/after", "/mirror"):
                    wait_for(lambda: len(self.upstream.seen) > 1, LONG)
                rows.append((answer, self.seen(edge)))
            self.assertEqual(rows[0], rows[1], path)
            self.assertTrue(rows[0][0], path)
        self.assertEqual(guarded.read("events.json").count("\n"), self.events)

    def blocked(self, paths, send):
        """send(port, path) gives a status: no program may have seen all of it."""
        edge = self.guarded2 if self.HTTP2 else self.guarded
        for path in paths:
            self.seen(edge)
            self.assertEqual(send(edge.port, path), 403, path)
            type(self).events += 1
            rows, apps = self.seen(edge)
            # of /auth, the question whether it may
            self.assertEqual([x for x in rows if x[3] == "True" and x[1] != "'/status/204'"], [], path)
            self.assertEqual([x for app in apps for x in app if x[2]], [], path)
            self.assertEqual(edge.read("events.json").count("\n"), self.events, path)

    events = 0
    HTTP2 = False


# post_action of nginx itself sends on no body that is in a file
BODIES = (b"", b"x", b"y" * 1000, b"z" * 1025, b"w" * 70000)


class Http1(Case):
    @staticmethod
    def exchange(port, data):
        """All that comes back until the server closes; a last request follows at once."""
        with Client(port, LONG) as c:
            c.send(data + request("/return/last", close=True))
            while c.fill():
                pass
            return re.sub(rb"\r\n(Date|Last-Modified|ETag): [^\r]*", b"", c.buffer).replace(b":%d" % port, b":PORT")

    def test_clean_requests(self):
        self.clean_of((*PASSES, *OTHERS), lambda port, path: self.exchange(port, request(path, headers={"Cookie": "a=b; c=%24%7B"})))

    def test_clean_bodies(self):
        for body in BODIES:
            self.clean_of((*PASSES, *OTHERS), lambda port, path, body=body: self.exchange(port, request(path, body=body)))

    def test_clean_chunks(self):
        # what uwsgi and SCGI are told of a body without a length is not enough for them
        paths = [x for x in (*PASSES, *OTHERS) if x not in ("/uwsgi/unbuffered", "/scgi/unbuffered")]
        for chunks in ([b"a"], [b"b" * 700] * 4, [b"c"] * 40):
            data = lambda path, chunks=chunks: request(path, chunks=chunks)[:-2] + b"X-Trailer: ${jndi}\r\n\r\n"
            self.clean_of(paths, lambda port, path: self.exchange(port, data(path)))

    def test_attacks(self):
        every = [x for x in PASSES if not x.startswith("/if?")]
        self.blocked(PASSES, lambda port, path: ask(port, path, headers={"X-A": BAD}).status)
        for body in (BODY, b"x" * 5000 + BODY, BODY + b"x" * 5000):
            self.blocked(every, lambda port, path: ask(port, path, body=body).status)
            self.blocked(every, lambda port, path: ask(port, path, chunks=[body[:4], body[4:]]).status)

    def test_other_places_are_blocked_in_the_head(self):
        self.blocked((*OTHERS[:-2], "/nothing"), lambda port, path: ask(port, path, headers={"X-A": BAD}).status)


GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


def message(body, how):
    """What gRPC makes of it: not packed, and its length."""
    return b"\0" + len(body).to_bytes(4, "big") + body if how.get("headers") is GRPC and body else body


class Http2(Case):
    HTTP2 = True

    @staticmethod
    def one(port, path, **how):
        with H2(port, LONG) as c:
            return c.ask(path, **how)

    def test_clean_requests(self):
        self.clean_of((*PASSES, *OTHERS), self.one)
        for how in ({"headers": [("cookie", "a=b"), ("cookie", "c=d"), ("te", "trailers")]}, {"pieces": 7},
                    {"headers": [("x-long", "y" * 20000)], "pieces": 3}, {"method": "OPTIONS"}, {"method": "HEAD"}, {"authority": ""},
                    {"method": "BAD METHOD"}, {"scheme": "https"}, {"scheme": "${jndi:ldap://x/a}"}, {"headers": [("Upper", "x")]},
                    {"headers": [(":late", "x")]}, {"headers": [("connection", "close")]}, {"headers": [("x", "a\nb")]}):
            self.clean_of(("/up", "/grpc", "/index.txt"), lambda port, path, how=how: self.one(port, path, **how))

    def test_clean_bodies(self):
        for body in (b"", b"x", b"y" * 1025, b"z" * 65535, b"w" * 200000):
            for how in ({}, {"headers": [("content-length", len(body))]}, {"headers": GRPC}):
                paths = PASSES if len(body) < 2000 else ("/up", "/unbuffered", "/grpc", "/fastcgi", "/single", "/again/status/500")
                if "content-length" not in dict(how.get("headers", ())):
                    paths = [x for x in paths if x not in ("/uwsgi/unbuffered", "/scgi/unbuffered")]
                self.clean_of(paths, lambda port, path, how=how, body=message(body, how): self.body(port, path, body, **how))
        for size, pad in ((1, None), (1, 0), (100, 255), (16384, None)):
            self.clean_of(("/up", "/unbuffered", "/grpc"),
                          lambda port, path, size=size, pad=pad: self.body(port, path, b"v" * 3000, size, pad))

    @staticmethod
    def body(port, path, body, size=16384, pad=None, **how):
        with H2(port, LONG) as c:
            stream = c.begin(path, "POST", end=not body, **how)
            c.body(stream, body, size, pad=pad)
            return c.answer(stream)

    def test_trailers(self):
        def send(port, path, trailers):
            with H2(port, LONG) as c:
                stream = c.begin(path, "POST", end=False)
                c.data(stream, b"a=b")
                c.frame(HEADERS, END_HEADERS | END_STREAM, stream, block(trailers))
                return c.answer(stream)
        for trailers in ([("grpc-status", "0")], [("x-a", BAD)]):  # nginx takes none
            self.clean_of(("/up", "/grpc"), lambda port, path, trailers=trailers: send(port, path, trailers))

    def test_streams_that_end_early(self):
        for path in ("/up", "/unbuffered", "/grpc", "/fastcgi"):
            with H2(self.guarded2.port, LONG) as c:
                for k in range(20):
                    stream = c.begin(path, "POST", end=False)
                    c.data(stream, b"x" * 100 * k)
                    c.frame(RST, 0, stream, b"\0\0\0\x08")
                    stream = c.begin(path, "POST", end=False)
                    c.data(stream, b"a=" + to_bytes(BAD[:k]))
                    c.frame(RST, 0, stream, b"\0\0\0\x08")
                    self.assertEqual(c.ask(path, b"b" * 3000)[0], 200)
        self.assertEqual(self.guarded2.read("events.json").count("\n"), self.events)

    def test_attacks(self):
        every = [x for x in PASSES if not x.startswith("/if?")]
        self.blocked(PASSES, lambda port, path: self.one(port, path, headers=[("x-a", BAD)])[0])
        self.blocked(("/up",), lambda port, path: self.one(port, path, headers=[("cookie", "a=b"), ("cookie", "c=" + BAD)])[0])
        self.blocked(("/up",), lambda port, path: self.one(port, path, headers=[("x-a", "y" * 9000 + BAD)], pieces=5)[0])
        self.blocked(("/up",), lambda port, path: self.one(port, path + "/" + urllib.parse.quote(BAD))[0])
        for body in (BODY, b"x" * 5000 + BODY, BODY + b"x" * 5000):
            for how in ({}, {"headers": GRPC}, {"size": 7, "pad": 3}):
                self.blocked(every, lambda port, path: self.one(port, path, body=message(body, how), **how)[0])

    def test_many_streams_at_once(self):
        with H2(self.guarded2.port, LONG) as c:
            streams = [(c.begin(("/up", "/unbuffered", "/grpc")[k % 3], "POST", end=False), k % 2) for k in range(100)]
            texts = {s: b"a=%d&b=" % s + (to_bytes(BAD) if bad else b"nothing") + b"&c=" + b"d" * 200 for s, bad in streams}
            for at in range(0, max(map(len, texts.values())), 16):
                for s, _ in streams:
                    piece = texts[s][at:at + 16]
                    if piece and not c.ended(s):
                        c.data(s, piece, end=at + 16 >= len(texts[s]))
            for s, bad in streams:
                self.assertEqual(c.answer(s)[0], 403 if bad else 200, s)
        type(self).events += 50
        self.assertEqual(self.guarded2.read("events.json").count("\n"), self.events)


if __name__ == "__main__":
    unittest.main()
