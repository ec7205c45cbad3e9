#!/usr/bin/env python3
"""hikeshi-board from outside: accounts and verify, on every database there is."""
import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("HIKESHI_BUILD", "build"))
BOARD = BUILD / "hikeshi-board"
PASSWORD = "correct horse battery"


def board(*args, stdin=PASSWORD + "\n"):
    return subprocess.run([str(BOARD), *args], input=stdin, capture_output=True, text=True,
                          timeout=60)


class OnSqlite(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.where = ["--data", self.dir.name]

    def add(self, login, role="responder", **kw):
        return board("user", "add", *self.where, "--login", login, "--name", "佐伯 美帆",
                     "--role", role, **kw)

    def test_accounts_are_made_and_the_record_verifies(self):
        done = self.add("saeki", "administrator")
        self.assertEqual((done.returncode, done.stdout), (0, "account 1 made\n"), done.stderr)
        self.assertEqual(self.add("okubo").stdout, "account 2 made\n")
        again = self.add("okubo")
        self.assertEqual(again.returncode, 1)
        self.assertIn("okubo is taken", again.stderr)
        verify = board("verify", *self.where)
        self.assertEqual(verify.returncode, 0, verify.stderr)
        self.assertEqual(json.loads(verify.stdout), {"events": 2, "faults": 0, "places": []})

    def test_what_cannot_be_accepted_is_said_and_nothing_is_kept(self):
        for kw, args, words in (
                ({"stdin": "short\n"}, ("a",), "shorter than 12"),
                ({"stdin": "x" * 300 + "\n"}, ("a",), "longer than 256"),
                ({"stdin": ""}, ("a",), "no password"),
                ({}, ("a", "king"), "administrator"),
                ({}, ("a\x1b[31m",), "control character"),
        ):
            refused = self.add(*args, **kw)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(words, refused.stderr)
            self.assertNotIn("\x1b", refused.stderr)
        self.assertEqual(json.loads(board("verify", *self.where).stdout)["events"], 0)

    def test_incidents_are_opened_from_a_profile_and_listed(self):
        opened = board("incident", "open", "log4shell", *self.where, "--title", "Log4Shell 対応")
        self.assertEqual((opened.returncode, opened.stdout), (0, "incident 1 opened\n"),
                         opened.stderr)
        self.assertEqual(board("incident", "open", "log4shell", *self.where).returncode, 0)
        lines = [l.split("\t") for l in board("incident", "list", *self.where).stdout.splitlines()]
        self.assertEqual([l[:2] + l[3:4] for l in lines],
                         [["1", "open", "log4shell"], ["2", "open", "log4shell"]])
        self.assertEqual(lines[0][4], "Log4Shell 対応")
        self.assertTrue(lines[1][4])  # the profile's own title
        unknown = board("incident", "open", "nonesuch", *self.where)
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("nonesuch", unknown.stderr)
        self.assertEqual(json.loads(board("verify", *self.where).stdout)["faults"], 0)

    def test_usage(self):
        self.assertEqual(board().returncode, 2)
        self.assertEqual(board("verify", "--login", "x", *self.where).returncode, 2)
        self.assertEqual(board("verify", "extra", *self.where).returncode, 2)
        self.assertEqual(board("incident", "open", *self.where).returncode, 2)
        self.assertEqual(board("verify", "--nonsense").returncode, 2)
        self.assertEqual(board("verify", "--data", "a", "--database", "sqlite:b").returncode, 2)
        self.assertEqual(board("user", "add", *self.where).returncode, 2)
        self.assertIn("verify", board("--help").stdout)


class Tampering(unittest.TestCase):
    def test_a_changed_row_is_named(self):
        with tempfile.TemporaryDirectory() as where:
            board("user", "add", "--data", where, "--login", "saeki", "--name", "S", "--role",
                  "owner")
            with sqlite3.connect(where + "/board.db") as db:
                db.execute("UPDATE account SET role = 1")
            verify = board("verify", "--data", where)
            self.assertEqual(verify.returncode, 1)
            self.assertIn("account 1", " ".join(json.loads(verify.stdout)["places"]))


@unittest.skipUnless("HIKESHI_TEST_PG" in os.environ, "HIKESHI_TEST_PG is not set")
class OnPostgres(OnSqlite):
    count = 0

    def setUp(self):
        url = os.environ["HIKESHI_TEST_PG"]
        OnPostgres.count += 1
        schema = f"e2e_{os.getpid()}_{OnPostgres.count}"
        psql = subprocess.run(["psql", "-q", "-d", url, "-c", f"CREATE SCHEMA {schema}"],
                              capture_output=True, text=True)
        self.assertEqual(psql.returncode, 0, psql.stderr)
        self.where = ["--database", f"{url}&options=-csearch_path%3D{schema}"]


if __name__ == "__main__":
    unittest.main()
