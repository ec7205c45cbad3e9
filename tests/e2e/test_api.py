#!/usr/bin/env python3
"""The JSON API from outside: every operation by its own description, what is refused and where, cursors, races, scans
that are cut, large, or handed in twice; on every database there is."""
import collections
import concurrent.futures
import csv
import io
import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

from boards import BOARD, BUILD, PEOPLE, PASSWORD, SANITIZED, Person, command, multipart, on_each_database, until
from openapi import Description

API = "/api/v1"
NONE = 999999999
FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
CVE = "CVE-2021-44228"


class Client:
    """Somebody who speaks to the API; every answer is held against the description."""

    def __init__(self, test, headers=None, person=None):
        self.test, self.headers, self.person = test, headers or {}, person
        self.raw = Person(test.board)

    def send(self, method, path, body=None, headers=None, timeout=120):
        """body: a value for JSON, or bytes. Returns the checked answer."""
        path = path if path.startswith("/") else API + "/" + path
        headers = {**self.headers, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if self.person:
            headers.setdefault("X-CSRF-Token", self.person.csrf or "")
        who = self.person or self.raw
        answer = who.request(method, path, body, headers, timeout)
        self.test.check(method, path, answer)
        return answer

    def call(self, method, path, body=None, want=200, **kw):
        answer = self.send(method, path, body, **kw)
        self.test.assertEqual(answer.status, want, answer)
        return answer.json() if answer.body else None

    def get(self, path, want=200, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query)
        return self.call("GET", path, want=want)

    def refused(self, method, path, body, status, *at, **kw):
        """The answer is a problem of this status, with these pointers and parameters at fault."""
        answer = self.send(method, path, body, **kw)
        self.test.assertEqual(answer.status, status, answer)
        problem = answer.json()
        self.test.assertEqual([e.get("pointer") or e.get("parameter") for e in problem.get("errors", [])], list(at),
                              problem)
        return problem

    def all(self, path, limit=50, **query):
        """Every item of a list, page by page."""
        items, cursor = [], None
        while True:
            page = self.get(path, limit=limit, **query, **({"cursor": cursor} if cursor else {}))
            self.test.assertLessEqual(len(page["items"]), limit)
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items
            self.test.assertTrue(page["items"], "a page that leads on has items")


class WithApi:
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seen = collections.defaultdict(set)
        cls.description = Description(Person(cls.board).get(API + "/openapi.json").json())
        cls.clients = {}

    def check(self, method, path, answer):
        self.assertNotEqual(answer.status, 500, (method, path, answer, self.board.log()[-2000:]))
        operation = self.description.find("GET" if method == "HEAD" else method, path)
        if operation and method != "HEAD":
            self.seen[operation["operationId"]].add(answer.status)
            faults = self.description.answer_faults(method, path, answer.status,
                                                    answer.headers.get("Content-Type"), answer.body)
            self.assertEqual(faults, [], (method, path, answer))
        if answer.status >= 400:
            problem = answer.json()
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            self.assertEqual(problem["status"], answer.status)
            self.assertRegex(problem["type"], r"^/problems/[a-z-]+$")
            self.assertTrue(problem["title"] and problem["detail"], problem)

    def who(self, role):
        """Somebody of this role, with a token of their own, and no cookie."""
        if role not in self.clients:
            made = Client(self, person=self.board.person(role)).call("POST", "me/tokens", {"name": role}, want=201)
            self.clients[role] = {"Authorization": "Bearer " + made["token"]}
        return Client(self, self.clients[role])

    def incident(self):
        return self.who("responder").call("POST", "incidents", {"profile": "log4shell"}, want=201)["id"]

    def asset(self, incident, name="受注サイト", **fields):
        return self.who("responder").call("POST", "incidents/%d/assets" % incident, {"name": name, **fields}, want=201)

    def host(self, name):
        made = self.who("administrator").call("POST", "hosts", {"name": name}, want=201)
        return made["id"], Client(self, {"Authorization": "Bearer " + made["token"],
                                         "Content-Type": "application/jsonl"})


def finding(n, state="affected", version="2.14.1"):
    return {"path": "/srv/app%d.jar!/lib/log4j-core-%s.jar" % (n, version), "component": "log4j-core",
            "version": version, "version_from": "pom.properties",
            "cves": {CVE: state, "CVE-2021-45046": state}, "evidence": ["pom.properties says %s" % version]}


def summary(findings, host="web1", incomplete=(), paths=("/",), started="2021-12-10T09:00:00Z"):
    return {"summary": {"files": 100, "archives": 10, "bytes": 12345, "findings": findings, "host": host,
                        "started": started, "ended": "2021-12-10T09:01:00Z", "tool": "hikeshi 0.1.0",
                        "profile": "log4shell", "profile_revision": 1, "paths": list(paths),
                        "incomplete_count": len(incomplete),
                        "incomplete": [{"path": p, "reason": "encrypted"} for p in incomplete]}}


def jsonl(*lines):
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def scan(findings=2, **kw):
    return jsonl(*(finding(i) for i in range(findings)), summary(findings, **kw))


class Operations(WithApi):
    """Every operation as it is meant to be used; the last test says which were left out."""

    def test_the_description_is_sound(self):
        self.assertEqual(self.description.own_faults(), [])
        routes = json.loads(subprocess.run([str(BOARD), "routes", *self.where],
                                           capture_output=True, text=True, check=True).stdout)
        described = {(m, p.count("{"), re.sub(r"\{\w+\}", ":n", p)) for m, p, _, _ in self.description.operations}
        there = {(r["method"], r["pattern"].count(":"), r["pattern"]) for r in routes
                 if r["pattern"].startswith(API + "/")}
        self.assertEqual(described, there)

    def test_incidents(self):
        r = self.who("responder")
        made = r.send("POST", "incidents", {"profile": "log4shell", "title": "一件目"})
        self.assertEqual(made.status, 201, made)
        i = made.json()["id"]
        self.assertEqual(made.headers["Location"], API + "/incidents/%d" % i)
        self.assertEqual(r.get("incidents/%d" % i)["title"], "一件目")
        self.assertEqual(r.call("POST", "incidents", {"profile": "log4shell"}, want=201)["title"], "Log4Shell")
        self.assertIn(i, [x["id"] for x in r.all("incidents", limit=1)])
        r.refused("POST", "incidents", {"profile": "nonesuch"}, 422, "/profile")
        r.refused("POST", "incidents", {"profile": "../../etc"}, 422, "/profile")
        r.refused("POST", "incidents", {"profile": str(pathlib.Path("profiles/log4shell").resolve())}, 422, "/profile")
        r.refused("GET", "incidents/%d" % NONE, None, 404)
        profile = r.call("GET", "incidents/%d/profile" % i, headers={"Accept-Language": "ja"})
        self.assertIn("Java", profile["questions"][0]["text"])
        self.assertIn("すか", profile["questions"][0]["text"])
        self.assertEqual([c["id"] for c in profile["cves"] if c["asked"]][0], CVE)
        status = r.get("incidents/%d/status" % i)
        self.assertEqual(status["incident"]["id"], i)
        self.assertEqual(status["proposals"], 0)
        history = r.call("GET", "incidents/%d/history" % i, headers={"Accept-Language": "ja"})
        self.assertEqual([e["kind"] for e in history["items"]], ["incident.opened"])
        self.assertIn("一件目", history["items"][0]["text"])
        r.refused("POST", "incidents/%d/close" % i, {}, 422, "/reason")
        self.assertIsNotNone(r.call("POST", "incidents/%d/close" % i, {"reason": "done"})["closed"])
        r.refused("POST", "incidents/%d/close" % i, {"reason": "again"}, 409)

    def test_a_row_of_the_ledger(self):
        i, r = self.incident(), self.who("responder")
        full = {"name": "受注サイト", "number": "EXT-1", "category": "external", "owner": "上原",
                "owner_mail": PEOPLE["owner"][0], "department": "営業部", "vendor": "青葉ソフト", "product": "OrderBox",
                "version": "3.1", "exposed": True, "hosts": ["web1.example.jp", "web2"], "users": "営業",
                "shared_with": "取引先", "criticality": "高", "notes": "一行目\n二行目", "renewed_on": "2021-11-30"}
        made = r.send("POST", "incidents/%d/assets" % i, full)
        self.assertEqual(made.status, 201, made)
        a, etag = made.json(), made.headers["ETag"]
        for name, value in full.items():
            self.assertEqual(a[name], value, name)
        self.assertEqual(made.headers["Location"], API + "/assets/%d" % a["id"])
        self.assertEqual(r.get("assets/%d" % a["id"]), a)
        # changed as it was read, by header and by member
        path = "assets/%d" % a["id"]
        changed = r.send("PATCH", path, {"owner": "大久保", "exposed": None, "hosts": []}, headers={"If-Match": etag})
        self.assertEqual(changed.status, 200, changed)
        b = changed.json()
        self.assertEqual((b["owner"], b["exposed"], b["hosts"], b["vendor"]), ("大久保", None, [], "青葉ソフト"))
        self.assertNotEqual(changed.headers["ETag"], etag)
        c = r.call("PATCH", path, {"exposed": False, "row_version": b["row_version"]})
        self.assertIs(c["exposed"], False)
        # somebody was quicker, and nobody's word is overwritten
        self.assertEqual(r.refused("PATCH", path, {"owner": "x"}, 412, headers={"If-Match": etag})["current"], c)
        self.assertEqual(r.refused("PATCH", path, {"owner": "x", "row_version": b["row_version"]}, 409)["current"], c)
        r.refused("PATCH", path, {"owner": "x"}, 412, headers={"If-Match": 'W/"1"'})
        r.refused("PATCH", path, {"owner": c["owner"]}, 412, headers={"If-Match": etag})
        r.refused("PATCH", path, {"owner": "x"}, 428)
        self.assertEqual(r.get(path), c)
        self.assertEqual(r.call("PATCH", path, {"notes": ""}, headers={"If-Match": "*"})["notes"], "")
        # what the case layer refuses stands at its field
        now = {"row_version": r.get(path)["row_version"]}
        r.refused("PATCH", path, {"owner_mail": "no mail", **now}, 422, "/owner_mail")
        r.refused("PATCH", path, {"renewed_on": "soon", **now}, 422, "/renewed_on")
        r.refused("PATCH", path, {"name": "  ", **now}, 422)
        r.refused("PATCH", path, {"hosts": ["h%d" % n for n in range(201)], **now}, 422, "/hosts")
        r.refused("POST", "incidents/%d/assets" % i, {"name": "x", "owner_mail": "no"}, 422, "/owner_mail")
        r.refused("POST", "incidents/%d/assets" % NONE, {"name": "x"}, 404)
        r.refused("GET", "incidents/%d/assets" % NONE, None, 404)
        r.refused("PATCH", "assets/%d" % NONE, {"name": "x", "row_version": 1}, 404)
        # in use or not
        r.refused("POST", path + "/retire", {}, 422, "/reason")
        self.assertTrue(r.call("POST", path + "/retire", {"reason": "入替"})["retired"])
        r.refused("POST", path + "/retire", {"reason": "again"}, 409)
        self.assertEqual(r.get("incidents/%d/assets" % i)["total"], 0)
        self.assertEqual(r.get("incidents/%d/assets" % i, retired=1)["total"], 1)
        self.assertFalse(r.call("POST", path + "/restore")["retired"])
        r.refused("POST", path + "/restore", {}, 409)
        # asked, assigned
        r.call("POST", "incidents/%d/assets/ask" % i, {"assets": [a["id"]], "due": "2021-12-11T12:00:00+09:00"}, want=204)
        asked = r.get(path)
        self.assertEqual((asked["state"], asked["due"]), ("asked", "2021-12-11T03:00:00.000Z"))
        r.refused("POST", "incidents/%d/assets/ask" % i, {"assets": [NONE], "due": None}, 404)
        r.refused("POST", "incidents/%d/assets/ask" % i, {"assets": []}, 422, "/assets")
        me = self.who("owner").get("me")
        r.call("POST", "incidents/%d/assets/assign" % i, {"assets": [a["id"]], "account": me["id"]}, want=204)
        r.call("POST", "incidents/%d/assets/assign" % i, {"assets": [a["id"]], "account": None}, want=204)
        r.refused("POST", "incidents/%d/assets/assign" % i, {"assets": [a["id"]], "account": NONE}, 422, "/account")
        kinds = [e["kind"] for e in r.all(path + "/history", limit=3)]
        self.assertEqual(kinds, ["asset.assigned", "asset.assigned", "asset.asked", "asset.restored", "asset.retired",
                                 "asset.changed", "asset.changed", "asset.changed", "asset.added"])

    def test_a_closed_incident_is_only_read(self):
        i, r = self.incident(), self.who("responder")
        a = self.asset(i, owner_mail=PEOPLE["owner"][0], hosts=["shut1"])
        jsonl_type = {"Content-Type": "application/jsonl"}
        r.call("POST", "incidents/%d/findings?host=shut1" % i, scan(1, host="shut1"), want=201, headers=jsonl_type)
        proposal = r.all("incidents/%d/proposals" % i)[0]["id"]
        entry = r.all("incidents/%d/timeline" % i)[0]
        r.call("POST", "incidents/%d/close" % i, {"reason": "done"})
        before = r.all("incidents/%d/history" % i)
        stating = {"question": "java", "option": "no"}
        for who, method, path, body in (
                (r, "POST", "incidents/%d/close" % i, {"reason": "again"}),
                (r, "POST", "incidents/%d/assets" % i, {"name": "late"}),
                (r, "PATCH", "assets/%d" % a["id"], {"name": "late", "row_version": a["row_version"]}),
                (r, "POST", "assets/%d/retire" % a["id"], {"reason": "x"}),
                (r, "POST", "incidents/%d/assets/ask" % i, {"assets": [a["id"]]}),
                (r, "POST", "incidents/%d/assets/assign" % i, {"assets": [a["id"]], "account": None}),
                (self.who("owner"), "POST", "assets/%d/evidence" % a["id"], stating),
                (r, "POST", "assets/%d/decide" % a["id"], {**stating, "reason": "x"}),
                (r, "POST", "incidents/%d/proposals/confirm" % i, {"evidence": [proposal]}),
                (r, "POST", "incidents/%d/timeline" % i, {"at": "2021-12-10T09:00:00Z", "text": "late"}),
                (r, "PATCH", "timeline/%d" % entry["id"], {"text": "late", "row_version": entry["row_version"]})):
            self.assertIn("closed", who.refused(method, path, body, 409)["detail"], path)
        r.refused("POST", "incidents/%d/findings?host=shut1" % i, scan(0, host="shut1"), 409, headers=jsonl_type)
        self.assertEqual(r.all("incidents/%d/history" % i), before)
        self.assertEqual(r.get("assets/%d" % a["id"])["name"], a["name"])

    def test_owners_see_and_answer_what_is_theirs(self):
        i = self.incident()
        mine = self.asset(i, "mine", owner_mail=PEOPLE["owner"][0])
        other = self.asset(i, "other")
        o = self.who("owner")
        self.assertEqual([a["id"] for a in o.all("incidents/%d/assets" % i)], [mine["id"]])
        for method, path, body in (("GET", "", None), ("GET", "/answers", None), ("GET", "/evidence", None),
                                   ("GET", "/history", None),
                                   ("POST", "/evidence", {"question": "java", "option": "no"})):
            o.refused(method, "assets/%d%s" % (other["id"], path), body, 404)
            self.assertIn(o.send(method, "assets/%d%s" % (mine["id"], path), body).status, (200, 201))
        for path in ("history", "status", "timeline", "scans", "imports"):
            o.refused("GET", "incidents/%d/%s" % (i, path), None, 403)
        # of a proposal on another's row not even that it is there, or who judged it
        r = self.who("responder")
        self.asset(i, "scanned", hosts=["theirs"])
        r.call("POST", "incidents/%d/findings?host=theirs" % i, scan(1, host="theirs"), want=201,
               headers={"Content-Type": "application/jsonl"})
        ids = [p["id"] for p in r.all("incidents/%d/proposals" % i)][:1]
        none = o.refused("POST", "incidents/%d/proposals/confirm" % i, {"evidence": [NONE]}, 404)
        for _ in range(2):
            self.assertEqual(o.refused("POST", "incidents/%d/proposals/confirm" % i, {"evidence": ids}, 404), none)
            self.assertEqual(o.refused("POST", "incidents/%d/proposals/refuse" % i,
                                       {"evidence": ids, "reason": "x"}, 404), none)
            if r.all("incidents/%d/proposals" % i):
                r.call("POST", "incidents/%d/proposals/confirm" % i, {"evidence": ids}, want=204)
        o.refused("PATCH", "assets/%d" % mine["id"], {"name": "x", "row_version": 1}, 403)

    def test_the_survey(self):
        i, r = self.incident(), self.who("responder")
        a = self.asset(i)["id"]
        path = "assets/%d" % a
        said = r.call("POST", path + "/evidence", {
            "question": "log4j", "option": "yes", "detail": "2.14.1", "text": "製品の説明書", "link": "https://example.jp/x",
            "said": "2021-12-10T09:00:00Z"}, want=201)
        self.assertEqual((said["kind"], said["status"], said["detail"]), ("person", "stated", "2.14.1"))
        self.assertEqual((said["quote"], said["said"]), ("製品の説明書", "2021-12-10T09:00:00.000Z"))
        r.refused("POST", path + "/evidence", {"question": "nonesuch", "option": "yes"}, 422, "/question")
        r.refused("POST", path + "/evidence", {"question": "log4j", "option": "maybe"}, 422, "/option")
        r.refused("POST", path + "/evidence", {"question": "log4j", "option": "yes", "cve": CVE}, 422, "/cve")
        r.refused("POST", path + "/evidence", {"question": "java", "option": "yes", "detail": "8"}, 422, "/detail")
        r.refused("POST", path + "/evidence", {"question": "java", "option": "yes", "link": "javascript:x"}, 422)
        # with a file
        letter = bytes(range(256)) * 40
        kind, body = multipart([("question", "java"), ("option", "yes"), ("text", "回答書")],
                               {"file": ("回答.pdf", letter)})
        said = r.call("POST", path + "/evidence", body, want=201, headers={"Content-Type": kind})
        self.assertEqual((said["attachment_name"], said["attachment_size"]), ("回答.pdf", len(letter)))
        file = r.send("GET", "attachments/%d" % said["attachment"])
        self.assertEqual((file.status, file.body), (200, letter))
        self.assertIn("attachment;", file.headers["Content-Disposition"])
        r.refused("GET", "attachments/%d" % NONE, None, 404)
        self.who("owner").refused("GET", "attachments/%d" % said["attachment"], None, 404)
        kind, body = multipart([("question", "java"), ("option", "yes"), ("nope", "1")], {})
        r.refused("POST", path + "/evidence", body, 422, "/nope", headers={"Content-Type": kind})
        big = multipart([("question", "java"), ("option", "yes")], {"file": ("big", bytes(8 * 1024 * 1024 + 1))})
        r.refused("POST", path + "/evidence", big[1], 413, headers={"Content-Type": big[0]})
        # what holds, and a decision over it
        answers = r.get(path + "/answers")
        self.assertEqual([(x["question"], x["option"]) for x in answers["answers"]], [("java", "yes"), ("log4j", "yes")])
        self.assertIn((CVE, "affected"), [(c["cve"], c["state"]) for c in answers["cves"]])
        decided = r.call("POST", path + "/decide", {"question": "log4j", "option": "no", "reason": "見た"})
        self.assertEqual([x["rule"] for x in decided["answers"] if x["question"] == "log4j"], ["decided"])
        r.refused("POST", path + "/decide", {"question": "log4j", "option": "maybe", "reason": "x"}, 422, "/option")
        r.refused("POST", path + "/decide", {"question": "log4j", "option": "no"}, 422, "/reason")
        back = r.call("POST", path + "/undecide", {"question": "log4j", "reason": "誤り"})
        self.assertEqual([x["option"] for x in back["answers"] if x["question"] == "log4j"], ["yes"])
        r.refused("POST", path + "/undecide", {"question": "log4j", "reason": "x"}, 409)
        self.assertEqual(len(r.all(path + "/evidence", limit=1)), 2)

    def test_scans_and_proposals(self):
        i, r = self.incident(), self.who("responder")
        a = self.asset(i, hosts=["web1.example.jp"])["id"]
        host_id, h = self.host("web1.example.jp")
        made = h.send("POST", "incidents/%d/findings" % i, scan(3, host="web1.example.jp", incomplete=["/opt/x.zip"]))
        self.assertEqual(made.status, 201, made)
        s = made.json()
        self.assertEqual((s["host"], s["findings"], s["affected"], s["incomplete"], s["whole_host"]),
                         ("web1.example.jp", 3, 3, 1, True))
        self.assertEqual(made.headers["Location"], API + "/scans/%d" % s["id"])
        again = h.send("POST", "incidents/%d/findings" % i, scan(3, host="web1.example.jp", incomplete=["/opt/x.zip"]))
        self.assertEqual((again.status, again.json()["id"]), (200, s["id"]))
        self.assertEqual(r.get("scans/%d" % s["id"])["sha256"], s["sha256"])
        found = r.all("scans/%d/findings" % s["id"], limit=1)
        self.assertEqual([f["n"] for f in found], [1, 2, 3])
        self.assertEqual(found[0]["cves"][CVE], "affected")
        self.assertEqual(r.get("scans/%d/findings" % s["id"], worst="fixed")["items"], [])
        self.assertEqual([g["path"] for g in r.all("scans/%d/gaps" % s["id"])], ["/opt/x.zip"])
        self.assertEqual([x["id"] for x in r.all("incidents/%d/scans" % i, latest=1, host="web1.example.jp")], [s["id"]])
        self.assertEqual(r.get("incidents/%d/scans" % i, host="nonesuch")["items"], [])
        for path in ("scans/%d" % NONE, "scans/%d/findings" % NONE, "scans/%d/gaps" % NONE):
            r.refused("GET", path, None, 404)
        # what it proposes
        proposals = r.all("incidents/%d/proposals" % i, limit=1)
        self.assertTrue(proposals)
        self.assertEqual({(p["asset"], p["kind"], p["status"], p["scan"]) for p in proposals},
                         {(a, "scan", "proposed", s["id"])})
        ids = [p["id"] for p in proposals]
        judge = "incidents/%d/proposals/" % i
        r.refused("POST", judge + "confirm", {"evidence": ids + [NONE]}, 404)  # all or none
        self.assertEqual([p["id"] for p in r.all(judge[:-1])], ids)
        r.refused("POST", judge + "refuse", {"evidence": ids}, 422, "/reason")
        r.refused("POST", judge + "refuse", {"evidence": ids, "reason": " \n"}, 422)
        r.call("POST", judge + "confirm", {"evidence": ids}, want=204)
        self.assertEqual(r.get("assets/%d" % a)["state"], "affected")
        self.assertIn("大久保", r.refused("POST", judge + "confirm", {"evidence": ids}, 409)["detail"])
        self.assertEqual(r.get(judge[:-1])["items"], [])
        # what is missing to say that there is none, in the reader's language
        self.asset(i, "別", hosts=["part1"])
        _, part = self.host("part1")
        part.call("POST", "incidents/%d/findings" % i, scan(0, host="part1", incomplete=["/x"]), want=201)
        for lang, word in (("en", "place not fully examined"), ("ja", "最後まで読めていないところ")):
            quotes = [p["quote"] for p in r.call("GET", judge[:-1], headers={"Accept-Language": lang})["items"]
                      if p["asset_name"] == "別"]
            self.assertEqual(len(quotes), 1)
            self.assertIn(word, quotes[0])
            self.assertNotIn("\t", quotes[0])
        r.call("POST", judge + "refuse", {"evidence": [p["id"] for p in r.all(judge[:-1])], "reason": "x"}, want=204)
        # a second scan, refused
        h.call("POST", "incidents/%d/findings" % i, scan(1, host="web1.example.jp", started="2021-12-10T10:00:00Z"), want=201)
        ids = [p["id"] for p in r.all(judge[:-1])]
        if ids:
            r.call("POST", judge + "refuse", {"evidence": ids, "reason": "試験用"}, want=204)
        # a host speaks for itself only, and for nothing else
        h.refused("GET", "incidents/%d/scans" % i, None, 403)
        self.assertIn(h.send("POST", "incidents/%d/findings?host=web2" % i, scan(1, host="web2")).status, (403, 422))
        h.refused("POST", "incidents/%d/findings" % NONE, scan(1, host="web1.example.jp"), 404)
        r.call("POST", "incidents/%d/findings?host=web2" % i, scan(1, host="web2"), want=201,
               headers={"Content-Type": "application/jsonl"})
        h.refused("POST", "incidents/%d/findings?host=web2" % i, scan(1, host="web2"), 403)  # these bytes are known
        # a responder says whose it is
        r.refused("POST", "incidents/%d/findings" % i, scan(1), 422, "host", headers={"Content-Type": "application/jsonl"})
        r.call("POST", "incidents/%d/findings?host=web3" % i, scan(1, host="web3"), want=201,
               headers={"Content-Type": "application/jsonl"})
        # the token's life
        admin = self.who("administrator")
        self.assertIn(host_id, [x["id"] for x in admin.all("hosts", limit=2)])
        fresh = admin.call("POST", "hosts/%d/token" % host_id)
        h.refused("POST", "incidents/%d/findings" % i, scan(2), 401)
        h2 = Client(self, {"Authorization": "Bearer " + fresh["token"]})
        h2.call("POST", "incidents/%d/findings" % i, scan(2, host="web1.example.jp"), want=201)
        self.assertTrue(admin.call("POST", "hosts/%d/disable" % host_id)["disabled"])
        h2.refused("POST", "incidents/%d/findings" % i, scan(2, host="web1.example.jp"), 401)
        admin.refused("POST", "hosts/%d/token" % host_id, None, 404)
        admin.refused("POST", "hosts", {"name": "web1.example.jp"}, 409)
        admin.refused("POST", "hosts", {"name": "no host"}, 422, "/name")

    def test_the_timeline(self):
        i, r = self.incident(), self.who("responder")
        made = r.send("POST", "incidents/%d/timeline" % i,
                      {"at": "2021-12-10T18:00:00+09:00", "text": "第一報", "main": True})
        self.assertEqual(made.status, 201, made)
        t = made.json()
        self.assertEqual((t["at"], t["text"], t["main"], t["by_hand"]), ("2021-12-10T09:00:00.000Z", "第一報", True, True))
        path = "timeline/%d" % t["id"]
        self.assertEqual(made.headers["Location"], API + "/" + path)
        self.assertEqual(r.get(path), t)
        edited = r.call("PATCH", path, {"text": "第一報(訂正)", "outside": True, "row_version": t["row_version"]})
        self.assertEqual((edited["text"], edited["original"], edited["outside"], edited["main"]),
                         ("第一報(訂正)", "第一報", True, True))
        self.assertEqual(r.refused("PATCH", path, {"text": "x", "row_version": t["row_version"]}, 409)["current"], edited)
        r.refused("PATCH", path, {"text": "x"}, 422, "/row_version")
        r.refused("PATCH", "timeline/%d" % NONE, {"text": "x", "row_version": 1}, 404)
        r.refused("GET", "timeline/%d" % NONE, None, 404)
        r.refused("POST", "incidents/%d/timeline" % i, {"at": "1999-01-01T00:00:00Z", "text": "x"}, 422)
        hidden = r.call("PATCH", path, {"hidden": True, "row_version": edited["row_version"]})
        self.assertTrue(hidden["hidden"])
        list_ = "incidents/%d/timeline" % i
        self.assertNotIn(t["id"], [x["id"] for x in r.all(list_)])
        self.assertIn(t["id"], [x["id"] for x in r.all(list_, hidden=1, outside=1)])
        for n in range(12):  # several at one moment, so that the id has to tell them apart
            r.call("POST", list_, {"at": "2021-12-11T00:00:0%dZ" % (n // 5), "text": "n%d" % n}, want=201)
        newest = [x["id"] for x in r.all(list_, limit=5)]
        oldest = [x["id"] for x in r.all(list_, limit=5, oldest_first=1)]
        self.assertEqual(len(newest), 13)  # and the incident's opening
        self.assertEqual(newest, oldest[::-1])
        self.assertEqual([x["text"] for x in r.all(list_, limit=2, search="n1", oldest_first=1)], ["n1", "n10", "n11"])
        ja = r.call("GET", list_ + "?main=1", headers={"Accept-Language": "ja"})["items"]
        self.assertTrue(any("Log4Shell" in x["text"] and "opened" not in x["text"] for x in ja), ja)

    def test_oneself_and_accounts(self):
        admin = self.who("administrator")
        made = admin.send("POST", "accounts", {"login": "new@example.co.jp", "name": "新人", "role": "reader"})
        self.assertEqual(made.status, 201, made)
        a = made.json()
        self.assertEqual(made.headers["Location"], API + "/accounts/%d" % a["id"])
        admin.refused("POST", "accounts", {"login": "new@example.co.jp", "name": "x", "role": "reader"}, 409)
        admin.refused("POST", "accounts", {"login": "x", "name": "x", "role": "king"}, 422, "/role")
        path = "accounts/%d" % a["id"]
        self.assertEqual(admin.get(path), {k: v for k, v in a.items() if k != "password"})
        self.assertIn(a["id"], [x["id"] for x in admin.all("accounts", limit=2)])
        # the password is good once, then for changing it only
        p = Person(self.board)
        self.assertEqual(p.log_in("new@example.co.jp", a["password"]).status, 303)
        new = Client(self, person=p)
        new.refused("GET", "me", None, 403)
        new.refused("PUT", "me/password", {"current": "wrong", "password": PASSWORD}, 422, "/current")
        new.refused("PUT", "me/password", {"current": a["password"], "password": "short"}, 422, "/password")
        new.call("PUT", "me/password", {"current": a["password"], "password": PASSWORD}, want=204)
        me = new.get("me")
        self.assertEqual((me["login"], me["role"], me["via"], me["csrf"]), ("new@example.co.jp", "reader", "session", p.csrf))
        self.assertEqual(new.call("PATCH", "me", {"name": "新人 一"})["name"], "新人 一")
        new.refused("PATCH", "me", {"name": ""}, 422, "/name")
        # tokens
        new.refused("POST", "me/tokens", {"name": "x", "days": 367}, 422, "/days")
        first = new.call("POST", "me/tokens", {"name": "一", "days": 1}, want=201)
        second = new.call("POST", "me/tokens", {"name": "二"}, want=201)
        t = Client(self, {"Authorization": "Bearer " + first["token"]})
        self.assertEqual((t.get("me")["via"], t.get("me")["csrf"], t.get("me")["id"]), ("token", None, me["id"]))
        t.refused("POST", "me/tokens", {"name": "三"}, 403)
        t.refused("POST", "incidents", {"profile": "log4shell"}, 403)  # its owner reads only
        self.assertEqual([x["name"] for x in t.all("me/tokens", limit=1)], ["二", "一"])
        new.call("DELETE", "me/tokens/%d" % first["id"], want=204)
        t.refused("GET", "me", None, 401)
        new.refused("DELETE", "me/tokens/%d" % first["id"], None, 409)
        self.who("responder").refused("DELETE", "me/tokens/%d" % second["id"], None, 404)
        admin.call("DELETE", "me/tokens/%d" % second["id"], want=204)
        for bad in ("", "hkp_", "hkp_x", "hkh_" + first["token"][4:], first["token"][:-1], "\xff"):
            Client(self, {"Authorization": "Bearer " + bad}).refused("GET", "me", None, 401)
        # sessions
        other = Person(self.board)
        other.log_in("new@example.co.jp")
        new.call("DELETE", "me/sessions", want=204)
        Client(self, person=other).refused("GET", "me", None, 401)
        new.call("DELETE", "me/session", want=204)
        new.refused("GET", "me", None, 401)
        # changed, given a new password, disabled
        self.assertEqual(admin.call("PATCH", path, {"role": "responder"})["role"], "responder")
        self.assertEqual(admin.call("PATCH", path, {"name": "新人"})["role"], "responder")
        third = Client(self, person=self.logged_in("new@example.co.jp", PASSWORD))
        token = third.call("POST", "me/tokens", {"name": "x"}, want=201)["token"]
        given = admin.call("POST", path + "/password")
        self.assertNotEqual(given["password"], a["password"])
        third.refused("GET", "me", None, 401)
        Client(self, {"Authorization": "Bearer " + token}).refused("GET", "me", None, 401)
        fourth = Client(self, person=self.logged_in("new@example.co.jp", given["password"]))
        fourth.call("PUT", "me/password", {"current": given["password"], "password": PASSWORD}, want=204)
        token = fourth.call("POST", "me/tokens", {"name": "y"}, want=201)["token"]
        fourth.call("PUT", "me/password", {"current": PASSWORD, "password": PASSWORD + "!"}, want=204)
        self.assertEqual(Client(self, {"Authorization": "Bearer " + token}).get("me")["via"], "token")  # one's own change leaves it
        self.assertTrue(admin.call("PATCH", path, {"disabled": True})["disabled"])
        Client(self, {"Authorization": "Bearer " + token}).refused("GET", "me", None, 401)
        admin.refused("POST", "accounts/%d/password" % admin.get("me")["id"], {}, 422)
        for method, p, body in (("GET", "accounts/%d", None), ("PATCH", "accounts/%d", {"name": "x"}),
                                ("POST", "accounts/%d/password", {}), ("DELETE", "me/tokens/%d", None)):
            admin.refused(method, p % NONE, body, 404)

    def logged_in(self, login, password):
        p = Person(self.board)
        self.assertEqual(p.log_in(login, password).status, 303)
        return p

    def test_ledger_files(self):
        i, r = self.incident(), self.who("responder")
        files = "incidents/%d/imports/files" % i
        with tempfile.TemporaryDirectory() as tmp:
            made = pathlib.Path(tmp) / "台帳.xlsx"
            subprocess.run([sys.executable, "-B", str(FIXTURES / "make_ledger.py"), "--rows", "30", str(made)], check=True)
            ledger = made.read_bytes()
        kind, body = multipart([], {"file": ("台帳.xlsx", ledger)})
        got = r.send("POST", files, body, headers={"Content-Type": kind})
        self.assertEqual(got.status, 201, got)
        f = got.json()
        self.assertEqual(got.headers["Location"], "%s/%s/%d" % (API, files, f["id"]))
        self.assertEqual((f["file"], f["size"], f["format"]), ("台帳.xlsx", len(ledger), "xlsx"))
        self.assertIn("name", [c["field"] for c in f["columns"]])
        path = "%s/%d" % (files, f["id"])
        self.assertEqual(r.get(path), f)
        self.assertEqual(r.get(path, sheet=f["sheet"])["columns"], f["columns"])
        r.refused("GET", path + "?sheet=99", None, 422, "sheet")
        r.refused("GET", "%s/%d" % (files, NONE), None, 404)
        # the plan, as guessed and as chosen
        plan = r.call("POST", path + "/plan", {})
        self.assertEqual((plan["added"], plan["changed"], len(plan["changes"])), (30, 0, 30))
        row = plan["changes"][0]["row"]
        vendor = next(c["column"] for c in f["columns"] if c["field"] == "vendor")
        chosen = {"leave_out": [row], "columns": [{"column": vendor, "field": "leave_out"}]}
        plan = r.call("POST", path + "/plan", chosen)
        self.assertEqual((plan["added"], plan["left_out"]), (29, 1))
        self.assertNotIn("vendor", {x["field"] for c in plan["changes"] for x in c["fields"]})
        r.refused("POST", path + "/plan", {"columns": [{"column": 99, "field": "name"}]}, 422, "/columns/0/column")
        r.refused("POST", path + "/plan", {"columns": [{"column": 0, "field": "nope"}]}, 422, "/columns/0/field")
        r.refused("POST", path + "/plan", {"sheet": 99}, 422, "/sheet")
        # carried out
        r.refused("POST", path + "/run", chosen, 422, "/ledger_version")
        r.refused("POST", path + "/run", {**chosen, "ledger_version": 1}, 409)
        begun = r.send("POST", path + "/run", {**chosen, "ledger_version": plan["ledger_version"]})
        self.assertEqual(begun.status, 202, begun)
        done = until(lambda: (lambda j: j if j["state"] != "running" else None)(
            r.get(begun.headers["Location"])), 60)
        self.assertEqual((done["state"], done["result"]["added"]), ("done", 29), done)
        r.refused("GET", "incidents/%d/jobs/%d" % (i, NONE), None, 404)
        self.assertEqual(r.get("incidents/%d/assets" % i)["total"], 29)
        past = r.all("incidents/%d/imports" % i)
        self.assertEqual([(p["file"], p["added"]) for p in past], [("台帳.xlsx", 29)])
        # a file that is none is refused with its place, and not kept
        for name, content, status in (("x.xlsx", ledger[:2000], 422), ("x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99, 415),
                                      ("x.csv", b"", 422)):
            kind, body = multipart([], {"file": (name, content)})
            r.refused("POST", files, body, status, headers={"Content-Type": kind})
        kind, body = multipart([("a", "b")], {"file": ("x", ledger)})
        r.refused("POST", files, body, 422, "/a", headers={"Content-Type": kind})
        r.refused("POST", files, {}, 422, "/file")
        # out again
        out = r.send("GET", "incidents/%d/export?format=csv&order=name" % i)
        rows = list(csv.reader(io.StringIO(out.body.decode("utf-8-sig"))))
        self.assertEqual(len(rows), 30)
        out = r.send("GET", "incidents/%d/export?category=saas" % i)
        self.assertEqual(out.body[:2], b"PK")
        self.asset(i, "𠮷野")  # U+20BB7: not in CP932
        r.refused("GET", "incidents/%d/export?format=cp932" % i, None, 422, "format")
        out = r.send("GET", "incidents/%d/export?format=cp932&anyway=1" % i)
        self.assertIn("?野", out.body.decode("cp932"))
        r.refused("GET", "incidents/%d/export?format=pdf" % i, None, 422, "format")

    def test_live_events(self):
        i, r = self.incident(), self.board.person("responder")
        stream = r.events(API + "/incidents/%d/events" % i)
        self.assertEqual(stream.status, 200, stream.head)
        self.seen["streamIncident"].add(200)
        self.asset(i)
        stream.wait("event: changed")
        stream.close()
        self.who("responder").refused("GET", "incidents/%d/events" % NONE, None, 404)

    def test_head_has_no_body(self):
        i = self.incident()
        h = self.who("reader").send("HEAD", "incidents/%d/assets" % i)
        self.assertEqual((h.status, h.body), (200, b""))

    def test_language_of_problems(self):
        r = self.who("responder")
        ja = r.refused("POST", "incidents", {"profile": 5, "x": 1}, 422, "/profile", "/x", headers={"Accept-Language": "ja"})
        self.assertIn("文字列", ja["errors"][0]["detail"])
        self.assertIn("受け付けられ", ja["title"])

    def test_what_is_not_there(self):
        """Every operation on things that do not exist, and on numbers that are none."""
        admin = Client(self, person=self.board.person("administrator"))
        for method, path, _, operation in self.description.operations:
            if "{" not in path:
                continue
            body = {} if "requestBody" in operation else None
            answer = admin.send(method, re.sub(r"\{\w+\}", str(NONE), path), body)
            self.assertIn(answer.status, (404, 415, 422), (method, path, answer))
            for none in ("0", "-1", "01", "x", "1e3", "9" * 19, "9" * 30, "1;", "%31", "%00", ".."):
                answer = admin.person.request(method, re.sub(r"\{\w+\}", none, path), b"{}" if body is not None else None)
                self.assertIn(answer.status, (400, 404), (method, path, none, answer))
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    def test_types_of_problems_lead_to_pages(self):
        types = {Client(self).send("GET", "me").json()["type"],
                 self.who("reader").send("POST", "incidents", {}).json()["type"],
                 self.who("responder").send("POST", "incidents", {}).json()["type"]}
        self.assertEqual(types, {"/problems/not-logged-in", "/problems/not-allowed", "/problems/invalid-fields"})
        for t in types:
            for lang in ("en", "ja"):
                page = Person(self.board).get(t, Accept_Language=lang)
                self.assertEqual(page.status, 200, page)
                self.assertIn('lang="%s"' % lang, page.text)
        self.assertEqual(Person(self.board).get("/problems/nonesuch").status, 404)

    def test_zz_every_operation_was_used(self):
        """Runs last: each has succeeded, and each that takes something has refused something."""
        self.seen["getDescription"].add(200)
        for method, path, _, operation in self.description.operations:
            good = {int(s) for s in operation["responses"] if s.startswith("2")}
            seen = self.seen[operation["operationId"]]
            self.assertEqual(good - seen, set(), "%s %s gave %r" % (method, path, sorted(seen)))
            if "{" in path or "requestBody" in operation:
                self.assertTrue(any(s >= 400 for s in seen), "%s %s never refused anything" % (method, path))


class Lists(WithApi):
    """Filters and cursors of the ledger."""

    def fill(self, n):
        i = self.incident()
        ids = []
        for k in range(n):
            a = self.asset(i, "系統%02d" % (k * 7 % n), category=["external", "internal", "saas", "client", ""][k % 5],
                           vendor=["青葉", "", "ミナト"][k % 3], owner=["上原", ""][k % 2], number="N%d" % k if k % 4 else "",
                           exposed=[True, False, None][k % 3])
            ids.append(a["id"])
        return i, ids

    def test_every_order_comes_whole_page_by_page(self):
        i, ids = self.fill(23)
        r = self.who("reader")
        rr = self.who("responder")
        rr.call("POST", "incidents/%d/assets/ask" % i, {"assets": ids[:9], "due": "2021-12-11T00:00:00Z"}, want=204)
        for order in ("changed", "name", "number", "state", "certainty", "vendor", "owner", "due"):
            for reverse in (0, 1):
                whole = [a["id"] for a in r.get("incidents/%d/assets" % i, limit=200, order=order, reverse=reverse)["items"]]
                self.assertEqual(sorted(whole), sorted(ids))
                for limit in (1, 7, 22, 23, 24):
                    pages = [a["id"] for a in r.all("incidents/%d/assets" % i, limit=limit, order=order, reverse=reverse)]
                    self.assertEqual(pages, whole, (order, reverse, limit))

    def test_rows_that_move_before_a_cursor_do_not_move_it(self):
        i, ids = self.fill(12)
        r, w = self.who("reader"), self.who("responder")
        path = "incidents/%d/assets" % i
        first = r.get(path, limit=4, order="name")
        names = [a["name"] for a in first["items"]]
        w.call("POST", "assets/%d/retire" % first["items"][0]["id"], {"reason": "gone"})
        self.asset(i, "系統00-新")  # comes before the cursor
        last = first["items"][3]
        w.call("PATCH", "assets/%d" % last["id"], {"name": "系統99", "row_version": last["row_version"]})
        rest, cursor = [], first["next"]
        while cursor:
            page = r.get(path, limit=4, order="name", cursor=cursor)
            rest += [a["name"] for a in page["items"]]
            cursor = page["next"]
        self.assertEqual(names + rest[:-1], ["系統%02d" % n for n in range(12)])
        self.assertEqual(rest[-1], "系統99")  # moved behind it: seen where it is now

    def test_filters(self):
        i, ids = self.fill(15)
        r = self.who("reader")
        path = "incidents/%d/assets" % i

        def total(**q):
            page = r.get(path, **q)
            self.assertEqual(page["total"], len(page["items"]))
            return page["total"]
        self.assertEqual(total(), 15)
        self.assertEqual(total(category="saas"), 3)
        self.assertEqual(r.get(path + "?category=")["total"], 3)
        self.assertEqual(total(exposed="true"), 5)
        self.assertEqual(total(no_owner=1), 7)
        self.assertEqual(total(vendor="青葉"), 5)
        self.assertEqual(total(state="not_asked"), 15)
        self.assertEqual(total(state="asked,affected"), 0)
        self.assertEqual(r.get(path + "?state=asked&state=not_asked")["total"], 15)
        self.assertEqual(total(certainty="none"), 15)
        self.assertEqual(total(certainty="confirmed"), 0)
        self.assertEqual(total(flag="proposals"), 0)
        self.assertEqual(total(search="系統03"), 1)
        self.assertEqual(total(overdue=1), 0)
        self.assertEqual(total(never_scanned=1), 0)
        for query, at in (("state=nope", "state"), ("categry=saas", "categry"), ("limit=0", "limit"), ("limit=201", "limit"),
                          ("limit=x", "limit"), ("exposed=2", "exposed"), ("order=colour", "order"),
                          ("category=saas&category=client", "category"), ("search=" + "a+" * 20, "search")):
            r.refused("GET", path + "?" + query, None, 422, at)
        r.refused("GET", "incidents/%d/assets" % NONE, None, 404)

    def test_cursors_that_are_none(self):
        i, _ = self.fill(4)
        r = self.who("reader")
        path = "incidents/%d/assets?limit=2&order=name&cursor=" % i
        good = r.get("incidents/%d/assets" % i, limit=2, order="name")["next"]
        r.get(path + good)
        bad = ["x", "!", "AAAA", good[:-1], good + "A", good[1:], "W10", "bnVsbA", "e30", "A" * 4000]
        for cursor in bad:
            r.refused("GET", path + cursor, None, 422, "cursor")
        for other in ("order=vendor", "order=name&reverse=1"):
            r.refused("GET", "incidents/%d/assets?limit=2&%s&cursor=%s" % (i, other, good), None, 422, "cursor")
        for list_ in ("incidents", "incidents/%d/history" % i, "incidents/%d/timeline" % i, "incidents/%d/scans" % i):
            r.refused("GET", list_ + "?cursor=" + good, None, 422, "cursor")


class Races(WithApi):
    def test_two_clients_change_one_row(self):
        """Each of two adds its own letter to the notes, again and again: no letter is lost."""
        i = self.incident()
        a = self.asset(i, notes="")["id"]
        tries = collections.Counter()

        def add(letter, how):
            c = self.who("responder")
            for _ in range(15):
                while True:
                    row = c.get("assets/%d" % a)
                    body, headers = {"notes": row["notes"] + letter}, {}
                    if how == "etag":
                        headers["If-Match"] = '"%d"' % row["row_version"]
                    else:
                        body["row_version"] = row["row_version"]
                    answer = c.send("PATCH", "assets/%d" % a, body, headers)
                    tries[answer.status] += 1
                    if answer.status == 200:
                        break
                    self.assertEqual(answer.status, 412 if how == "etag" else 409, answer)
                    self.assertIn("notes", answer.json()["current"])
        self.who("responder")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for f in [pool.submit(add, "a", "etag"), pool.submit(add, "b", "member")]:
                f.result()
        notes = self.who("reader").get("assets/%d" % a)["notes"]
        self.assertEqual((notes.count("a"), notes.count("b"), len(notes)), (15, 15, 30))
        self.assertEqual(tries[200], 30)

    def test_two_judge_one_proposal(self):
        i, r = self.incident(), self.who("responder")
        self.asset(i, hosts=["web1"])
        r.call("POST", "incidents/%d/findings?host=web1" % i, scan(1), want=201, headers={"Content-Type": "application/jsonl"})
        ids = [p["id"] for p in r.all("incidents/%d/proposals" % i)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(self.who("responder").send, "POST", "incidents/%d/proposals/confirm" % i, {"evidence": ids})
                    for _ in range(4)]
            self.assertEqual(sorted(j.result().status for j in jobs), [204, 409, 409, 409])

    def test_the_same_scan_at_once_is_one_scan(self):
        i = self.incident()
        _, h = self.host("race1")
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            answers = [j.result() for j in [pool.submit(h.send, "POST", "incidents/%d/findings" % i, scan(50, host="race1"))
                                            for _ in range(3)]]
        self.assertEqual({a.status for a in answers} - {200, 201}, set(), answers)
        self.assertEqual([a.status for a in answers].count(201), 1)
        self.assertEqual(len({a.json()["id"] for a in answers}), 1)
        self.assertEqual(len(self.who("reader").all("incidents/%d/scans" % i)), 1)


class Scans(WithApi):
    def counts(self, i):
        status = self.who("reader").get("incidents/%d/status" % i)
        return status["scans"], status["proposals"]

    def test_cut_at_every_line_and_inside_lines(self):
        i = self.incident()
        self.asset(i, hosts=["cut1"])
        _, h = self.host("cut1")
        whole = scan(6, host="cut1", incomplete=["/a"])
        ends = [n + 1 for n in range(len(whole)) if whole[n:n + 1] == b"\n"]
        self.assertEqual(len(ends), 7)
        before = self.counts(i)
        for end in [0, *ends[:-1], *(e - 9 for e in ends)]:
            problem = h.refused("POST", "incidents/%d/findings" % i, whole[:end], 422)
            self.assertTrue(problem["detail"])
        self.assertEqual(self.counts(i), before)  # nothing half kept
        h.call("POST", "incidents/%d/findings" % i, whole[:-1], want=201)  # the last line break is not needed

    def test_a_fault_names_its_line(self):
        i = self.incident()
        _, h = self.host("fault1")
        good = [finding(n) for n in range(3)]
        cases = [
            (b'{"path": 5}\n', 2), (b"nonsense\n", 2), (b"[]\n", 2), (b'{"path": "a", "path": "b"}\n', 2),
            (b'{"path": "\xff"}\n', 2), (b'{"path": "a", "component": "b", "cves": {"CVE-2021-44228": "bad"}}\n', 2),
            (b"{" * 5000 + b"\n", 2), (b'{"path": "' + b"a" * 300000 + b'"}\n', 2),
        ]
        for line, number in cases:
            body = jsonl(good[0]) + line + jsonl(*good[1:], summary(3, host="fault1"))
            problem = h.refused("POST", "incidents/%d/findings" % i, body, 422)
            self.assertRegex(problem["detail"], r"\b%d\b" % number)
            ja = h.refused("POST", "incidents/%d/findings" % i, body, 422, headers={"Accept-Language": "ja"})
            self.assertRegex(ja["detail"], "%d" % number)
        for body in (jsonl(*good, summary(4, host="fault1")), jsonl(*good, summary(3, host="fault1"), good[0]),
                     jsonl(summary(0, host="fault1"), summary(0, host="fault1"))):
            h.refused("POST", "incidents/%d/findings" % i, body, 422)
        self.assertEqual(self.who("reader").get("incidents/%d/scans" % i)["items"], [])

    def test_a_connection_that_is_cut_leaves_nothing(self):
        i = self.incident()
        _, h = self.host("gone1")
        whole = scan(40, host="gone1")
        for part in (1, len(whole) // 2, len(whole) - 1):
            s = socket.create_connection(("127.0.0.1", self.board.port), timeout=30)
            head = ("POST %s/incidents/%d/findings HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: %s\r\n"
                    "Content-Length: %d\r\n\r\n" % (API, i, self.board.port, h.headers["Authorization"], len(whole)))
            s.sendall(head.encode() + whole[:part])
            s.close()
        time.sleep(0.5)
        self.assertEqual(self.who("reader").get("incidents/%d/scans" % i)["items"], [])
        h.call("POST", "incidents/%d/findings" % i, whole, want=201)

    def test_slow_pieces_hold_up_nobody(self):
        """While a scan trickles in, others write."""
        i = self.incident()
        _, h = self.host("slow1")
        whole = scan(5, host="slow1")
        s = socket.create_connection(("127.0.0.1", self.board.port), timeout=30)
        s.sendall(("POST %s/incidents/%d/findings HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: %s\r\n"
                   "Content-Length: %d\r\n\r\n" % (API, i, self.board.port, h.headers["Authorization"], len(whole))).encode())
        s.sendall(whole[:200])
        time.sleep(0.3)
        begun = time.monotonic()
        self.asset(i)
        self.assertLess(time.monotonic() - begun, 2)
        s.sendall(whole[200:])
        self.assertIn(b"201 Created", s.recv(65536))
        s.close()

    def test_chunked_bodies(self):
        i = self.incident()
        _, h = self.host("chunk1")
        whole = scan(5, host="chunk1")
        pieces = iter([whole[n:n + 37] for n in range(0, len(whole), 37)])
        answer = Person(self.board).request("POST", "%s/incidents/%d/findings" % (API, i), pieces,
                                            h.headers)  # an iterator: sent in chunks
        self.assertEqual(answer.status, 201, answer)

    def test_above_the_limit(self):
        i = self.incident()
        _, h = self.host("large1")
        s = socket.create_connection(("127.0.0.1", self.board.port), timeout=30)
        s.sendall(("POST %s/incidents/%d/findings HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: %s\r\n"
                   "Content-Length: %d\r\n\r\n" % (API, i, self.board.port, h.headers["Authorization"],
                                                   128 * 1024 * 1024 + 1)).encode())
        self.assertIn(b" 413 ", s.recv(65536).split(b"\r\n")[0])
        s.close()

    def test_a_hundred_thousand_findings(self):
        """In bounded memory, however large the scan is, and readable page by page."""
        i, n = self.incident(), 100000
        self.asset(i, hosts=["huge1"])
        _, h = self.host("huge1")
        h.call("POST", "incidents/%d/findings" % i, scan(10, host="huge1"), want=201)  # what any scan takes
        before = self.board.rss_kib()
        lines = (jsonl(finding(k, ["affected", "fixed"][k % 2])) for k in range(n))
        body = b"".join(lines) + jsonl(summary(n, host="huge1"))
        peak = [before]

        def watch():
            while not done:
                peak[0] = max(peak[0], self.board.rss_kib())
                time.sleep(0.02)
        done = []
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            made = h.call("POST", "incidents/%d/findings" % i, body, want=201, timeout=600)
            done.append(True)
            watching.result()
        self.assertEqual((made["findings"], made["affected"]), (n, n // 2))
        grown = peak[0] - before
        print("%s: %d MiB of scan, %d KiB more memory" % (type(self).__name__, len(body) >> 20, grown), file=sys.stderr)
        if not SANITIZED:
            self.assertLess(grown, 32 * 1024, "memory grew with the scan")
        again = h.send("POST", "incidents/%d/findings" % i, body, timeout=600)
        self.assertEqual((again.status, again.json()["id"]), (200, made["id"]))
        r, cursor, seen = self.who("reader"), None, 0
        while seen < 2000:
            page = r.get("scans/%d/findings" % made["id"], limit=200, **({"cursor": cursor} if cursor else {}))
            self.assertEqual([f["n"] for f in page["items"]], list(range(seen + 1, seen + 201)))
            seen, cursor = seen + 200, page["next"]
        self.assertEqual(r.get("scans/%d/findings" % made["id"], worst="fixed", limit=1)["items"][0]["n"], 2)


class Hostile(WithApi):
    """Bodies that nobody would send by mistake."""

    # of each type: values that are none of it, and stay none whatever the limits are
    WRONG = {
        "string": [0, 1.5, True, [], {}, ["a"]],
        "integer": ["1", 1.5, True, [], {}, 10 ** 30, "x"],
        "boolean": [0, 1, "true", [], {}],
        "array": [0, "a", True, {}, {"0": 1}],
        "object": [0, "a", True, []],
    }

    def operations(self):
        for method, path, _, operation in self.description.operations:
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                path = re.sub(r"\{\w+\}", str(NONE), path)
                yield method, path, self.description.resolve(content["application/json"]["schema"])

    def type_of(self, schema):
        schema = self.description.resolve(schema)
        names = schema.get("type", "string")
        return [n for n in (names if isinstance(names, list) else [names]) if n != "null"][0], schema

    def test_wrong_types_at_every_field(self):
        admin = self.who("administrator")
        count = 0
        for method, path, schema in self.operations():
            for name, field in schema["properties"].items():
                kind, field = self.type_of(field)
                for value in self.WRONG[kind] + ([None] if "null" not in json.dumps(field) else []):
                    answer = admin.send(method, path, {name: value})
                    self.assertEqual(answer.status, 422, (method, path, name, value, answer))
                    if value == 10 ** 30:  # no JSON that we read has it
                        continue
                    at = [e["pointer"] for e in answer.json()["errors"]]
                    self.assertIn("/" + name, at, (method, path, value, answer))
                    count += 1
                if kind == "array":
                    inner, _ = self.type_of(field["items"])
                    for value in self.WRONG[inner]:
                        if value == 10 ** 30:
                            continue
                        answer = admin.send(method, path, {name: [value]})
                        at = [e["pointer"] for e in answer.json()["errors"]]
                        self.assertTrue(any(a.startswith("/%s/0" % name) for a in at), (path, name, value, answer))
        self.assertGreater(count, 300)

    def test_limits_of_every_field(self):
        admin = self.who("administrator")
        for method, path, schema in self.operations():
            for name, field in schema["properties"].items():
                kind, field = self.type_of(field)
                values = []
                if "maxLength" in field:
                    values.append("a" * (field["maxLength"] + 1))
                if field.get("minLength"):
                    values.append("")
                if "maximum" in field:
                    values.append(field["maximum"] + 1)
                if "minimum" in field:
                    values.append(field["minimum"] - 1)
                if field.get("minItems"):
                    values.append([])
                if kind == "array" and field["items"].get("type") == "integer":
                    values.append([1] * (field["maxItems"] + 1))
                if field.get("format") == "date-time":
                    values += ["", "soon", "2021-02-30T00:00:00Z", "2021-12-10"]
                if "enum" in field:
                    values += ["nonesuch", "\x01", " "]
                for value in values:
                    answer = admin.send(method, path, {name: value})
                    self.assertEqual(answer.status, 422, (method, path, name, answer))
                    self.assertIn("/" + name, [e["pointer"] for e in answer.json()["errors"]], (path, answer))

    def test_bodies_that_are_no_object(self):
        admin = self.who("administrator")
        bodies = [b"", b" ", b"null", b"[]", b"5", b'"a"', b"{", b"{]", b"{}{}", b'{"a":1,"a":2}', b'{"name":"\xff"}',
                  b'{"name":"\\ud800"}', b'{"name":"\\u0000"}', b"\xef\xbb\xbf{}", b"{'a':1}", b"{\"a\":NaN}", b"{\"a\":01}",
                  b"[" * 70, b'{"a":' * 70 + b"1" + b"}" * 70, b"[" * 100000, b'{"a":' * 100000, b"\x00" * 50]
        for method, path, _ in self.operations():
            for body in bodies[1:]:
                answer = admin.send(method, path, body, headers={"Content-Type": "application/json"})
                self.assertIn(answer.status, (413, 422), (method, path, body[:40], answer))
            for kind in ("text/plain", "application/xml", "application/json5", ""):
                answer = admin.send(method, path, b"{}", headers={"Content-Type": kind})
                self.assertEqual(answer.status, 415, (method, path, kind, answer))

    def test_unknown_fields_are_named(self):
        admin = self.who("administrator")
        for method, path, _ in self.operations():
            answer = admin.send(method, path, {"nonesuch": 1, "a/b~c": 2})
            at = [e["pointer"] for e in answer.json()["errors"]]
            self.assertEqual((answer.status, {"/nonesuch", "/a~1b~0c"} - set(at)), (422, set()), answer)

    def test_what_is_large(self):
        admin = self.who("administrator")
        begun = time.monotonic()
        for body in (json.dumps({"x%d" % n: n for n in range(9000)}), json.dumps({"name": "a" * 200000}),
                     json.dumps({"hosts": ["a"] * 40000}), json.dumps({"name": [[]] * 40000})):
            answer = admin.send("POST", "incidents/%d/assets" % NONE, body.encode(), headers={"Content-Type": "application/json"})
            self.assertEqual(answer.status, 422, answer)
            self.assertLess(len(answer.body), 20000)
        self.assertLess(time.monotonic() - begun, 10)
        answer = admin.send("POST", "incidents/%d/assets" % NONE, b" " * 300000, headers={"Content-Type": "application/json"})
        self.assertEqual(answer.status, 413, answer)

    def test_sentences_are_harmless(self):
        answer = self.who("administrator").send("POST", "incidents/%d/assets" % NONE,
                                                {"name": "x", "category": "\x1b[2J\u202e<script>"})
        text = answer.body.decode()
        self.assertNotIn("\x1b", json.loads(text)["detail"])
        self.assertNotIn("\u202e", json.loads(text)["detail"])


class Documented(WithApi):
    def test_the_examples_run(self):
        """docs/api.md as it stands: every block in turn, in one shell; a status of 400 or more ends it."""
        text = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
        blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
        self.assertGreater(len(blocks), 5)
        with tempfile.TemporaryDirectory() as tmp:
            bin_ = pathlib.Path(tmp) / "bin"
            bin_.mkdir()
            for name in ("hikeshi", "hikeshi-board"):
                (bin_ / name).symlink_to((BUILD / name).resolve())
            # the data is a folder in the examples, and whatever it is here
            script = "\n".join(blocks).replace('--data "$DATA"', '"${WHERE[@]}"')
            self.assertIn("WHERE", script)
            where = "WHERE=(%s)\n" % " ".join(shlex.quote(w) for w in self.where)
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", where + script], cwd=tmp, capture_output=True,
                                  text=True, timeout=120, env={**os.environ, "BOARD": self.board.url,
                                                               "PATH": "%s:%s" % (bin_, os.environ["PATH"])})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn('"role":"administrator"', done.stdout)
            self.assertIn('"owner":"上原"', done.stdout)
            self.assertIn('"whole_host":false', done.stdout)
            self.assertIn('"attachment_name":"letter.txt"', done.stdout)
            self.assertIn("受注サイト", (pathlib.Path(tmp) / "out.csv").read_text("utf-8-sig"))
        r = self.who("reader")
        self.assertTrue(until(lambda: r.get("incidents/1/assets", search="勤怠")["total"]))

    def test_tokens_by_the_command_line(self):
        login = PEOPLE["reader"][0]
        made = command("user", "token", *self.where, "--login", login, "--name", "x", "--days", "2")
        self.assertEqual(made.returncode, 0, made.stderr)
        me = Client(self, {"Authorization": "Bearer " + made.stdout.strip()}).get("me")
        self.assertEqual((me["login"], me["via"]), (login, "token"))
        for args in (["--login", login], ["--name", "x"], ["--login", "nobody", "--name", "x"],
                     ["--login", login, "--name", "x", "--days", "0"], ["--login", login, "--name", "x", "--days", "367"],
                     ["--login", login, "--name", "x", "--days", "a"], ["--login", login, "--name", "a\nb"]):
            self.assertNotEqual(command("user", "token", *self.where, *args).returncode, 0, args)


for tests in (Operations, Lists, Races, Scans, Hostile, Documented):
    on_each_database(tests, globals())

if __name__ == "__main__":
    unittest.main()
