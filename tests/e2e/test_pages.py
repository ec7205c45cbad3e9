#!/usr/bin/env python3
"""Incidents, import, hosts and timeline over HTTP: large files, killed boards, who sees what."""
import html
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from boards import BUILD, PEOPLE, Board, Server, command, on_each_database

HERE = pathlib.Path(__file__).resolve().parent
LEDGER = HERE.parent / "fixtures" / "make_ledger.py"


def ledger(name, *options):
    """A ledger file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        subprocess.run([sys.executable, "-B", str(LEDGER), *options, str(path)], check=True)
        return path.read_bytes()


def hidden(page):
    """What a form carries from one step to the next: hidden fields and chosen options."""
    pairs = re.findall(r'<input type="hidden" name="(?!csrf)([^"]+)" value="([^"]*)"', page.text)
    for name, options in re.findall(r'<select id="[^"]*" name="(c\d+)"[^>]*>(.*?)</select>', page.text, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        if chosen:
            pairs.append((name, chosen.group(1)))
    return pairs


class Importer:
    """Somebody who imports, step by step."""

    def __init__(self, person, incident):
        self.person, self.at = person, "/incidents/%d/import" % incident

    def hand_in(self, name, content):
        self.person.get(self.at)
        return self.person.post(self.at, files={"file": (name, content)})

    def columns(self, name, content):
        answer = self.hand_in(name, content)
        assert answer.status == 303, answer
        self.file = answer.location
        return self.person.get(self.file)

    def changes(self, page, more=()):
        return self.person.post(self.file + "/changes", hidden(page) + list(more))

    def apply(self, page, more=()):
        return self.person.post(self.file + "/apply", hidden(page) + list(more))

    def wait(self, answer, seconds=120):
        """Follows the job's page until it has ended."""
        assert answer.status == 303, answer
        end = time.monotonic() + seconds
        self.seen = []
        while time.monotonic() < end:
            page = self.person.get(answer.location)
            assert page.status == 200, page
            m = re.search(r'<progress max="(\d+)" value="(\d+)"', page.text)
            if m:
                self.seen.append((int(m.group(2)), int(m.group(1))))
            if "<progress" not in page.text:
                return page
            assert page.headers["Refresh"] == "3"
            time.sleep(0.05)
        raise AssertionError("the import did not end")

    def whole(self, name, content):
        page = self.changes(self.columns(name, content))
        return self.wait(self.apply(page))


def figures(page):
    return [int(n.replace(",", "")) for n in re.findall(r"<dd>([\d,]+)</dd>", page.text)]


