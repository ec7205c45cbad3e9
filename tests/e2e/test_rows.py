#!/usr/bin/env python3
"""Rows of the ledger, answers and proposals over HTTP: who may what, hostile values, many at once."""
import concurrent.futures
import csv
import io
import json
import re
import tempfile
import unittest
import urllib.parse

from boards import PEOPLE, command, on_each_database

HOSTILE = '"><script>alert(1)</script>\u202e&amp;\'株'


class Work:
    """A ledger with a few rows in an incident of its own."""

    def setUp(self):
        self.incident = self.board.incident()
        self.person = self.board.person("responder")
        self.ledger = "/incidents/%d/ledger" % self.incident

    def add(self, name="運賃計算", incident=None, **fields):
        at = "/incidents/%d/ledger/new" % (incident or self.incident)
        self.person.get(at)
        answer = self.person.post(at, {"name": name, **fields})
        self.assertEqual(answer.status, 303, answer)
        return int(answer.location.rsplit("/", 1)[1])

    def row(self, asset, rest=""):
        return "/incidents/%d/assets/%d%s" % (self.incident, asset, rest)

    def version(self, asset):
        page = self.person.get(self.row(asset, "/edit"))
        return re.search(r'name="row_version" value="(\d+)"', page.text).group(1)

    def cell(self, person, asset, value, was, version, field="owner", **headers):
        return person.post(self.row(asset, "/cell?edit=%d&field=%s" % (asset, field)),
                           {"row_version": version, "value": value, "was": was}, headers=headers)

    def scan(self, host, found):
        lines = [{"path": "/srv/%d.jar" % i, "component": "log4j-core", "version": v, "version_from": "manifest",
                  "version_range": None, "prefix": None, "cves": {"CVE-2021-44228": "affected"}, "evidence": ["x"]}
                 for i, v in enumerate(found)]
        lines.append({"summary": {"files": 1, "archives": 1, "bytes": 1, "findings": len(found), "host": host,
                                  "started": "2021-12-13T11:51:00Z", "ended": "2021-12-13T11:58:00Z", "tool": "t",
                                  "profile": "log4shell", "profile_revision": 99, "paths": ["/"],
                                  "incomplete_count": 0, "incomplete": [], "skipped": []}})
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
            f.write("".join(json.dumps(line) + "\n" for line in lines))
            f.flush()
            done = command("findings", "import", *self.where, f.name, "--host", host, "--incident", str(self.incident))
        self.assertEqual(done.returncode, 0, done.stderr)

    def proposals(self, person=None):
        page = (person or self.person).get("/incidents/%d/proposals" % self.incident)
        return sorted(set(re.findall(r'type="checkbox" name="e"[^>]* value="(\d+)"', page.text)))


