#!/usr/bin/env python3
"""The board's web server from outside: every route with every role, sessions, forged requests, broken requests, slow
and greedy clients, live streams; on every database there is."""
import concurrent.futures
import gzip
import json
import os
import re
import select
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

import boards
from boards import PASSWORD, PEOPLE, ROLE_BITS, ROLES, Person, Server, command, on_each_database, until

API, HOST, OWN_TX, STREAM, NO_DB, SETUP, ONCE = (1 << i for i in range(7))
ROUTES = json.loads(command("routes", "--data", tempfile.mkdtemp(prefix="hikeshi-routes-")).stdout)


def path_of(route):
    """An address of the route, of things that do not exist."""
    return route["pattern"].replace(":n", "999999999").replace(":w", "none")


def leads_to_login(answer):
    return answer.status == 303 and answer.location.startswith("/login")


class Raw:
    """A connection by hand."""

    def __init__(self, board, seconds=30):
        self.socket = socket.create_connection(("127.0.0.1", board.port), timeout=seconds)
        self.host = "127.0.0.1:%d" % board.port

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.replace("HOST", self.host).encode())

    def all(self):
        """What comes until the server closes."""
        data = b""
        try:
            while True:
                got = self.socket.recv(65536)
                if not got:
                    return data.decode("latin-1")
                data += got
        except (ConnectionResetError, BrokenPipeError):
            return data.decode("latin-1")
        finally:
            self.socket.close()


def raw(board, data, half_close=False):
    r = Raw(board)
    try:
        r.send(data)
        if half_close:
            r.socket.shutdown(socket.SHUT_WR)
    except OSError:  # the server has closed already
        pass
    return r.all()