class Import:
    def setUp(self):
        self.incident = self.board.incident()
        self.person = self.board.person("responder")

    def importer(self):
        return Importer(self.person, self.incident)

    def test_every_charset_gives_the_same_rows(self):
        want = None
        for charset in ("utf-8-sig", "utf-8", "utf-16", "cp932", "euc-jp"):
            incident = self.board.incident(charset)
            importer = Importer(self.person, incident)
            page = importer.whole("台帳.csv", ledger("a.csv", "--charset", charset))
            self.assertEqual(figures(page), [182, 0, 0, 0], charset)
            counts = command("status", "--json", *self.board.where, "--incident", str(incident)).stdout
            counts = json.loads(counts)["assets"]
            want = want or counts
            self.assertEqual(counts, want, charset)

    def test_a_large_ledger_has_a_progress_and_leaves_the_board_usable(self):
        importer = self.importer()
        page = importer.columns("large.csv", ledger("a.csv", "--rows", "20000", "--plain", "--numbers"))
        answer = importer.apply(importer.changes(page))
        other = self.board.person("reader")
        begun = time.monotonic()
        self.assertEqual(other.get("/incidents/%d" % self.incident).status, 200)
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(figures(importer.wait(answer)), [20000, 0, 0, 0])
        self.assertTrue(any(0 < done < total for done, total in importer.seen), importer.seen)

    def test_a_file_that_is_too_large_is_refused_before_it_is_read(self):
        self.person.get("/incidents/%d/import" % self.incident)
        c_length = str(300 << 20)
        answer = self.person.request("POST", "/incidents/%d/import" % self.incident, body=b"",
                                     headers={"Content-Type": "multipart/form-data; boundary=x",
                                              "Content-Length": c_length})
        self.assertEqual(answer.status, 413)
        self.assertIn("128", answer.text)

    def test_what_cannot_be_read_says_why(self):
        importer = self.importer()
        for name, content, status, words in (
                ("a.xlsx", b"PK\x03\x04 cut", 422, None),
                ("a.csv", b"", 422, None),
                ("a.xls", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504), 415, "xlsx"),
                ("a.pdf", b"%PDF-1.4\n\x00\x01\x02\xff\xfe", None, None)):
            answer = importer.hand_in(name, content)
            if answer.status == 303:  # a text without a header says so on the next page
                answer = self.person.get(answer.location)
            self.assertIn(answer.status, (status,) if status else (415, 422), answer)
            self.assertRegex(answer.text, r'class="note (said )?bad"')
            if words:
                self.assertIn(words, answer.text)

    def test_what_is_exported_is_imported_again_as_the_same_rows(self):
        importer = self.importer()
        importer.whole("a.csv", ledger("a.csv", "--rows", "60", "--numbers"))
        page = self.person.get("/incidents/%d/export" % self.incident)
        links = re.findall(r'href="(/incidents/\d+/ledger/export/\w+)"', page.text)
        self.assertEqual(len(links), 3)
        for link, name, begins in zip(links, ("b.xlsx", "b.csv", "c.csv"), (b"PK", b"\xef\xbb\xbf", b"")):
            file = self.person.get(link)
            self.assertEqual(file.status, 200, link)
            self.assertIn("attachment", file.headers["Content-Disposition"])
            self.assertTrue(file.body.startswith(begins), file.body[:20])
            changes = importer.changes(importer.columns(name, file.body))
            self.assertEqual(figures(changes), [0, 0, 60, 0], link)

    def test_characters_that_shift_jis_lacks_are_told_before(self):
        self.importer().whole("a.csv", "名称,種別,備考\n𠮷野システム,社内,吉の異体字\n帳票,社内,\n".encode())
        at = "/incidents/%d/ledger/export/cp932" % self.incident
        told = self.person.get(at + "?category=internal")
        self.assertIn("U+20BB7", told.text)
        anyway = html.unescape(re.search(r'href="([^"]*anyway=1)"', told.text).group(1))
        self.assertIn("category=internal", anyway)
        file = self.person.get(anyway)
        self.assertIn("?野システム", file.body.decode("cp932"))

    def test_a_file_belongs_to_its_incident(self):
        importer = self.importer()
        importer.columns("a.csv", ledger("a.csv", "--rows", "5"))
        upload = importer.file.rsplit("/", 1)[1]
        other = self.board.incident("other")
        self.assertEqual(self.person.get("/incidents/%d/import/%s" % (other, upload)).status, 404)
        self.assertEqual(self.person.get("/incidents/%d/import/%d" % (self.incident, 12345)).status, 404)

    def test_forged_fields_are_refused(self):
        importer = self.importer()
        page = importer.columns("a.csv", ledger("a.csv", "--rows", "5"))
        for more in ([("out", "x")], [("out", "-1")], [("out", str(1 << 40))],
                     [("out", str(n)) for n in range(1, 2100)]):
            answer = importer.changes(page, more)
            self.assertIn(answer.status, (413, 422), more[:1])
        sheet = [(k, "99" if k == "sheet" else v) for k, v in hidden(page)]
        self.assertEqual(self.person.post(importer.file + "/changes", sheet).status, 422)

    def test_who_may(self):
        for role, list_status in (("reader", 200), ("owner", 403)):
            person = self.board.person(role)
            self.assertEqual(person.get("/incidents/%d/import" % self.incident).status, list_status)
            self.assertEqual(Importer(person, self.incident).hand_in("a.csv", b"x").status, 403)