class Rows(Work):
    def test_texts_are_text_everywhere(self):
        asset = self.add(HOSTILE, owner=HOSTILE, vendor=HOSTILE, product=HOSTILE, hosts="h-1", notes=HOSTILE)
        self.person.get(self.row(asset))
        self.assertEqual(self.person.post(self.row(asset, "/answer"), {
            "question": "java", "cve": "", "option": "yes", "text": HOSTILE}).status, 303)
        for page in (self.ledger, self.ledger + "?q=" + urllib.parse.quote(HOSTILE), self.row(asset),
                     self.ledger + "?edit=%d&field=owner" % asset, self.row(asset, "/edit"),
                     self.row(asset, "/history"), self.row(asset, "/history?question=java&cve=")):
            answer = self.person.get(page)
            self.assertEqual(answer.status, 200, page)
            self.assertNotIn("<script>alert", answer.text, page)

    def test_what_an_address_says_is_hostile_too(self):
        self.add()
        for query in ("?page=-1", "?page=99999999999999999999", "?rows=7", "?sort=x&dir=y", "?state=nonesuch&certainty=%22",
                      "?category=%3Cscript%3E", "?edit=1&field=nonesuch", "?edit=abc&field=owner", "?q=" + "a" * 3000,
                      "?q=" + urllib.parse.quote("株" * 300),
                      "?owner=" + urllib.parse.quote(HOSTILE), "?q=%25_%21%27"):
            answer = self.person.get(self.ledger + query)
            self.assertEqual(answer.status, 200, query[:60])
            self.assertNotIn("<script>alert", answer.text)
        self.assertEqual(self.person.get(self.ledger + "?q=%00").status, 400)
        many = self.person.get(self.ledger + "?q=a+b+c+d+e+f+g+h+i")  # more words than are looked for: said, not an error
        self.assertEqual(many.status, 200)
        self.assertIn('role="alert"', many.text)
        self.assertIn('value="a b c d e f g h i"', many.text)

    def test_a_row_of_another_incident_is_not_found(self):
        asset = self.add()
        other = self.board.incident("other")
        at = "/incidents/%d/assets/%d" % (other, asset)
        for get in ("", "/edit", "/history", "/cell?edit=%d&field=owner" % asset):
            self.assertEqual(self.person.get(at + get).status, 404, get)
        self.person.get(self.row(asset))
        for post, fields in (("/edit", {"name": "x", "row_version": "1"}), ("/answer", {"question": "java", "option": "yes"}),
                             ("/decide", {"question": "java", "cve": "", "option": "yes", "reason": "r"}),
                             ("/retire", {"reason": "r"}), ("/restore", {}), ("/ask", {}), ("/judge", {"e": "1"}),
                             ("/cell?edit=%d&field=owner" % asset, {"value": "x", "was": "", "row_version": "1"})):
            self.assertEqual(self.person.post(at + post, fields).status, 404, post)
        done = self.person.post("/incidents/%d/ledger/rows" % other, [("row", str(asset)), ("do", "retire"), ("reason", "r")])
        self.assertEqual(done.status, 404)
        self.assertIn("運賃計算", self.person.get(self.ledger).text)

    def test_of_twenty_who_save_at_once_one_does(self):
        asset = self.add(owner="誰か")
        version = self.version(asset)
        self.person.get(self.ledger)

        def save(n):
            return self.cell(self.person, asset, "人 %d" % n, "誰か", version).status
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            codes = list(pool.map(save, range(20)))
        self.assertEqual(sorted(codes), [303] + [409] * 19)
        history = self.person.get(self.row(asset, "/history")).text
        self.assertEqual(history.count("<del>誰か</del>"), 1)

    def test_a_lost_race_of_a_piece_is_a_piece(self):
        asset = self.add(owner="誰か")
        version = self.version(asset)
        self.assertEqual(self.cell(self.person, asset, "甲", "誰か", version).status, 303)
        lost = self.cell(self.person, asset, "乙", "誰か", version, **{"HX-Request": "true"})
        self.assertEqual(lost.status, 200)
        self.assertTrue(lost.text.lstrip().startswith("<td"), lost.text[:80])
        self.assertIn('value="乙"', lost.text)
        self.assertIn("甲", lost.text)
        self.assertIn(PEOPLE["responder"][1], lost.text)
        again = re.search(r'name="row_version" value="(\d+)"', lost.text).group(1)
        won = self.cell(self.person, asset, "乙", "甲", again, **{"HX-Request": "true"})
        self.assertIn("乙", won.text)
        self.assertNotIn("<form", won.text)
        self.assertEqual(self.cell(self.person, asset, "x" * 5000, "乙", again).status, 422)

    def test_the_way_back_keeps_the_conditions(self):
        asset = self.add(category="client", owner="誰か")
        version = self.version(asset)
        answer = self.person.post(self.row(asset, "/cell?category=client&page=1&sort=name&edit=%d&field=owner" % asset),
                                  {"row_version": version, "value": "甲", "was": "誰か"})
        self.assertEqual(answer.location, self.ledger + "?category=client&sort=name#r%d" % asset)

    def test_ticked_rows_are_changed_together_or_not_at_all(self):
        assets = [self.add("行 %d" % i) for i in range(3)]
        self.person.get(self.ledger)
        rows = [("row", str(a)) for a in assets]
        for fields in (rows + [("do", "retire")], rows + [("do", "ask"), ("due", "2021-02-31T10:00")],
                       rows + [("do", "ask"), ("due", "2001-01-01T10:00")], rows + [("do", "assign"), ("account", "-1")],
                       rows + [("do", "nonesuch")], [("do", "ask")], [("row", "x"), ("do", "ask")],
                       [("row", str(assets[0]))] * 201 + [("do", "ask")]):
            self.assertEqual(self.person.post(self.ledger + "/rows", fields).status, 422, fields[-2:])
        self.person.post(self.row(assets[2], "/retire"), {"reason": "先に"})
        answer = self.person.post(self.ledger + "/rows", rows + [("do", "retire"), ("reason", "r")])
        self.assertEqual(answer.status, 409)  # the third is retired already: none of them is
        self.assertEqual(self.person.get(self.ledger).text.count('class="to"'), 2)

    def test_an_export_holds_what_is_shown(self):
        self.add("運賃計算", category="internal", owner="=1+2")
        self.add("㈱髙橋 連携", category="client")
        answer = self.person.get(self.ledger + "/export/csv?category=internal")
        self.assertEqual(answer.status, 200)
        self.assertIn("attachment", answer.headers["Content-Disposition"])
        text = answer.body.decode("utf-8-sig")
        self.assertIn("運賃計算", text)
        self.assertNotIn("髙橋", text)
        cells = [c for row in csv.reader(io.StringIO(text)) for c in row]
        self.assertFalse([c for c in cells if c.startswith("=")], "formulas are neutralised")
        self.assertTrue(self.person.get(self.ledger + "/export/xlsx").body.startswith(b"PK"))
        self.assertIn("運賃計算", self.person.get(self.ledger + "/export/cp932?category=internal").body.decode("cp932"))
        self.assertEqual(self.person.get(self.ledger + "/export/exe").status, 404)

    def test_closed_incidents_have_no_forms(self):
        asset = self.add()
        self.person.get("/incidents/%d/close" % self.incident)
        self.person.post("/incidents/%d/close" % self.incident, {"reason": "終わり"})
        for page in (self.ledger, self.row(asset)):
            text = self.person.get(page).text
            self.assertNotIn('method="post" action="/incidents', text)
            self.assertNotIn('class="ed', text)