class Routes:
    """The real table, row by row."""

    def test_nobody_gets_in(self):
        nobody = Person(self.board)
        for r in ROUTES:
            with self.subTest(r["method"] + " " + r["pattern"]):
                got = nobody.request(r["method"], path_of(r))
                if r["flags"] & SETUP:
                    self.assertEqual(got.status, 303 if r["method"] == "GET" else 403, got)
                elif r["roles"] and r["flags"] & API:
                    self.assertEqual(got.status, 401, got)
                    self.assertEqual(got.json()["status"], 401)
                elif r["roles"]:
                    self.assertTrue(leads_to_login(got), got)
                elif r["method"] == "GET":
                    self.assertNotIn(got.status, (401, 403, 500), got)
                else:
                    self.assertEqual(got.status, 403, got)  # no CSRF token

    def test_each_role_gets_what_its_row_says(self):
        for role in ROLES:
            for r in ROUTES:
                if not r["roles"] or r["pattern"] == "/logout":
                    continue
                with self.subTest("%s: %s %s" % (role, r["method"], r["pattern"])):
                    who = self.board.person(role)
                    got = self.ask(who, r)
                    if r["method"] != "GET" and who.get("/account").status != 200:
                        del self.board.people[role]  # the route ended the session
                    if r["roles"] & ROLE_BITS[role]:
                        self.assertNotIn(got.status, (401, 403, 500), got)
                        self.assertFalse(leads_to_login(got), got)
                    else:
                        self.assertEqual(got.status, 403, got)

    def ask(self, who, r):
        if r["method"] == "GET":
            return who.get(path_of(r))
        if r["flags"] & (API | STREAM):
            return who.api(r["method"], path_of(r), {} if r["body_limit"] else None)
        return who.post(path_of(r))

    def test_unsafe_methods_need_the_token_and_our_own_origin(self):
        for role in ROLES:
            for r in ROUTES:
                if r["method"] == "GET" or not r["roles"] & ROLE_BITS[role]:
                    continue
                who = self.board.person(role)
                token, other = who.csrf, self.board.person(ROLES[(ROLES.index(role) + 1) % 4]).csrf
                with self.subTest("%s: %s %s" % (role, r["method"], r["pattern"])):
                    self.assertEqual(who.request(r["method"], path_of(r)).status, 403)
                    form = {"Content-Type": "application/x-www-form-urlencoded"}
                    for wrong in ("", other, token[:-1], token + "0", "0" * 64):
                        got = who.request(r["method"], path_of(r), headers={"X-CSRF-Token": wrong})
                        self.assertEqual(got.status, 403, wrong)
                        if r["body_limit"]:
                            got = who.request(r["method"], path_of(r), "csrf=" + wrong, form)
                            self.assertEqual(got.status, 403, wrong)
                    for name, value in (("Origin", "https://evil.example"), ("Origin", "null"),
                                        ("Origin", "https://127.0.0.1:%d" % self.board.port),
                                        ("Origin", "http://127.0.0.1.evil.example"),
                                        ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")):
                        got = who.request(r["method"], path_of(r), "csrf=" + token if r["body_limit"] else None,
                                          {**(form if r["body_limit"] else {}), name: value, "X-CSRF-Token": token})
                        self.assertEqual(got.status, 403, (name, value, got))

    def test_a_host_token_is_no_way_into_pages(self):
        for r in ROUTES:
            if r["roles"]:
                got = Person(self.board).request(r["method"], path_of(r), headers={"Authorization": "Bearer nonsense"})
                self.assertTrue(got.status == 401 or leads_to_login(got), (r, got))

    def test_other_methods_are_refused_with_those_there_are(self):
        patterns = {}
        for r in ROUTES:
            patterns.setdefault(path_of(r), set()).add(r["method"])
        for path, methods in patterns.items():
            allow = methods | ({"HEAD"} if "GET" in methods else set())
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
                if method not in allow:
                    got = Person(self.board).request(method, path)
                    self.assertEqual(got.status, 405, (method, path, got))
                    self.assertEqual(set(got.headers["Allow"].split(", ")), allow)

    def test_bodies_above_the_limit_of_a_row_are_refused_unread(self):
        for r in ROUTES:
            c = Raw(self.board)
            c.send("%s %s HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                   "Content-Length: %d\r\n\r\n" % (r["method"], path_of(r), r["body_limit"] + 1))
            c.socket.shutdown(socket.SHUT_WR)
            got = c.all()
            self.assertRegex(got, r"^HTTP/1\.1 413 ", (r, got[:200]))


class Pages:
    """Log-in, sessions, accounts, and what every answer carries."""

    def test_every_answer_has_the_headers_of_protection(self):
        for path in ("/login", "/account", "/nonesuch", "/healthz"):
            h = self.board.person("reader").get(path).headers
            csp = dict(p.strip().partition(" ")[::2] for p in h["Content-Security-Policy"].split(";"))
            self.assertEqual(csp, {"default-src": "'self'", "object-src": "'none'", "base-uri": "'none'",
                                   "frame-ancestors": "'none'", "form-action": "'self'"})
            self.assertEqual(h["X-Content-Type-Options"], "nosniff")
            self.assertEqual(h["Cache-Control"], "no-store")
            self.assertEqual(h["Cross-Origin-Opener-Policy"], "same-origin")
            self.assertEqual(h["Cross-Origin-Resource-Policy"], "same-origin")
            self.assertEqual(h["Referrer-Policy"], "same-origin")
            self.assertIsNone(h["Strict-Transport-Security"])  # not encrypted here
            self.assertIsNone(h["Content-Encoding"])

    def test_error_pages_in_both_languages(self):
        for lang, word in (("ja", "見つかりません"), ("en", "Not found")):
            page = Person(self.board).get("/nonesuch", Accept_Language=lang)
            self.assertEqual(page.status, 404)
            self.assertIn('<html lang="%s"' % lang, page.text)
            self.assertIn(word, page.text)
            problem = Person(self.board).get("/api/v1/nonesuch", Accept_Language=lang)
            self.assertEqual(problem.headers["Content-Type"], "application/problem+json")
            self.assertEqual((problem.json()["status"], problem.json()["title"]), (404, word))

    def test_head_is_get_without_the_body(self):
        who = self.board.person("reader")
        get, head = who.get("/account"), who.request("HEAD", "/account")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["Content-Length"], get.headers["Content-Length"])

    def test_language_and_theme_are_kept(self):
        p = Person(self.board)
        self.assertIn('lang="en"', p.get("/login").text)
        self.assertIn('lang="ja"', p.get("/login?lang=ja").text)
        self.assertIn('lang="ja"', p.get("/login").text)
        self.assertIn('lang="ja"', p.get("/login?lang=xx", Accept_Language="en").text)
        self.assertNotIn("data-theme", p.get("/login").text)
        self.assertIn('data-theme="dark"', p.get("/login?theme=dark").text)
        self.assertIn('data-theme="dark"', p.get("/login").text)
        self.assertNotIn("data-theme", p.get("/login?theme=auto").text)
        self.assertNotIn("data-theme", p.get("/login").text)

    def test_log_in_and_out(self):
        p = Person(self.board)
        page = p.get("/account")
        self.assertEqual((page.status, page.location), (303, "/login?next=/account"))
        p.get(page.location)
        done = p.post("/login", {"login": PEOPLE["owner"][0], "password": PASSWORD, "next": "/account"})
        self.assertEqual((done.status, done.location), (303, "/account"), done)
        cookie = [c for c in done.headers.get_all("Set-Cookie") if c.startswith("hikeshi_session=")][0]
        for word in ("HttpOnly", "SameSite=Lax", "Path=/"):
            self.assertIn(word, cookie)
        self.assertNotIn("Secure", cookie)
        self.assertEqual(p.get("/account").status, 200)
        self.assertEqual(p.get("/login").location, "/")
        old = dict(p.cookies)
        self.assertEqual(p.post("/logout").location, "/login")
        self.assertNotIn("hikeshi_session", p.cookies)
        p.cookies = old  # the cookie that was taken away opens nothing
        self.assertTrue(leads_to_login(p.get("/account")))

    def test_a_log_in_makes_a_new_session_and_ends_the_one_before(self):
        p = self.board.person("reader", fresh=True)
        before = p.cookies["hikeshi_session"]
        again = Person(self.board)
        again.cookies = dict(p.cookies)
        p.csrf = p.get("/account").csrf()
        self.assertEqual(p.post("/login", {"login": PEOPLE["reader"][0], "password": PASSWORD}).status, 303)
        self.assertNotEqual(p.cookies["hikeshi_session"], before)
        self.assertTrue(leads_to_login(again.get("/account")))

    def test_a_session_that_somebody_else_chose_is_not_taken(self):
        p = Person(self.board)
        p.cookies["hikeshi_session"] = "a" * 64
        p.get("/login")
        p.log_in(PEOPLE["reader"][0])
        self.assertNotEqual(p.cookies["hikeshi_session"], "a" * 64)

    def test_unknown_wrong_and_disabled_are_answered_alike(self):
        def answer(login, password):
            p = Person(self.board)
            p.get("/login")
            got = p.post("/login", {"login": login, "password": password})
            return got.status, re.sub(r'value="[^"]*"', "", got.text)

        admin = self.board.person("administrator")
        number = self.make_account("gone@example.co.jp", "reader")[0]
        admin.post("/accounts/%d" % number, {"name": "Gone", "role": "reader", "disabled": "1"})
        wrong = answer(PEOPLE["reader"][0], "not the password")
        self.assertEqual(wrong[0], 401)
        self.assertEqual(answer("nobody@example.co.jp", "not the password"), wrong)
        self.assertEqual(answer("gone@example.co.jp", PASSWORD), wrong)
        self.assertEqual(answer("", ""), wrong)

    def test_the_way_back_leads_nowhere_else(self):
        for next_, to in (("/account", "/account"), ("//evil.example", "/"), ("https://evil.example/", "/"),
                          ("/\\evil.example", "/"), ("javascript:alert(1)", "/"), ("", "/"),
                          ("/a\r\nSet-Cookie: x=1", "/")):
            p = Person(self.board)
            self.assertNotIn("evil", p.get("/login?next=" + boards.urllib.parse.quote(next_)).text)
            done = p.post("/login", {"login": PEOPLE["owner"][0], "password": PASSWORD, "next": next_})
            self.assertEqual((done.status, done.location), (303, to), next_)

    def test_a_log_in_cannot_be_forged(self):
        p = Person(self.board)
        p.get("/login")
        fields = {"login": PEOPLE["reader"][0], "password": PASSWORD}
        self.assertEqual(p.post("/login", fields, headers={"Origin": "https://evil.example"}).status, 403)
        self.assertEqual(p.post("/login", fields, headers={"Sec-Fetch-Site": "cross-site"}).status, 403)
        self.assertEqual(p.post("/login", fields, csrf=False).status, 403)
        stranger = Person(self.board)
        stranger.get("/login")
        p.csrf, own = stranger.csrf, p.csrf
        self.assertEqual(p.post("/login", fields).status, 403)
        p.csrf = own
        self.assertEqual(p.post("/login", fields, headers={"Origin": self.board.url, "Sec-Fetch-Site": "same-origin"})
                         .status, 303)

    def make_account(self, login, role):
        """Number and first password of a new account."""
        admin = self.board.person("administrator")
        page = admin.post("/accounts", {"login": login, "name": "上原 " + role, "role": role})
        self.assertEqual(page.status, 200, page)
        password = re.search(r"<strong>([a-z0-9-]{23})</strong>", page.text).group(1)
        row = re.search(r'href="/accounts/(\d+)">[^<]*</a></th>\s*<td>%s<' % re.escape(login),
                        admin.get("/accounts").text)
        return int(row.group(1)), password

    def test_a_given_password_is_changed_first(self):
        number, first = self.make_account("first@example.co.jp", "responder")
        p = Person(self.board)
        self.assertEqual(p.log_in("first@example.co.jp", first).status, 303)
        self.assertEqual(p.get("/healthz").status, 200)
        for r in ROUTES:
            if r["method"] == "GET" and r["roles"] and not r["flags"] & ONCE:
                got = p.get(path_of(r))
                self.assertTrue(got.status == 403 or got.location == "/account", (r, got))
        self.assertEqual(p.post("/account/name", {"name": "x"}).status, 403)
        self.assertEqual(p.post("/account/password", {"current": first, "password": first, "again": first}).status, 422)
        changed = p.post("/account/password", {"current": first, "password": PASSWORD, "again": PASSWORD})
        self.assertEqual(changed.status, 303, changed)
        self.assertEqual(p.post("/account/name", {"name": "上原"}).status, 303)
        # an administrator makes a new one: the session ends, the old password does not open any more
        page = self.board.person("administrator").post("/accounts/%d/password" % number)
        self.assertEqual(page.status, 200, page)
        self.assertTrue(leads_to_login(p.get("/account")))
        self.assertEqual(Person(self.board).log_in("first@example.co.jp", PASSWORD).status, 401)

    def test_changing_the_password(self):
        _, first = self.make_account("change@example.co.jp", "reader")
        p = Person(self.board)
        p.log_in("change@example.co.jp", first)
        for fields, word in (({"current": "wrong wrong wrong", "password": PASSWORD, "again": PASSWORD}, "so far"),
                             ({"current": first, "password": PASSWORD, "again": PASSWORD + "x"}, "differ"),
                             ({"current": first, "password": "short", "again": "short"}, "shorter"),
                             ({"current": first, "password": "x" * 257, "again": "x" * 257}, "longer")):
            got = p.post("/account/password", fields)
            self.assertEqual(got.status, 422)
            self.assertIn(word, got.text)
        self.assertEqual(p.post("/account/password",
                                {"current": first, "password": PASSWORD, "again": PASSWORD}).status, 303)
        other = Person(self.board)
        self.assertEqual(other.log_in("change@example.co.jp").status, 303)
        page = p.get("/account")
        self.assertEqual(page.text.count("(this one)"), 1)
        self.assertIn("changed", page.text)  # the note, once
        self.assertNotIn('role="status">The password', p.get("/account").text)
        new = "another password entirely"
        self.assertEqual(p.post("/account/password", {"current": PASSWORD, "password": new, "again": new}).status, 303)
        self.assertTrue(leads_to_login(other.get("/account")))  # all others have ended
        self.assertEqual(p.get("/account").status, 200)
        third = Person(self.board)
        third.log_in("change@example.co.jp", new)
        self.assertEqual(p.post("/account/sessions").status, 303)
        self.assertTrue(leads_to_login(third.get("/account")))

    def test_sessions_end_with_another_role_and_when_disabled(self):
        number, first = self.make_account("role@example.co.jp", "reader")
        admin = self.board.person("administrator")

        def change(**fields):
            got = admin.post("/accounts/%d" % number, {"name": "Name", **fields})
            self.assertEqual(got.status, 303, got)

        p = Person(self.board)
        p.log_in("role@example.co.jp", first)
        p.post("/account/password", {"current": first, "password": PASSWORD, "again": PASSWORD})
        change(role="reader")
        self.assertEqual(p.get("/account").status, 200)
        change(role="owner")
        self.assertTrue(leads_to_login(p.get("/account")))
        p.log_in("role@example.co.jp")
        change(role="owner", disabled="1")
        self.assertTrue(leads_to_login(p.get("/account")))
        p.csrf = None
        self.assertEqual(p.log_in("role@example.co.jp").status, 401)

    def test_the_last_administrator_stays(self):
        admin = self.board.person("administrator")
        for fields in ({"role": "reader"}, {"role": "administrator", "disabled": "1"}):
            got = admin.post("/accounts/1", {"name": "佐伯 美帆", **fields})
            self.assertEqual(got.status, 422)
            self.assertIn("last administrator", got.text)

    def test_what_cannot_be_accepted_is_shown_with_the_form(self):
        admin = self.board.person("administrator")
        for fields, status, word in (({"login": "", "name": "x", "role": "reader"}, 422, "login is empty"),
                                     ({"login": "x", "name": "", "role": "reader"}, 422, "name is empty"),
                                     ({"login": "x", "name": "x", "role": "king"}, 422, "choose a role"),
                                     ({"login": PEOPLE["owner"][0], "name": "x", "role": "reader"}, 409, "taken"),
                                     ({"login": '"><script>', "name": "\x01", "role": "reader"}, 422, "UTF-8")):
            got = admin.post("/accounts", fields)
            self.assertEqual(got.status, status, got)
            self.assertIn(word, got.text)
            self.assertNotIn("<script>", got.text)

    def test_host_names_that_are_not_ours(self):
        for host, status in (("evil.example", 421), ("127.0.0.1.evil.example", 421), ("127.0.0.1", 200),
                             ("localhost:1", 200), ("[::1]:8750", 200), ("", 421), ("a b", 421),
                             (socket.gethostname(), 200), ("x" * 300, 421)):
            got = Person(self.board).get("/healthz", Host=host)
            self.assertEqual(got.status, status, (host, got))

    def test_assets(self):
        page = Person(self.board).get("/login").text
        for path in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page):
            plain = Person(self.board).get(path)
            self.assertEqual(plain.status, 200)
            self.assertIn("immutable", plain.headers["Cache-Control"])
            packed = Person(self.board).get(path, Accept_Encoding="br, gzip;q=0.8")
            if packed.headers["Content-Encoding"] == "gzip":
                self.assertEqual(gzip.decompress(packed.body), plain.body)
            self.assertEqual(Person(self.board).get(path, Accept_Encoding="gzip;q=0").body, plain.body)
            again = Person(self.board).get(path, If_None_Match=plain.headers["ETag"])
            self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(Person(self.board).get("/assets/0123456789abcdef/style.css").headers["Cache-Control"],
                         "no-cache")
        for path in ("/assets/x/nonesuch", "/assets/x/..%2fstyle.css", "/assets/../login"):
            self.assertIn(Person(self.board).get(path).status, (400, 404), path)