class Timeline:
    def setUp(self):
        self.incident = self.board.incident()
        self.at = "/incidents/%d/timeline" % self.incident
        self.person = self.board.person("responder")

    def test_texts_are_text(self):
        self.person.get(self.at)
        text = '<script>alert("1")</script> & \u202e停止'
        self.assertEqual(self.person.post(self.at, {"at": "2021-12-10T10:00", "text": text}).status, 303)
        page = self.person.get(self.at)
        self.assertIn("&lt;script&gt;", page.text)
        self.assertNotIn("<script>alert", page.text)
        self.assertIn("[U+202E]", page.text)

    def test_what_is_no_entry_is_refused(self):
        self.person.get(self.at)
        for fields in ({"at": "", "text": "a"}, {"at": "2021-02-30T10:00", "text": "a"},
                       {"at": "2021-12-10T10:00", "text": " "}, {"at": "1999-12-31T10:00", "text": "a"},
                       {"at": "2021-12-10T24:00", "text": "a"}, {"at": "2021-12-10T10:00:00Z", "text": "a"}):
            answer = self.person.post(self.at, fields)
            self.assertEqual(answer.status, 422, fields)
            self.assertIn('role="alert"', answer.text)
        self.assertEqual(self.person.get(self.at).text.count('class="src hand"'), 0)

    def test_an_entry_of_another_incident_is_not_found(self):
        self.person.get(self.at)
        entry = self.person.post(self.at, {"at": "2021-12-10T10:00", "text": "a"}).location.rsplit("#t", 1)[1]
        other = "/incidents/%d/timeline/%s" % (self.board.incident("other"), entry)
        self.assertEqual(self.person.get(other + "/edit").status, 404)
        self.assertEqual(self.person.post(other, {"at": "2021-12-10T10:00", "text": "b", "version": entry}).status, 404)

    def test_who_may(self):
        self.assertEqual(self.board.person("owner").get(self.at).status, 403)
        reader = self.board.person("reader")
        self.assertEqual(reader.get(self.at).status, 200)
        self.assertEqual(reader.post(self.at, {"at": "2021-12-10T10:00", "text": "a"}).status, 403)


class Incidents:
    def test_a_profile_is_a_name_and_never_a_folder(self):
        person = self.board.person("responder")
        person.get("/incidents")
        for profile in ("../../etc", "/tmp/x", "nonesuch", ""):
            answer = person.post("/incidents", {"profile": profile, "title": "x"})
            self.assertIn(answer.status, (404, 422), profile)

    def test_closed_incidents_have_no_forms(self):
        incident = self.board.incident()
        person = self.board.person("responder")
        person.get("/incidents/%d/close" % incident)
        self.assertEqual(person.post("/incidents/%d/close" % incident, {"reason": "終わり"}).status, 303)
        self.assertEqual(person.post("/incidents/%d/close" % incident, {"reason": "again"}).status, 409)
        self.assertNotIn('method="post" action="/incidents', person.get("/incidents/%d/timeline" % incident).text)
        self.assertNotIn("enctype", person.get("/incidents/%d/import" % incident).text)
        self.assertIn("終わり", person.get("/incidents/%d/timeline" % incident).text)


