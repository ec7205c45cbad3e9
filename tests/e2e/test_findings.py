#!/usr/bin/env python3
"""From a scan to the board: hikeshi scan's own output is imported by the command line, proposes answers,
and the record verifies. On every database there is."""
import io
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest
import zipfile

BUILD = pathlib.Path(os.environ.get("HIKESHI_BUILD", "build"))
BOARD = BUILD / "hikeshi-board"
TOOL = BUILD / "hikeshi"
POM = "META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties"
LOOKUP = (b"\xca\xfe\xba\xbe\x01\x00\x04jndi\x01\x00\x06Lookup"
          b"\x01\x00\x24Error looking up JNDI resource [{}].")


def run(*args, stdin=None, **env):
    return subprocess.run([str(a) for a in args], input=stdin, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **env})


def jar(files):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return b.getvalue()


def core(version):
    return jar({POM: "groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=%s\n" % version,
                "org/apache/logging/log4j/core/lookup/JndiLookup.class": LOOKUP})


class OnSqlite(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)
        self.files = pathlib.Path(self.tmp.name)
        self.place()
        self.ok(self.board("incident", "open", "log4shell"))
        self.addCleanup(lambda: self.assertEqual(self.board("verify").returncode, 0))

    def place(self):
        self.where = ["--data", str(self.files / "data")]

    def board(self, *args, **kw):
        words = 1 if args[0] in ("verify", "status") else 2
        return run(BOARD, *args[:words], *self.where, *args[words:], **kw)

    def ok(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def status(self):
        return json.loads(self.ok(self.board("status", "--json")))

    def ledger(self, *rows):
        path = self.files / "ledger.csv"
        path.write_text("管理番号,システム名,区分,ホスト\n" + "".join(",".join(r) + "\n" for r in rows),
                        encoding="utf-8-sig")
        self.ok(self.board("ledger", "import", path))

    def scan(self, folder, whole=False):
        """hikeshi's own output; `whole` makes its path the whole host, which no test can scan."""
        out = run(TOOL, "scan", "--format", "jsonl", folder)
        self.assertIn(out.returncode, (0, 1, 3), out.stderr)
        lines = out.stdout.splitlines()
        if whole:
            last = json.loads(lines[-1])
            last["summary"]["paths"] = ["/"]
            lines[-1] = json.dumps(last)
        path = self.files / "scan.jsonl"
        path.write_text("\n".join(lines) + "\n")
        return path

    def folder(self, **files):
        d = self.files / ("host-%d" % len(list(self.files.iterdir())))
        d.mkdir()
        for name, data in files.items():
            (d / name.replace("_", ".")).write_bytes(data)
        return d

    def test_found_and_proposed(self):
        self.ledger(("INT-1", "倉庫ラベル", "社内", "wms-app01"), ("INT-2", "人事", "社内", "hr-db1"))
        path = self.scan(self.folder(a_ear=jar({"b.war": jar({"WEB-INF/lib/x.jar": core("2.14.1")})})))
        said = self.ok(self.board("findings", "import", path, "--host", "WMS-APP01.example.jp"))
        self.assertEqual(said, "scan 1: 1 findings, 1 proposals wait\n")
        said = self.ok(self.board("findings", "import", path, "--host", "wms-app01.example.jp"))
        self.assertEqual(said, "scan 1 was handed in before: 1 findings, 1 proposals wait\n")
        status = self.status()
        self.assertEqual(status["assets"], {"internal": {"investigating": 1, "not_asked": 1}})
        self.assertEqual(status["evidence"], {"scan": {"proposed": 1}})
        scans = status["scans"]
        self.assertEqual((scans["hosts"], scans["findings"], scans["affected"]), (1, 1, 1))
        self.assertEqual(status["proposals"], 1)
        self.assertIn("Investigating", self.ok(self.board("status")))
        self.assertIn("調査中", self.ok(self.board("status", LC_ALL="ja_JP.UTF-8")))

    def test_what_was_not_read_is_never_clean(self):
        self.ledger(("INT-1", "倉庫ラベル", "社内", "wms-app01"))
        clean = {"tool_jar": jar({"readme.txt": b"nothing"})}
        cut = {"cut_jar": core("2.14.1")[:-30]}
        for files, whole in ((clean, False), (cut, True), ({**clean, **cut}, True)):
            path = self.scan(self.folder(**files), whole)
            self.ok(self.board("findings", "import", path, "--host", "wms-app01"))
            status = self.status()
            self.assertEqual(status["scans"]["incomplete"] > 0, "cut_jar" in files)
            state = status["assets"]["internal"]
            self.assertNotIn("not_affected", state)
            self.assertNotIn("fixed", state)
        # also when the last scan of the host is whole: a proposal is no answer
        path = self.scan(self.folder(**clean), True)
        self.ok(self.board("findings", "import", path, "--host", "wms-app01"))
        status = self.status()
        self.assertEqual(status["scans"]["incomplete"], 0)
        self.assertEqual(status["proposals"], 1)
        self.assertEqual(status["assets"], {"internal": {"not_asked": 1}})

    def test_refused(self):
        path = self.scan(self.folder(a_jar=core("2.14.1")))
        lines = path.read_text().splitlines()
        bad = self.files / "bad.jsonl"
        for text, words in (("\n".join(lines[:-1]), "summary is missing"),
                            (lines[0] + "\n" + "\n".join(lines), "a part is missing"),
                            ("not json\n" + lines[-1], "line 1"),
                            ("\x1b[31m\n", "line 1"),
                            (lines[0][:40], "line 1")):
            bad.write_text(text)
            refused = self.board("findings", "import", bad, "--host", "h")
            self.assertEqual(refused.returncode, 1, text)
            self.assertIn(words, refused.stderr)
            self.assertNotIn("\x1b", refused.stderr)
        self.assertEqual(self.board("findings", "import", path).returncode, 2)
        self.assertEqual(self.board("findings", "import", path, "--host", "a b").returncode, 2)
        self.assertEqual(self.board("findings", "import", path, "--host", "h", "--incident", "7").returncode, 1)
        self.assertEqual(self.board("findings", "import", "/nonexistent", "--host", "h").returncode, 1)
        self.assertEqual(self.status()["scans"]["hosts"], 0)
        self.assertIn("scan 1", self.ok(self.board("findings", "import", "-", "--host", "h",
                                                   stdin=path.read_text())))

    def test_host_tokens(self):
        said = self.ok(self.board("host", "add", "wms-app01")).splitlines()
        self.assertRegex(said[1], r"^hkh_[A-Za-z0-9_-]{43}$")
        self.assertEqual(self.board("host", "add", "WMS-app01").returncode, 1)
        self.assertEqual(self.board("host", "add", "a/b").returncode, 2)

    def test_many_findings(self):
        """100,000 findings of one host, and 200 rows of the ledger on it."""
        self.ledger(*[("INT-%d" % i, "システム %d" % i, "社内", "big") for i in range(200)])
        finding = {"path": "", "component": "log4j-core", "version": "", "version_from": "pom.properties",
                   "cves": {"CVE-2021-44228": "affected", "CVE-2021-45046": "affected"},
                   "evidence": ["pom.properties"]}
        path = self.files / "many.jsonl"
        with path.open("w") as f:
            for i in range(100000):
                finding.update(path="/srv/app%d/lib/log4j-core.jar" % i, version="2.%d.1" % (i % 15))
                f.write(json.dumps(finding) + "\n")
            f.write(json.dumps({"summary": {
                "files": 1, "archives": 1, "bytes": 1, "findings": 100000, "host": "big",
                "started": "2021-12-13T11:00:00Z", "ended": "2021-12-13T11:58:00Z", "tool": "t",
                "profile": "log4shell", "profile_revision": 1, "paths": ["/"], "incomplete_count": 0,
                "incomplete": []}}) + "\n")
        t0 = time.monotonic()
        said = self.ok(self.board("findings", "import", path, "--host", "big"))
        took = time.monotonic() - t0
        print("\n%s: 100,000 findings, 200 rows imported in %.1f s" % (type(self).__name__, took), flush=True)
        self.assertEqual(said, "scan 1: 100000 findings, 200 proposals wait\n")
        self.assertLess(took, 120)


@unittest.skipUnless("HIKESHI_TEST_PG" in os.environ, "HIKESHI_TEST_PG is not set")
class OnPostgres(OnSqlite):
    count = 0

    def place(self):
        url = os.environ["HIKESHI_TEST_PG"]
        OnPostgres.count += 1
        schema = f"e2ef_{os.getpid()}_{OnPostgres.count}"
        psql = run("psql", "-q", "-d", url, "-c", f"CREATE SCHEMA {schema}")
        self.assertEqual(psql.returncode, 0, psql.stderr)
        self.where = ["--database", f"{url}&options=-csearch_path%3D{schema}"]


if __name__ == "__main__":
    unittest.main()