class Answers(Work):
    def answer(self, person, asset, fields=None, files=None):
        person.get(self.row(asset))
        return person.post(self.row(asset, "/answer"), {"question": "java", "cve": "", "option": "yes", **(fields or {})},
                           files=files)

    def test_an_owner_sees_and_answers_what_is_theirs(self):
        mine = self.add("私の", owner_mail=PEOPLE["owner"][0].upper(), hosts="mine-01")
        other = self.add("他人の", owner_mail="somebody@example.co.jp", hosts="other-01")
        owner = self.board.person("owner")
        self.assertEqual(self.answer(owner, mine).status, 303)
        self.assertEqual(self.answer(self.person, other, files={"file": ("a.txt", b"secret")}).status, 303)
        attachment = re.search(r'href="(/incidents/\d+/attachments/\d+)"', self.person.get(self.row(other)).text).group(1)
        self.assertEqual(owner.get(attachment).status, 404)
        for at in (self.row(other), self.row(other, "/history"), "/incidents/%d/mine/%d" % (self.incident, other)):
            self.assertEqual(owner.get(at).status, 404, at)
        self.assertEqual(self.answer(owner, other).status, 404)
        self.assertNotIn("他人の", owner.get(self.ledger).text)
        self.assertNotIn("他人の", owner.get("/incidents/%d/mine" % self.incident).text)
        self.scan("mine-01", ["2.14.1"])
        self.scan("other-01", ["2.14.1"])
        self.assertEqual(len(self.proposals()), 2)
        theirs = self.proposals(owner)
        self.assertEqual(len(theirs), 1)
        not_theirs = [e for e in self.proposals() if e not in theirs]
        judge = "/incidents/%d/proposals/judge" % self.incident
        self.assertEqual(owner.post(judge, {"e": not_theirs[0], "do": "confirm"}).status, 404)
        self.assertEqual(owner.post(judge, [("e", theirs[0]), ("e", not_theirs[0]), ("do", "confirm")]).status, 404)
        self.assertEqual(len(self.proposals()), 2)
        scans = re.findall(r"/incidents/\d+/scans/\d+", self.person.get("/incidents/%d/proposals" % self.incident).text)
        self.assertEqual(sorted(owner.get(s).status for s in set(scans)), [200, 404])
        for post in ("/decide", "/undecide", "/retire", "/restore", "/ask", "/edit"):
            self.assertEqual(owner.post(self.row(mine, post), {"reason": "r"}).status, 403, post)

    def test_files_at_their_limit(self):
        asset = self.add()
        limit = 8 << 20
        answer = self.answer(self.person, asset, files={"file": ("全部.bin", bytes(range(256)) * (limit // 256))})
        self.assertEqual(answer.status, 303, answer)
        link = re.search(r'href="(/incidents/\d+/attachments/\d+)"', self.person.get(self.row(asset)).text).group(1)
        self.assertEqual(self.person.get(link).body, bytes(range(256)) * (limit // 256))
        answer = self.answer(self.person, asset, {"option": "no"}, files={"file": ("mehr.bin", b"x" * (limit + 1))})
        self.assertIn(answer.status, (413, 422))
        self.assertEqual(self.person.get(self.row(asset)).text.count("/attachments/"), 1)

    def test_what_cannot_be_accepted(self):
        asset = self.add()
        for fields in ({"question": "nonesuch"}, {"option": "nonesuch"}, {"cve": "CVE-2021-44228"},
                       {"question": "vendor", "option": "affected", "cve": ""}, {"link": "javascript:alert(1)"},
                       {"question": "vendor", "option": "affected", "cve": "CVE-1999-0001"}, {"option": ""},
                       {"text": "x" * 8001}, {"link": "https://" + "a" * 2000}):
            answer = self.answer(self.person, asset, fields)
            self.assertEqual(answer.status, 422, fields)
        self.assertNotIn("CVE-1999", self.person.get(self.row(asset, "/history")).text)
        decide = {"question": "java", "cve": "", "option": "no"}
        self.assertEqual(self.person.post(self.row(asset, "/decide"), decide).status, 422)
        self.assertEqual(self.person.post(self.row(asset, "/decide"), {**decide, "reason": " "}).status, 422)
        none = {"question": "vendor", "option": "fixed", "reason": "r"}
        self.assertEqual(self.person.post(self.row(asset, "/decide"), none).status, 422)  # nothing to decide
        many = list(none.items()) + [("cve", "CVE-2021-44228")] * 9
        self.assertEqual(self.person.post(self.row(asset, "/decide"), many).status, 422)  # not a part of them
        self.assertEqual(self.person.post(self.row(asset, "/undecide"), {**decide, "reason": "r"}).status, 409)

    def test_a_proposal_is_judged_once(self):
        self.add(hosts="mine-01")
        self.scan("mine-01", ["2.14.1"])
        waiting = self.proposals()
        judge = "/incidents/%d/proposals/judge" % self.incident

        def confirm(_):
            return self.person.post(judge, {"e": waiting[0], "do": "confirm"}).status
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            codes = list(pool.map(confirm, range(8)))
        self.assertEqual(sorted(codes), [303] + [409] * 7)
        self.assertEqual(self.proposals(), [])
        other = "/incidents/%d/proposals/judge" % self.board.incident("other")
        self.assertIn(self.person.post(other, {"e": waiting[0], "do": "confirm"}).status, (404, 409, 422))


on_each_database(Rows, globals())
on_each_database(Answers, globals())

if __name__ == "__main__":
    unittest.main()
