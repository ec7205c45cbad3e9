#!/usr/bin/env python3
"""hikeshi-board ledger import and export from outside, on every database there is."""
import csv
import io
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ.get("HIKESHI_BUILD", "build"))
BOARD = BUILD / "hikeshi-board"
HEADER = ["管理番号", "システム名", "区分", "担当者", "メールアドレス", "ベンダー", "製品名", "ホスト", "備考"]
ROWS = [
    ["EXT-1", "受注サイト", "社外向け", "上原 太郎", "uehara@example.jp", "㈱髙橋ソフト", "OrderX", "web1, web2", "①"],
    ["INT-2", "ﾌｧｲﾙｻｰﾊﾞｰ", "社内", "", "", "Initech", "FS", "fs1", ""],
    ["", "Chat", "SaaS", "佐伯", "", "", "", "", "夜間\n停止"],
]
CHARSETS = ["utf-8", "utf-8-sig", "utf-16", "cp932", "euc_jp"]


def board(*args, lang="C", timeout=120):
    env = dict(os.environ, LC_ALL=lang)
    return subprocess.run([str(BOARD), *args], capture_output=True, text=True, timeout=timeout, env=env)


def as_csv(rows, header=HEADER):
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows] if header else rows)
    return out.getvalue()


class OnSqlite(unittest.TestCase):
    def setUp(self):
        self.make_database()
        self.files = tempfile.TemporaryDirectory()
        self.addCleanup(self.files.cleanup)
        self.assertEqual(board("incident", "open", "log4shell", *self.where).returncode, 0)

    def make_database(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.where = ["--data", self.dir.name]

    def tearDown(self):
        done = board("verify", *self.where, timeout=300)
        self.assertEqual(json.loads(done.stdout)["faults"], 0, done.stdout)

    def query(self, sql):
        with sqlite3.connect(self.dir.name + "/board.db") as db:
            return [list(r) for r in db.execute(sql)]

    def file(self, content, name="台帳.csv", charset="utf-8"):
        path = pathlib.Path(self.files.name) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(charset))
        return str(path)

    def load(self, rows, *args, charset="utf-8", header=HEADER, code=0):
        done = board("ledger", "import", self.file(as_csv(rows, header), charset=charset), *args, *self.where)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_every_charset_gives_the_same_ledger(self):
        for charset in CHARSETS:
            # Python's EUC-JP has neither 髙 nor ①: fewer characters, the same ledger
            plain = as_csv(ROWS) if charset != "euc_jp" else as_csv(ROWS).replace("㈱髙橋", "高橋").replace("①", "1")
            first = charset == CHARSETS[0]
            done = board("ledger", "import", self.file(plain, charset=charset), *self.where)
            self.assertEqual(done.returncode, 0, done.stderr)
            same = 2 if charset == "euc_jp" else 3
            self.assertIn("3 rows: 3 added, 0 changed, 0 as before" if first else
                          f"3 rows: 0 added, {3 - same} changed, {same} as before", done.stdout, charset)
            self.assertIn({"utf-8-sig": "UTF-8", "utf-16": "UTF-16LE", "euc_jp": "EUC-JP"}
                          .get(charset, charset.upper()), done.stdout)
        self.assertEqual(self.query("SELECT name, category, vendor FROM asset ORDER BY id"),
                         [["受注サイト", "external", "高橋ソフト"], ["ファイルサーバー", "internal", "Initech"],
                          ["Chat", "saas", ""]])
        self.assertEqual(self.query("SELECT host FROM asset_host ORDER BY host"), [["fs1"], ["web1"], ["web2"]])

    def test_an_updated_file_says_what_it_changes(self):
        self.load(ROWS)
        new = [row[:] for row in ROWS]
        new[0][3] = "星野 花子"
        new[1] = ["INT-9", "新しい\x1b[31mもの", "社内", "", "", "", "", "", ""]
        dry = self.load(new, "--dry-run")
        for words in ("~ row 2: 受注サイト", "Owner: 上原 太郎 -> 星野 花子", "+ row 3: 新しい",
                      "3 rows: 1 added, 1 changed, 1 as before, 0 left out",
                      "1 row of the ledger is not in the file", "nothing was written"):
            self.assertIn(words, dry.stdout)
        self.assertNotIn("\x1b", dry.stdout)
        self.assertEqual(self.query("SELECT COUNT(*) FROM asset"), [[3]])
        self.assertIn("1 added, 1 changed", self.load(new).stdout)
        self.assertEqual(self.query("SELECT owner FROM asset WHERE id = 1"), [["星野 花子"]])
        self.assertEqual(self.query("SELECT COUNT(*) FROM asset"), [[4]])

    def test_in_japanese(self):
        done = board("ledger", "import", self.file(as_csv(ROWS)), *self.where, lang="ja_JP.UTF-8")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("3 行: 追加 3、変更 0、変更なし 0、除外 0", done.stdout)

    def test_problems_name_their_place_and_the_way_out(self):
        bad = ROWS + [["X-1", "", "社内"] + [""] * 6, ["EXT-1", "二つ目", "社内"] + [""] * 6]
        for extra in ((), ("--dry-run",)):
            refused = self.load(bad, *extra, code=2)
            self.assertIn("row 5, column B: the name is empty", refused.stdout)
            self.assertIn("rows 2 and 6: EXT-1: the same asset number", refused.stdout)
            self.assertIn("2 problems", refused.stderr)
        self.assertEqual(self.query("SELECT COUNT(*) FROM asset"), [[0]])
        self.assertIn("2 left out", self.load(bad, "--leave-out", "5-6").stdout)
        self.assertEqual(self.query("SELECT COUNT(*) FROM asset"), [[3]])

    def test_what_cannot_be_read_is_said(self):
        for content, words in ((b"", "empty"), (b"PK\x03\x04 broken", ""), (b"\x81\x00" * 50, ""),
                               ("ただの文章です。\n", "columns"), (b"%PDF-1.4", "PDF")):
            refused = board("ledger", "import", self.file(content), *self.where)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(words, refused.stderr)
        for args in (["--sheet", "nonesuch"], ["--incident", "7"], ["--incident", "x"], ["--leave-out", "a"],
                     ["--charset", "klingon"]):
            refused = board("ledger", "import", self.file(as_csv(ROWS)), *args, *self.where)
            self.assertNotEqual(refused.returncode, 0, args)
        self.assertNotEqual(board("ledger", "import", "/nonesuch.csv", *self.where).returncode, 0)
        board("incident", "open", "log4shell", *self.where)
        refused = board("ledger", "import", self.file(as_csv(ROWS)), *self.where)
        self.assertIn("1, 2", refused.stderr)

    def test_what_was_exported_comes_back_as_it_was(self):
        nasty = ROWS + [["F-1", "=1+1", "社内", "-x", "", "@v", "+p 1.0", "", "'=x"]]
        self.load(nasty)
        for lang in ("C", "ja_JP.UTF-8"):
            for name, args in (("a.xlsx", []), ("a.csv", []), ("a.csv", ["--charset", "cp932"])):
                path = os.path.join(self.files.name, name)
                done = board("ledger", "export", path, *args, *self.where, lang=lang)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stderr, "")
                back = board("ledger", "import", path, *self.where)
                self.assertIn("4 rows: 0 added, 0 changed, 4 as before", back.stdout, back.stdout + back.stderr)
        self.assertFalse([f for f in os.listdir(self.files.name) if f.endswith(".part")])
        with open(os.path.join(self.files.name, "b.csv"), "w") as f:
            f.write("what was there")
        for name, args in (("b.txt", []), ("b.xlsx", ["--charset", "cp932"]), ("b.csv", ["--charset", "x"])):
            self.assertEqual(board("ledger", "export", os.path.join(self.files.name, name), *args,
                                   *self.where).returncode, 2)
        self.assertEqual(pathlib.Path(self.files.name, "b.csv").read_text(), "what was there")

    def test_characters_that_cp932_does_not_have_are_told(self):
        self.load([["A-1", "𠮷野", "社内"] + [""] * 6])
        path = os.path.join(self.files.name, "x.csv")
        done = board("ledger", "export", path, "--charset", "cp932", *self.where)
        self.assertIn("1 cell has", done.stderr)
        self.assertIn("B2 U+20BB7", done.stderr)
        self.assertIn("?野", pathlib.Path(path).read_text(encoding="cp932"))

    def many(self, count):
        return [[f"N-{i:05}", f"業務システム {i}", ["社外向け", "社内", "SaaS", "クライアント"][i % 4], f"担当 {i % 300}",
                 f"u{i % 300}@example.jp", f"ベンダー{i % 100}", f"製品{i % 500}", f"web{i}, db{i}",
                 "夜間バッチあり。障害時は運用チームへ。"] for i in range(count)]

    def test_fifty_thousand_rows(self):
        rows = self.many(50000)
        path = self.file(as_csv(rows))
        for want, most in (("50000 added", 40), ("50000 as before", 40)):
            begin = time.monotonic()
            done = board("ledger", "import", path, *self.where, timeout=300)
            took = time.monotonic() - begin
            self.assertIn(want, done.stdout, done.stderr)
            print(f"{type(self).__name__}: {want}: {took:.1f} s, {50000 / took:.0f} rows/s")
            self.assertLess(took, most)
        self.assertEqual(self.query("SELECT COUNT(*) FROM asset_host"), [[100000]])

    def test_killed_in_the_middle_leaves_the_old_ledger(self):
        self.load(ROWS)
        before = self.query("SELECT * FROM asset ORDER BY id")
        path = self.file(as_csv([[f"N-{i}", f"s{i}", "社内"] + [""] * 6 for i in range(40000)]))
        killed = 0
        for after in (0.1, 0.3, 0.6, 1.0, 1.5, 2.0):
            p = subprocess.Popen([str(BOARD), "ledger", "import", path, *self.where], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            try:
                p.wait(after)
                break  # it was quicker than that; what was killed before is what counts
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGKILL)
                p.wait()
                killed += 1
            time.sleep(0.2)  # PostgreSQL notices that the other side is gone
            if self.query("SELECT COUNT(*) FROM asset") == [[len(before) + 40000]]:
                break  # killed behind the commit: all of it is there
            self.assertEqual(self.query("SELECT * FROM asset ORDER BY id"), before, after)
            self.assertEqual(self.query("SELECT COUNT(*) FROM import_row"), [[3]])
            self.assertEqual(self.query("SELECT COUNT(*) FROM import"), [[1]])
        self.assertGreater(killed, 1)


class Help(unittest.TestCase):
    def test_help_names_the_verbs(self):
        text = board("--help").stdout
        self.assertTrue(re.search("ledger import FILE.*--dry-run", text, re.S))
        self.assertIn("ledger export FILE", text)


@unittest.skipUnless("HIKESHI_TEST_PG" in os.environ, "HIKESHI_TEST_PG is not set")
class OnPostgres(OnSqlite):
    count = 0

    def psql(self, sql):
        done = subprocess.run(["psql", "-q", "-A", "-t", "--csv", "-d", os.environ["HIKESHI_TEST_PG"], "-c", sql],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def make_database(self):
        OnPostgres.count += 1
        self.schema = f"ledger_{os.getpid()}_{OnPostgres.count}"
        self.psql(f"CREATE SCHEMA {self.schema}")
        self.where = ["--database", os.environ["HIKESHI_TEST_PG"] + f"&options=-csearch_path%3D{self.schema}"]

    def query(self, sql):
        rows = csv.reader(io.StringIO(self.psql(f"SET search_path = {self.schema}; {sql}")))
        return [[int(c) if re.fullmatch("-?[0-9]+", c) else c for c in row] for row in rows]


if __name__ == "__main__":
    unittest.main()