@unittest.skipUnless(shutil.which("curl"), "curl is not here")
class Hosts:
    def test_the_command_lines_that_are_shown_hand_in_a_scan(self):
        incident = self.board.incident()
        admin = self.board.person("administrator")
        admin.get("/hosts")
        page = admin.post("/hosts", {"name": socket.gethostname()})
        self.assertEqual(page.status, 200)
        self.assertEqual(page.headers["Cache-Control"], "no-store")
        lines = [html.unescape(line) for line in re.findall(r"<pre[^>]*>(.*?)</pre>", page.text, re.S)]
        scan = [line for line in lines if "/incidents/%d/" % incident in line]
        self.assertEqual(len(scan), 1, lines)
        with tempfile.TemporaryDirectory() as folder:
            here = {"PATH": "%s:%s" % (BUILD.resolve(), "/usr/bin:/bin"), "HOME": folder}
            for line in (lines[0], scan[0]):
                line = line.replace("/root/hikeshi-token", folder + "/token").replace(" / |", " %s |" % folder)
                done = subprocess.run(["bash", "-o", "pipefail", "-c", line], env=here, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual((pathlib.Path(folder) / "token").stat().st_mode & 0o77, 0)
        page = self.board.person("reader").get("/incidents/%d/hosts" % incident)
        self.assertIn(socket.gethostname().lower(), page.text)
        self.assertIn("only part of the host", page.text)

    def test_a_token_is_shown_once_and_void_when_it_is_renewed(self):
        incident = self.board.incident()
        admin = self.board.person("administrator")
        admin.get("/hosts")
        at = "/api/v1/incidents/%d/findings" % incident
        token = re.compile(r"hkh_[\w-]{43}")
        first = token.search(admin.post("/hosts", {"name": "once"}).text).group()
        self.assertIsNone(token.search(admin.get("/hosts").text))
        number = re.search(r"/hosts/(\d+)/renew", re.search(r"once.*", admin.get("/hosts").text, re.S).group()).group(1)
        second = token.search(admin.post("/hosts/%s/renew" % number).text).group()
        nobody = self.board.nobody()

        def hand_in(with_token):
            return nobody.request("POST", at, b"not a scan\n", {"Authorization": "Bearer " + with_token}).status
        self.assertEqual(hand_in(first), 401)
        self.assertEqual(hand_in(second), 422)
        self.assertEqual(admin.post("/hosts/%s/disable" % number).status, 303)
        self.assertEqual(hand_in(second), 401)


class HostNames:
    def test_one_short_name_in_two_domains_is_two_hosts(self):
        """What no row names, and what was never scanned, is told of each."""
        incident = self.board.incident()
        person = self.board.person("responder")
        at = "/api/v1/incidents/%d" % incident
        for row, host in (("売上", "wms.east.example"), ("在庫", "mail"), ("人事", "crm.east.example")):
            self.assertEqual(person.api("POST", at + "/assets", {"name": row, "hosts": [host]}).status, 201)
        for host in ("wms.west.example", "mail.east.example", "crm"):
            scan = {"summary": {"files": 1, "archives": 1, "bytes": 1, "findings": 0, "host": host,
                                "started": "2021-12-13T11:51:00Z", "ended": "2021-12-13T11:58:00Z", "tool": "t",
                                "profile": "log4shell", "profile_revision": 1, "paths": ["/"],
                                "incomplete_count": 0, "incomplete": []}}
            done = person.request("POST", at + "/findings?host=" + host, json.dumps(scan) + "\n",
                                  {"Content-Type": "application/jsonl", "X-CSRF-Token": person.csrf})
            self.assertEqual(done.status, 201, done)

        def shown(what):
            page = person.get("/incidents/%d/hosts?show=%s" % (incident, what))
            return set(re.findall(r"\b(?:wms|mail|crm)(?:\.(?:east|west)\.example)?\b", page.text))
        self.assertEqual(shown("unnamed"), {"wms.west.example"})
        self.assertEqual(shown("never"), {"wms.east.example"})
        self.assertRegex(person.get("/incidents/%d" % incident).text,
                         r'hosts\?show=unnamed">[^<]*</a><span class="num due soon">1<')


class Killed(unittest.TestCase):
    """Power loss in the middle of an import leaves the old ledger."""

    def test_the_old_ledger_is_there(self):
        with tempfile.TemporaryDirectory() as folder:
            where = ["--data", folder]
            board = Board(where)
            try:
                incident = board.incident()
                importer = Importer(board.person("responder"), incident)
                importer.whole("a.csv", ledger("a.csv", "--rows", "300", "--plain", "--numbers"))
                page = importer.columns("b.csv", ledger("b.csv", "--rows", "20000", "--plain", "--numbers", "--updated"))
                answer = importer.apply(importer.changes(page))
                self.assertEqual(answer.status, 303)
                while not re.search(r'<progress max="\d+" value="[1-9]', board.person("responder").get(answer.location).text):
                    pass
            finally:
                board.stop(signal.SIGKILL)
            verified = command("verify", *where)
            self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
            counts = json.loads(command("status", "--json", *where).stdout)["assets"]
            self.assertEqual(sum(n for states in counts.values() for n in states.values()), 300)
            again = Server(where)
            try:
                person = Importer(board.person("responder").__class__(again), incident).person
                self.assertEqual(person.log_in(PEOPLE["responder"][0]).status, 303)
                page = person.get(answer.location)
                self.assertEqual(page.status, 200)
                self.assertIn("note bad", page.text)  # told as failed, not as running for ever
            finally:
                self.assertEqual(again.stop(), 0, again.log())


for tests in (Import, Timeline, Incidents, Hosts, HostNames):
    on_each_database(tests, globals())
del Import, Timeline, Incidents, Hosts, tests

if __name__ == "__main__":
    unittest.main()