class Requests:
    """Broken, split, endless and slow requests: an answer or a closed connection, and the board goes on."""

    GET = "GET /healthz HTTP/1.1\r\nHost: HOST\r\n"

    def tearDown(self):
        self.assertEqual(Person(self.board).get("/healthz").json(), {"status": "ok"})

    def test_broken_heads(self):
        for text, status in (
                ("GET /healthz HTTP/1.1\r\n\r\n", "400"),  # no Host
                (self.GET + "Host: other\r\n\r\n", "400"),
                (self.GET + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "400"),
                (self.GET + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
                (self.GET + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "4|501"),
                (self.GET + "Content-Length: -1\r\n\r\n", "400"),
                (self.GET + "Content-Length: 1e3\r\n\r\n", "400"),
                (self.GET + "Content-Length: 99999999999999999999999\r\n\r\n", "4"),
                (self.GET.replace("1.1", "2.0") + "\r\n", "505"),
                (self.GET.replace("/healthz", "healthz") + "\r\n", "400"),
                (self.GET.replace("/healthz", "/%zz") + "\r\n", "4"),
                (self.GET.replace("/healthz", "/healthz?a=%zz") + "\r\n", "400"),
                (self.GET.replace("/healthz", "/login?next=%00") + "\r\n", "400"),
                (self.GET.replace("/healthz", "/health\x00z") + "\r\n", "4"),
                (self.GET.replace("/healthz", "/\xe5") + "\r\n", "400"),
                (self.GET.replace("/healthz", "/" + "a" * 9000) + "\r\n", "414"),
                (self.GET.replace("/healthz", "/" + "a" * 90000) + "\r\n", "414|$"),
                (self.GET + "".join("X-%d: y\r\n" % i for i in range(150)) + "\r\n", "431"),
                (self.GET + "X: " + "y" * 100000 + "\r\n\r\n", "431|$"),
                (self.GET.replace("/healthz", "http://%s/healthz" % "HOST") + "\r\n", "200"),
                ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + "\r\n\r\n", "4|$"),
                ("GET\r\n\r\n", "4|5|$"),
                ("\r\n\r\n\r\n" + self.GET + "\r\n", "200|400"),
        ):
            got = raw(self.board, text.encode("latin-1").replace(b"HOST", b"127.0.0.1:%d" % self.board.port),
                      half_close=True)
            self.assertRegex(got, r"^(HTTP/1\.1 (%s)|$)" % status if "$" in status else r"^HTTP/1\.1 (%s)" % status,
                             text[:100])

    def test_broken_bodies(self):
        p = Person(self.board)
        p.get("/login")
        cookie = "hikeshi_visit=" + p.cookies["hikeshi_visit"]
        for kind, body, status in (
                ("application/x-www-form-urlencoded", "csrf=%zz", 422),
                ("application/x-www-form-urlencoded", "csrf=" + p.csrf + "&login=%ff", 422),
                ("application/x-www-form-urlencoded", "csrf=" + p.csrf + "&" + "a&" * 4001, 413),
                ("application/x-www-form-urlencoded", "n" * 500 + "=1", 413),
                ("multipart/form-data", "x", 422),
                ("multipart/form-data; boundary=x", "--x\r\n", 422),
                ("multipart/form-data; boundary=x", "--x--", 403),
                ("application/json", "{}", 415),
                ("text/plain", "csrf=" + p.csrf, 415),
                ("", "csrf=" + p.csrf, 415),
        ):
            got = p.request("POST", "/login", body, {"Content-Type": kind, "Cookie": cookie})
            self.assertEqual(got.status, status, (kind, body[:60], got))

    def test_every_cut_of_a_request(self):
        whole = (self.GET + "Content-Length: 3\r\n\r\nabc").replace("HOST", "127.0.0.1:%d" % self.board.port).encode()
        for n in range(len(whole)):
            raw(self.board, whole[:n], half_close=True)

    def test_chunked_forms_and_bad_chunks(self):
        p = Person(self.board)
        p.get("/login")
        head = ("POST /login HTTP/1.1\r\nHost: HOST\r\nCookie: hikeshi_visit=%s\r\nConnection: close\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
                % p.cookies["hikeshi_visit"])
        body = "csrf=%s&login=%s&password=%s" % (p.csrf, PEOPLE["reader"][0], PASSWORD.replace(" ", "+"))
        chunks = "".join("1\r\n%s\r\n" % c for c in body) + "0\r\n\r\n"
        self.assertRegex(raw(self.board, head + chunks), r"^HTTP/1\.1 303 ")
        self.assertRegex(raw(self.board, head + "zz\r\n"), r"^HTTP/1\.1 4|^$")
        self.assertRegex(raw(self.board, head + "ffffffffffffffff\r\nx", half_close=True), r"^HTTP/1\.1 4|^$")
        self.assertEqual(raw(self.board, head + "5\r\nab", half_close=True), "")

    def test_pipelining_and_keep_alive(self):
        got = raw(self.board, self.GET + "\r\n" + self.GET.replace("/healthz", "/login") + "\r\n" + self.GET +
                  "Connection: close\r\n\r\n")
        self.assertEqual(re.findall(r"HTTP/1\.1 (\d+)", got), ["200", "200", "200"])
        self.assertEqual(got.count('{"status":"ok"}'), 2)
        p = Person(self.board)
        p.get("/login")
        post = ("POST /login HTTP/1.1\r\nHost: HOST\r\nCookie: hikeshi_visit=%s\r\nContent-Length: %d\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n\r\n%s")
        body = "csrf=%s&login=x&password=y" % p.csrf
        got = raw(self.board, post % (p.cookies["hikeshi_visit"], len(body), body) + self.GET + "Connection: close\r\n\r\n")
        self.assertEqual(re.findall(r"HTTP/1\.1 (\d+)", got), ["401", "200"])
        got = raw(self.board, "POST /logout HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n" + self.GET +
                  "Connection: close\r\n\r\n")
        self.assertEqual(re.findall(r"HTTP/1\.1 (\d+)", got), ["303", "200"])

    def test_a_connection_that_is_closed_on_one_side_gets_its_answer(self):
        self.assertIn('{"status":"ok"}', raw(self.board, self.GET + "\r\n", half_close=True))

    def test_expect_100_continue(self):
        head = ("POST /login HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                "Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n")
        c = Raw(self.board)
        c.send(head % 6)
        self.assertRegex(c.socket.recv(1000).decode(), r"^HTTP/1\.1 100 ")
        c.send("csrf=x")
        self.assertRegex(c.all(), r"^HTTP/1\.1 403 ")
        c = Raw(self.board)
        c.send(head % 300000000)
        self.assertRegex(c.all(), r"^HTTP/1\.1 413 ")

    def test_300_megabytes_are_refused_early_and_the_answer_can_be_read(self):
        before = self.board.rss_kib()
        for length in ("Content-Length: 314572800\r\n", "Transfer-Encoding: chunked\r\n"):
            c = Raw(self.board)
            c.send("POST /login HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
                   length + "\r\n")
            block = b"a" * 65536 if "Content" in length else b"10000\r\n" + b"a" * 65536 + b"\r\n"
            sent = 0
            started = time.monotonic()
            try:
                while sent < 314572800 and time.monotonic() - started < 20:
                    c.socket.sendall(block)
                    sent += len(block)
            except (ConnectionResetError, BrokenPipeError):
                pass
            if "Content" in length:
                c.socket.shutdown(socket.SHUT_WR)
                self.assertRegex(c.all(), r"^HTTP/1\.1 413 ")
            else:
                self.assertLess(sent, 200 << 20)  # it is cut off
                c.socket.close()
        if not boards.SANITIZED:
            self.assertLess(self.board.rss_kib() - before, 20 << 10)

    def test_clients_that_vanish(self):
        for text in (self.GET, self.GET + "\r\n", "POST /login HTTP/1.1\r\nHost: HOST\r\nContent-Length: 100\r\n"
                     "Content-Type: application/x-www-form-urlencoded\r\n\r\ncsrf="):
            for _ in range(20):
                c = Raw(self.board)
                c.send(text)
                c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                c.socket.close()  # a reset

    def test_logs_hold_no_control_bytes_and_no_queries(self):
        raw(self.board, self.GET.replace("/healthz", "/%1b[31m?q=geheim") + "\r\n", half_close=True)
        Person(self.board).get("/nonesuch?q=geheim")
        until(lambda: "/nonesuch" in self.board.log())
        self.assertNotIn("geheim", self.board.log())
        self.assertNotIn("\x1b", self.board.log())
        self.assertRegex(self.board.log(), r'(?m)^20\S+Z 127\.0\.0\.1 - "GET /nonesuch" 404 \d+ \d+$')


class Bodies:
    """Bodies that a handler takes in pieces while they come: what a host hands in."""
    options = ("--threads", "4")

    def findings(self, count, host):
        line = {"path": "", "component": "log4j-core", "version": "2.14.1", "version_from": "pom.properties",
                "version_range": None, "prefix": "", "cves": {"CVE-2021-44228": "affected"}, "evidence": ["pom.properties"]}
        out = [json.dumps({**line, "path": "/srv/%d.jar" % i}) for i in range(count)]
        out.append(json.dumps({"summary": {
            "files": count, "archives": count, "bytes": 1, "findings": count, "host": host, "profile": "log4shell",
            "started": "2021-12-10T09:00:00Z", "ended": "2021-12-10T09:01:00Z", "tool": "hikeshi 0.1.0",
            "profile_revision": 1, "paths": ["/srv"], "incomplete_count": 0, "incomplete": [], "skipped": []}}))
        return ("\n".join(out) + "\n").encode()

    def send(self, incident, body, headers="", piece=None, pause=0.0, cut=None, host="fare"):
        """The answer to a body that is sent in pieces."""
        p = self.board.person("administrator")
        c = Raw(self.board, 60)
        c.send("POST /api/v1/incidents/%d/findings?host=%s HTTP/1.1\r\nHost: HOST\r\nX-CSRF-Token: %s\r\n"
               "Cookie: %s\r\nContent-Type: application/jsonl\r\nConnection: close\r\n%s\r\n"
               % (incident, host, p.csrf, "; ".join("%s=%s" % kv for kv in p.cookies.items()),
                  headers or "Content-Length: %d\r\n" % len(body)))
        try:
            for at in range(0, len(body), piece or len(body)):
                if cut is not None and at >= cut:
                    c.socket.close()
                    return None
                c.send(body[at:at + (piece or len(body))])
                time.sleep(pause)
        except OSError:
            pass
        return c.all()

    def scans(self, incident):
        return len(self.board.person("administrator").get("/api/v1/incidents/%d/scans" % incident).json()["items"])

    def test_whole_and_in_pieces(self):
        incident = self.board.incident()
        for i, (count, piece, pause) in enumerate(((1, None, 0), (3, 1, 0), (20000, None, 0), (20000, 100000, 0.005))):
            body = self.findings(count, "fare-%d" % i)
            self.assertRegex(self.send(incident, body, piece=piece, pause=pause, host="fare-%d" % i),
                             r"^HTTP/1\.1 20[01] ")
            chunked = self.findings(count, "chunked-%d" % i)
            packed = b"".join(b"%x\r\n%s\r\n" % (len(chunked[a:a + 50000]), chunked[a:a + 50000])
                              for a in range(0, len(chunked), 50000)) + b"0\r\n\r\n"
            self.assertRegex(self.send(incident, packed, "Transfer-Encoding: chunked\r\n", host="chunked-%d" % i),
                             r"^HTTP/1\.1 20[01] ")
        self.assertEqual(self.scans(incident), 8)

    def test_a_fault_at_the_start_is_answered_though_more_comes(self):
        incident = self.board.incident()
        body = b"no json\n" + self.findings(100000, "fare")
        self.assertRegex(self.send(incident, body, piece=1 << 20), r"^HTTP/1\.1 422 ")
        self.assertEqual(self.scans(incident), 0)

    def test_cut_in_the_middle_leaves_nothing(self):
        incident = self.board.incident()
        body = self.findings(5000, "fare")
        for cut in (1, 1000, len(body) // 2, len(body) - 1):
            self.assertIsNone(self.send(incident, body, piece=max(1, cut // 3), cut=cut))
        # a place is free again as soon as it is seen that the client went away
        self.assertTrue(until(lambda: self.send(incident, body).startswith("HTTP/1.1 20")))
        self.assertEqual(self.scans(incident), 1)

    def test_who_may_not_is_told_before_the_body(self):
        incident = self.board.incident()
        p = self.board.person("reader")
        c = Raw(self.board)
        c.send("POST /api/v1/incidents/%d/findings HTTP/1.1\r\nHost: HOST\r\nX-CSRF-Token: %s\r\nCookie: %s\r\n"
               "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
               % (incident, p.csrf, "; ".join("%s=%s" % kv for kv in p.cookies.items())))
        self.assertRegex(c.all(), r"^HTTP/1\.1 403 ")
        answer = raw(self.board, "POST /api/v1/incidents/%d/findings HTTP/1.1\r\nHost: HOST\r\nContent-Length: 9\r\n"
                     "Authorization: Bearer nonsense\r\n\r\n" % incident)
        self.assertRegex(answer, r"^HTTP/1\.1 401 ")

    def test_who_was_disabled_meanwhile_changes_nothing(self):
        incident = self.board.incident()
        admin = self.board.person("administrator")

        def finish(method, path, kind, body, role):
            """The status of a body whose sender is made a disabled reader while it is on its way."""
            login = "gone-%d@example.co.jp" % finish.count
            finish.count += 1
            made = command("user", "add", *self.board.where, "--login", login, "--name", "Gone", "--role", role,
                           stdin=PASSWORD + "\n")
            self.assertEqual(made.returncode, 0, made.stderr)
            p = Person(self.board)
            self.assertEqual(p.log_in(login).status, 303)
            number = p.get("/api/v1/me").json()["id"]
            c = Raw(self.board, 60)
            c.send("%s %s HTTP/1.1\r\nHost: HOST\r\nX-CSRF-Token: %s\r\nCookie: %s\r\nContent-Type: %s\r\n"
                   "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
                   % (method, path, p.csrf, "; ".join("%s=%s" % kv for kv in p.cookies.items()), kind))
            self.assertTrue(c.socket.recv(100).startswith(b"HTTP/1.1 100 "))  # who sends it was asked for
            gone = admin.api("PATCH", "/api/v1/accounts/%d" % number, {"role": "reader", "disabled": True})
            self.assertEqual(gone.status, 200, gone)
            c.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            status = int(c.all().split()[1])
            account = admin.get("/api/v1/accounts/%d" % number).json()
            self.assertEqual((account["role"], account["disabled"], account["name"]), ("reader", True, "Gone"))
            return status

        finish.count = 0
        self.assertEqual(finish("PATCH", "/api/v1/me", "application/json", b'{"name": "Back"}', "administrator"), 403)
        self.assertEqual(finish("POST", "/account/name", "application/x-www-form-urlencoded", b"name=Back",
                                "administrator"), 403)
        self.assertEqual(finish("POST", "/api/v1/incidents/%d/assets" % incident, "application/json",
                                b'{"name": "x"}', "responder"), 403)
        self.assertEqual(finish("POST", "/api/v1/incidents/%d/findings?host=a" % incident, "application/jsonl",
                                self.findings(1, "a"), "responder"), 403)
        self.assertEqual(self.scans(incident), 0)
        self.assertEqual(admin.get("/api/v1/incidents/%d/assets" % incident).json()["items"], [])

    def test_slow_ones_do_not_take_all_workers(self):
        incident = self.board.incident()
        p = self.board.person("administrator")
        head = ("POST /api/v1/incidents/%d/findings?host=a HTTP/1.1\r\nHost: HOST\r\nX-CSRF-Token: %s\r\n"
                "Cookie: %s\r\nContent-Length: 1000000\r\n\r\n{"
                % (incident, p.csrf, "; ".join("%s=%s" % kv for kv in p.cookies.items())))

        def refused():
            slow = [Raw(self.board) for _ in range(6)]
            for c in slow:
                c.send(head)
            time.sleep(1)
            for _ in range(10):
                self.assertEqual(Person(self.board).request("GET", "/login", timeout=5).status, 200)
            told = [s.recv(12) for s in select.select([c.socket for c in slow], [], [], 0)[0]]
            for c in slow:
                c.socket.close()
            return told

        # 4 workers: two may wait for bodies, once those of other tests are gone
        self.assertTrue(until(lambda: refused() == [b"HTTP/1.1 503"] * 4, 20))
        body = self.findings(10, "fare")
        self.assertTrue(until(lambda: self.send(incident, body).startswith("HTTP/1.1 20")))


class Streams:
    """Server-sent events."""

    def test_500_streams_hear_of_it_and_memory_stays_bounded(self):
        incident = self.board.incident()
        people = [self.board.person("reader", fresh=True) for _ in range(17)]
        before = self.board.rss_kib()
        streams = [people[i % 17].events("/incidents/%d/events?since=0" % incident) for i in range(500)]
        for s in streams:
            self.assertEqual(s.status, 200, s.head)
            self.assertIn("text/event-stream", s.head)
            self.assertIn("event: changed", s.wait("event: changed"))
        if not boards.SANITIZED:
            self.assertLess(self.board.rss_kib() - before, 60 << 10)
        self.assertEqual(Person(self.board).get("/healthz").status, 200)
        for s in streams:
            s.close()

    def test_a_stream_ends_with_its_session(self):
        incident = self.board.incident()
        p = self.board.person("reader", fresh=True)
        other = self.board.person("reader", fresh=True)
        stream, stays = (x.events("/incidents/%d/events" % incident) for x in (p, other))
        p.post("/logout")
        self.assertTrue(stream.ended())
        self.assertFalse(stays.ended(1))
        stays.close()

    def test_a_stream_lasts_as_long_as_its_token(self):
        incident = self.board.incident()
        p = self.board.person("reader", fresh=True)
        tokens = [p.api("POST", "/api/v1/me/tokens", {"name": "live"}).json() for _ in range(2)]
        program = Person(self.board)
        stream, stays = (program.events("/api/v1/incidents/%d/events" % incident,
                                        Authorization="Bearer " + t["token"]) for t in tokens)
        self.assertEqual((stream.status, stays.status), (200, 200))
        self.assertFalse(stream.ended(8))  # sessions and tokens are looked at every 5 s
        self.assertEqual(p.api("DELETE", "/api/v1/me/tokens/%d" % tokens[0]["id"]).status, 204)
        self.assertTrue(stream.ended())
        self.assertFalse(stays.ended(1))
        stays.close()

    def test_one_session_has_not_all_streams(self):
        incident = self.board.incident()
        p = self.board.person("reader", fresh=True)
        streams = [p.events("/incidents/%d/events" % incident) for _ in range(33)]
        self.assertEqual([s.status for s in streams], [200] * 32 + [503])
        for s in streams:
            s.close()
        # their places come free again
        self.assertTrue(until(lambda: self.one(p, incident) == 200))

    def one(self, p, incident):
        s = p.events("/incidents/%d/events" % incident)
        s.close()
        return s.status

    def test_streams_need_a_log_in_and_an_incident(self):
        self.assertTrue(leads_to_login(Person(self.board).get("/incidents/1/events")))
        self.assertEqual(self.board.person("reader").get("/incidents/999999/events").status, 404)


for tests in (Routes, Pages, Requests, Bodies, Streams):
    on_each_database(tests, globals())


class Alone(unittest.TestCase):
    """Boards of their own: set-up, throttling, slow clients, proxies, stopping."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.places = [["--data", self.dir.name + "/data"]]
        if boards.PG:
            self.places.append(["--database", boards.new_schema()])

    def serve(self, where, *options, **kw):
        server = Server(where, *options, **kw)

        def end():
            self.assertEqual(server.stop(), 0, server.log()[-4000:])
        self.addCleanup(end)
        return server

    def add(self, where, role="reader"):
        login, name = PEOPLE[role]
        done = command("user", "add", *where, "--login", login, "--name", name, "--role", role, stdin=PASSWORD + "\n")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_set_up_is_for_one_and_needs_the_code(self):
        for where in self.places:
            one, two = self.serve(where), self.serve(where)  # two boards, one database
            self.assertEqual(one.setup_code, two.setup_code)
            p = Person(one)
            self.assertEqual(p.get("/account").location, "/setup")
            self.assertEqual(p.get("/login").location, "/setup")
            fields = {"login": "saeki", "name": "佐伯", "password": PASSWORD, "again": PASSWORD}
            self.assertEqual(p.get("/setup").status, 200)
            self.assertEqual(p.post("/setup", {**fields, "code": "AAAA-AAAA-AAAA"}).status, 422)
            self.assertEqual(p.post("/setup", {**fields, "code": one.setup_code, "again": "x"}).status, 422)
            self.assertEqual(p.post("/setup", {**fields, "code": one.setup_code}, csrf=False).status, 403)

            def try_it(i):
                q = Person((one, two)[i % 2])
                q.get("/setup")
                return q.post("/setup", {**fields, "login": "p%d" % i, "code": one.setup_code.lower()}).status

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                got = sorted(pool.map(try_it, range(8)))
            self.assertEqual(got.count(303), 1, got)
            self.assertFalse(set(got) - {303, 403, 409, 422}, got)
            for board in (one, two):
                self.assertEqual(Person(board).get("/setup").location, "/login")
                q = Person(board)
                q.get("/login")
                self.assertEqual(q.post("/setup", {**fields, "code": one.setup_code}).status, 403)
            verify = json.loads(command("verify", *where).stdout)
            self.assertEqual((verify["events"], verify["faults"]), (1, 0))
            self.assertIsNone(self.serve(where).setup_code)

    def test_throttling(self):
        for where in self.places:
            self.add(where)
            boards_ = self.serve(where), self.serve(where)
            login = PEOPLE["reader"][0]

            def attempt(i, password, login=login):
                p = Person(boards_[i % 2])
                p.get("/login")
                return p.post("/login", {"login": login, "password": password})

            for i in range(5):
                self.assertEqual(attempt(i, "wrong wrong wrong").status, 401)
            late = attempt(5, PASSWORD)  # right, but too soon; on either board
            self.assertEqual(late.status, 429)
            self.assertEqual(attempt(6, "wrong wrong wrong").status, 429)
            wait = int(late.headers["Retry-After"])
            self.assertTrue(1 <= wait <= 2, wait)
            time.sleep(wait + 0.1)
            self.assertEqual(attempt(7, PASSWORD).status, 303)
            self.assertEqual(attempt(8, "wrong wrong wrong").status, 401)  # forgotten
            # many logins from one address
            answers = [attempt(i, "wrong wrong wrong", "nobody%d" % i).status for i in range(25)]
            self.assertEqual(answers[0], 401)
            self.assertEqual(answers[-1], 429)

    def test_many_guesses_at_once_are_all_counted(self):
        where = self.places[-1]
        self.add(where)
        board = self.serve(where)

        def guess(i):
            p = Person(board)
            p.get("/login")
            return p.post("/login", {"login": PEOPLE["reader"][0], "password": "wrong wrong wrong"}).status

        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            got = list(pool.map(guess, range(30)))
        self.assertLessEqual(got.count(401), 7, got)  # 5, and who was counted at the same moment
        self.assertFalse(set(got) - {401, 429, 503}, got)

    def test_slow_clients_are_cut_off_and_others_are_served(self):
        where = self.places[0]
        self.add(where)
        board = self.serve(where)
        visitor = Person(board)
        visitor.get("/login")
        heads = [Raw(board, 60) for _ in range(100)]
        body = Raw(board, 60)
        body.send("POST /login HTTP/1.1\r\nHost: HOST\r\nContent-Length: 10000\r\nCookie: hikeshi_visit=%s\r\n"
                  "Content-Type: application/x-www-form-urlencoded\r\n\r\n" % visitor.cookies["hikeshi_visit"])
        started = time.monotonic()
        cut = set()
        while time.monotonic() - started < 45 and len(cut) < 101:
            for i, c in enumerate(heads + [body]):
                if i in cut:
                    continue
                try:
                    c.send("GET / HTTP/1.1\r\n" if c is heads[0] and time.monotonic() - started < 0.5 else
                           "a" if c is body else "X")
                except OSError:
                    cut.add(i)
            self.assertEqual(Person(board).get("/healthz").status, 200)
            time.sleep(0.5)
        self.assertEqual(len(cut), 101)
        self.assertGreater(time.monotonic() - started, 25)
        for c in heads + [body]:
            c.socket.close()

    def test_behind_a_proxy_that_encrypts(self):
        where = self.places[0]
        self.add(where)
        board = self.serve(where, "--public-url", "https://board.example", "--trusted-proxy", "127.0.0.1")
        p = Person(board)
        by_proxy = {"Host": "board.example", "X-Forwarded-For": "192.0.2.66, 198.51.100.7", "X-Forwarded-Proto": "https"}
        page = p.request("GET", "/login", headers=by_proxy)
        self.assertIn("max-age=", page.headers["Strict-Transport-Security"])
        done = p.post("/login", {"login": PEOPLE["reader"][0], "password": PASSWORD},
                      headers={**by_proxy, "Origin": "https://board.example"})
        self.assertEqual(done.status, 303, done)
        cookie = [c for c in done.headers.get_all("Set-Cookie") if "session" in c][0]
        self.assertTrue(cookie.startswith("__Host-hikeshi_session="))
        self.assertIn("; Secure", cookie)
        self.assertIn("198.51.100.7", p.request("GET", "/account", headers=by_proxy).text)
        self.assertTrue(until(lambda: ' "POST /login" 303' in board.log()))
        self.assertTrue(until(lambda: '198.51.100.7 account:1 "GET /account" 200' in board.log()))
        self.assertEqual(p.post("/login", {}, headers={**by_proxy, "Origin": "http://board.example"}).status, 403)
        self.assertEqual(p.request("GET", "/login", headers={**by_proxy, "Host": "evil.example"}).status, 421)

    def test_a_proxy_that_adds_a_line_of_its_own(self):
        """HAProxy's forwardfor does: what the client wrote stands in the lines before it."""
        where = self.places[0]
        self.add(where)
        board = self.serve(where, "--trusted-proxy", "127.0.0.1")
        for i, (lines, client) in enumerate(((("192.0.2.1", "198.51.100.7"), "198.51.100.7"),
                                             (("192.0.2.1, 192.0.2.2", "198.51.100.8", "127.0.0.1"), "198.51.100.8"),
                                             (("192.0.2.1", "nonsense"), "127.0.0.1"))):
            raw(board, "GET /incidents/%d HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n%s\r\n"
                % (i + 1, "".join("X-Forwarded-For: %s\r\n" % line for line in lines)))
            self.assertTrue(until(lambda: '%s - "GET /incidents/%d"' % (client, i + 1) in board.log()), board.log())

    def test_forwarded_headers_of_strangers_mean_nothing(self):
        where = self.places[0]
        self.add(where)
        board = self.serve(where)
        p = Person(board)
        page = p.request("GET", "/login", headers={"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"})
        self.assertIsNone(page.headers["Strict-Transport-Security"])
        self.assertIn("hikeshi_visit", p.cookies)
        self.assertTrue(until(lambda: "127.0.0.1 - \"GET /login\"" in board.log()))
        self.assertNotIn("198.51.100.7", board.log())

    def test_what_is_written_elsewhere_reaches_a_stream(self):
        """Events of another process; their rows are made by hand, so this record is not verified."""
        for where in self.places:
            self.add(where)
            self.assertEqual(command("incident", "open", "log4shell", *where).returncode, 0)
            board = self.serve(where)
            p = Person(board)
            p.log_in(PEOPLE["reader"][0])
            stream = p.events("/incidents/1/events")
            self.assertEqual(stream.status, 200)
            time.sleep(0.7)
            self.sql(where, "INSERT INTO event SELECT id + 100, incident_id, seq + 100, at_ms, actor_kind, actor_id, "
                     "actor_name, actor_role, via, subject, kind, body, prev_hash, hash FROM event "
                     "WHERE incident_id = 1 ORDER BY id LIMIT 1;"
                     "UPDATE counter SET value = value + 100 WHERE name = 'event'")
            text = stream.wait("event: changed", 3)
            self.assertRegex(text, r"id: 10\d\nevent: changed\ndata: 10\d\n")
            stream.close()
            # a page that was away: what it missed comes at once
            for headers, query in (({"Last-Event-ID": "1"}, ""), ({}, "?since=1")):
                again = p.events("/incidents/1/events" + query, **headers)
                self.assertIn("event: changed", again.wait("event: changed", 3))
                again.close()

    def sql(self, where, text):
        if where[0] == "--data":
            with sqlite3.connect(where[1] + "/board.db", timeout=10) as db:
                db.executescript(text)
        else:
            url, _, options = where[1].partition("&options=-csearch_path%3D")
            done = subprocess.run(["psql", "-q", "-d", url, "-c", "SET search_path = " + options, "-c", text],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_stopping_lets_requests_end_and_closes_streams(self):
        where = self.places[0]
        self.add(where)
        self.assertEqual(command("incident", "open", "log4shell", *where).returncode, 0)
        board = Server(where)
        p = Person(board)
        p.log_in(PEOPLE["reader"][0])
        stream = p.events("/incidents/1/events")
        idle = Raw(board)
        q = Person(board)
        q.get("/login")
        body = "csrf=%s&login=%s&password=%s" % (q.csrf, PEOPLE["reader"][0], PASSWORD.replace(" ", "+"))
        busy = Raw(board)
        busy.send("POST /login HTTP/1.1\r\nHost: HOST\r\nCookie: hikeshi_visit=%s\r\nContent-Length: %d\r\n"
                  "Content-Type: application/x-www-form-urlencoded\r\n\r\n%s"
                  % (q.cookies["hikeshi_visit"], len(body), body))
        time.sleep(0.03)  # a worker hashes the password
        started = time.monotonic()
        code = board.stop()
        self.assertEqual(code, 0, board.log())
        self.assertLess(time.monotonic() - started, 10)
        self.assertRegex(busy.all(), r"^HTTP/1\.1 303 ")
        self.assertTrue(stream.ended(1))
        idle.socket.close()

    def test_wrong_usage(self):
        where = self.places[0]
        for options in (("--listen", "nowhere"), ("--listen", "127.0.0.1"), ("--listen", "localhost:80"),
                        ("--listen", "127.0.0.1:99999"), ("--threads", "0"), ("--threads", "x"),
                        ("--public-url", "board.example"), ("--public-url", "https://board.example/path"),
                        ("--trusted-proxy", "proxy.example")):
            got = command("serve", *where, *options)
            self.assertEqual(got.returncode, 2, (options, got))
            self.assertIn(options[0], got.stderr)
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        self.assertEqual(command("serve", *where, "--listen", "127.0.0.1:%d" % taken.getsockname()[1]).returncode, 1)
        taken.close()


if __name__ == "__main__":
    unittest.main()
