#!/usr/bin/env python3
"""The template compiler: every fault it must name, with its line, and what values in each context become.

Also what the C compiler must refuse: it is run on pages whose values have types that do not escape.
CC, and SOURCE_ROOT/src for the headers, come from the environment (meson sets them).
"""
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.environ.get("SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "build-aux"))
sys.dont_write_bytecode = True
import templates  # noqa: E402


def page(body):
    """A page whose body begins in line 2."""
    return "{{template t(struct slice s, int64_t n, struct html_url u)}}\n" + body + "\n{{end}}\n"


def compiled(body):
    return templates.Compiler("t.html", page(body)).run().c_file("t.h")


# (the body, the line of the fault, words of its sentence)
FAULTS = [
    # HTML that would not escape right, or that the Content-Security-Policy forbids
    ("<p\n class=x></p>", 3, "no quotes"),
    ("<p class={{s}}></p>", 2, "no quotes"),
    ('<p style="color:red"></p>', 2, "style is not allowed"),
    ("<p style='{{s}}'></p>", 2, "style is not allowed"),
    ('<p\n\nonclick="x()"></p>', 4, "onclick is not allowed"),
    ('<p ONCLICK="x()"></p>', 2, "written small"),
    ('<svg onload="x()"></svg>', 2, "onload is not allowed"),
    ('<p hx-on:click="x()"></p>', 2, "hx-on:click is not allowed"),
    ('<p data-hx-get="/x"></p>', 2, "data-hx-get is not allowed"),
    ("<script>x()</script>", 2, "script without src"),
    ('<script src="/a.js">x()</script>', 2, "script with content"),
    ('<script src="/a.js">{{s}}</script>', 2, "may not stand in script"),
    ("<style>p{}</style>", 2, "<style> is not allowed"),
    ('<iframe src="/x"></iframe>', 2, "<iframe> is not allowed"),
    ('<base href="/">', 2, "<base> is not allowed"),
    ('<meta http-equiv="refresh" content="0">', 2, "http-equiv"),
    ('<p srcdoc="x"></p>', 2, "srcdoc"),
    # values where no value may stand
    ("<{{s}}>", 2, "without an expression"),
    ("<di{{s}}></div>", 2, "inside the name"),
    ("<p {{s}}></p>", 2, "among the attributes"),
    ('<p cla{{s}}="x"></p>', 2, "inside the name"),
    ("<!-- {{s}} -->", 2, "comment"),
    ("<!-- x", 2, "comment"),
    ("</{{s}}>", 2, "without an expression"),
    ("<div hx-vals='{\"a\": \"{{s}}\"}'></div>", 2, "hx-vals"),
    ('<div hx-trigger="{{s}}"></div>', 2, "hx-trigger"),
    ('<img srcset="{{u}} 2x">', 2, "srcset"),
    # addresses
    ('<a href="javascript:x()">x</a>', 2, "of this kind"),
    ('<a href=" JavaScript:{{s}}">x</a>', 2, "of this kind"),
    ('<a href="data:text/html,x">x</a>', 2, "of this kind"),
    ('<a href="https:{{s}}">x</a>', 2, "host or the scheme"),
    ('<a href="https://{{s}}/">x</a>', 2, "host or the scheme"),
    ('<a href="//{{s}}/">x</a>', 2, "host or the scheme"),
    ('<a href="https://a.{{s}}/">x</a>', 2, "host or the scheme"),
    ('<a href="{{if n}}/x/{{end}}{{s}}">x</a>', 2, "branch before"),
    ('<a href="{{if n}}/{{else}}/x/{{end}}{{s}}">x</a>', 2, "branch before"),
    ('<a href="{{tr "x"}}">x</a>', 2, "translated text"),
    ('<a href="/{{time n}}">x</a>', 2, "moment"),
    # tags
    ("<p>", 3, "<p> is not closed in the template that began in line 1"),
    ("</p>", 2, "closes nothing"),
    ("<p><b></p></b>", 2, "</p> closes <b>"),
    ("<ul>\n<li>x\n</ul>", 4, "</ul> closes <li>"),
    ("<p/>", 2, "only an empty element"),
    ("<P></P>", 2, "written small"),
    ('<p class="a" class="b"></p>', 2, "given twice"),
    ('<p class="a"id="b"></p>', 2, "a space is missing"),
    ('<p class="a"', 3, "ends inside a tag"),
    ('<p class="a', 3, "ends inside a tag"),
    ("<title><b></b></title>", 2, "inside <title>"),
    ("a < b", 2, "&lt;"),
    ("a & b", 2, "&amp;"),
    ('<a href="?a=1&b=2">x</a>', 2, "&amp;"),
    # blocks
    ("{{if n}}\n<p>\n{{end}}</p>", 4, "<p> is not closed in the block that began in line 2"),
    ("<p>{{if n}}</p>{{end}}", 2, "outside of this block"),
    ("{{if n}}<p>{{else}}<b>{{end}}", 2, "<p> is not closed"),
    ('<p {{if n}}class="{{end}}x"></p>', 2, "ends inside a tag"),
    ('<p class="{{if n}}a" id="{{end}}"></p>', 2, "another attribute"),
    ("{{if n}}", 1, "{{end}} is missing"),
    ("{{end}}", 3, "outside of a {{template}}"),
    ("{{else}}", 2, "without {{if}}"),
    ("{{if n}}{{else}}{{else}}{{end}}", 2, "without {{if}}"),
    ("{{if n}}{{else}}{{elif s.n}}{{end}}", 2, "without {{if}}"),
    ("{{else n}}", 2, "takes nothing"),
    ("{{end n}}", 2, "takes nothing"),
    ("{{for n}}{{end}}", 2, "INIT; CONDITION; STEP"),
    ("{{}}", 2, "empty"),
    ("{{s", 2, "not closed"),
    ('{{slice_str("x)}}', 2, "literal is not closed"),
    ("{{template u()}}{{end}}", 2, "inside another one"),
    ('{{include "x.h"}}', 2, "top of the file"),
    ('<p title="{{call t(s)}}"></p>', 2, "between tags only"),
    ("{{call t}}", 2, "call name(values)"),
    ("{{let int x}}", 2, "TYPE name = VALUE"),
    ('{{attr "checked" n}}', 2, "among the attributes"),
    ('<p {{attr "onclick" n}}></p>', 2, "onclick is not allowed"),
    ('<p {{attr "hidden"}}></p>', 2, "CONDITION"),
    # texts
    ("{{tr x}}", 2, "in \"quotes\""),
    ('{{tr ""}}', 2, "empty"),
    ('{{tr "a\\tb"}}', 2, "escapes"),
    ('{{tr "{who}"}}', 2, "{who} stands in the text and has no value"),
    ('{{tr "x" who=s}}', 2, "who= does not stand in the text"),
    ('{{tr "{who}" who=}}', 2, "has no value"),
    ('{{tr "{who}" who=s who=s}}', 2, "given twice"),
    ('{{tr "{who}" s}}', 2, "name=value"),
    ('{{trn "a" "b"}}', 2, "trn COUNT"),
    ('{{trn n "a"}}', 2, "in \"quotes\""),
    ('{{trblock "{a}"}}x{{part a}}{{end}}{{end}}', 2, "between the parts"),
    ('{{trblock "{a}"}}{{s}}{{end}}', 2, "only {{part NAME}}"),
    ('{{trblock "{a}"}}{{part b}}{{end}}{{end}}', 2, "no {b}"),
    ('{{trblock "{a}"}}\n{{part a}}{{end}}{{part a}}{{end}}{{end}}', 3, "there already"),
    ('{{trblock "{a} {b}"}}\n{{part a}}{{end}}{{end}}', 2, "{b} stands in the text"),
    ('{{trblock "{a}" a=s}}{{end}}', 2, "use {{tr}}"),
    ('<p title="{{trblock "{a}"}}"></p>', 2, "between tags only"),
    ("{{part a}}{{end}}", 2, "directly in a {{trblock}}"),
]

# (the body, C that must be in what it becomes)
CONTEXTS = [
    ("{{s}}", "html_put(h, (s));"),
    ("<p>{{ s }}</p>", "html_put(h, (s));"),
    ('<p title="{{s}}"></p>', "html_put_plain(h, (s));"),
    ("<p title='{{s}}'></p>", "html_put_plain(h, (s));"),
    ("<title>{{s}}</title>", "html_put_plain(h, (s));"),
    ("<option>{{s}}</option>", "html_put_plain(h, (s));"),
    ('<input value="{{s}}">', "html_put_value(h, (s));"),
    ("<textarea>{{s}}</textarea>", "html_put_value(h, (s));"),
    ("<textarea>x</textarea>", r'<textarea>\nx</textarea>'),
    ('<a href="{{u}}">x</a>', "html_put_url(h, (u));"),
    ('<a href="/{{n}}">x</a>', "html_put_url_number(h, (n));"),
    ('<a href="/a/{{s}}">x</a>', "html_put_url_part(h, (s));"),
    ('<a href="?q={{s}}">x</a>', "html_put_url_part(h, (s));"),
    ('<a href="{{u}}&amp;q={{s}}">x</a>', "html_put_url_part(h, (s));"),
    ('<a href="https://a.example/{{s}}">x</a>', "html_put_url_part(h, (s));"),
    ('<a href="{{if n}}/a{{else}}/{{end}}?q={{s}}">x</a>', "html_put_url_part(h, (s));"),
    ('<svg><use xlink:href="{{u}}"/></svg>', "html_put_url(h, (u));"),
    ('<div hx-post="/a/{{s}}"></div>', "html_put_url_part(h, (s));"),
    ("{{(struct slice){s.p, 1}}}", "html_put(h, ((struct slice){s.p, 1}));"),
    ('{{SLICE_LIT("}}")}}', 'html_put(h, (SLICE_LIT("}}")));'),
    ("{{time.x}}", "html_put(h, (time.x));"),
    ("{{date(n)}}", "html_put(h, (date(n)));"),
    ("<br/>", '"<br>\\n"'),
    ('<p {{if n}}class="a"{{else}}class="b"{{end}} id="c"></p>', 'id=\\"c\\"'),
    ('<svg viewBox="0 0 1 1"><clipPath/></svg>', 'viewBox=\\"0 0 1 1\\"'),
    ('{{tr "{a} {b}" a=f(s, "x=1") b=n == 1}}', '{html_arg("a", (f(s, "x=1"))), html_arg("b", (n == 1))}'),
    ("<p>a <!-- never sent --> b</p>", '"<p>a  b</p>'),
    ("<p>a??=b</p>", '"<p>a\\?\\?=b</p>'),
    ("<p>\n    a\n    b</p>", '"<p>\\na\\nb</p>'),
    ("<pre>\n    a\n    b</pre>", '"<pre>\\n    a\\n    b</pre>'),
    ("{{if n}}\n  <b>x</b>\n{{end}}", '"<b>x</b>\\n"'),
]

# (what stands in a page, whether a C compiler takes it)
TYPES = [
    ("{{s}}", True),
    ("{{n}}", True),
    ("{{n > 1}}", True),  # an int in C
    ("{{(uint8_t)n}}", True),
    ("{{sizeof n}}", True),
    ("{{html_raw_of(s)}}", True),
    ("{{html_count(n)}}", True),
    ("{{html_at(n)}}", True),
    ('{{"text"}}', False),
    ("{{(const char *)s.p}}", False),
    ("{{(char *)0}}", False),
    ("{{s.p}}", False),
    ("{{(bool)n}}", False),
    ("{{(char)n}}", False),
    ("{{1.5}}", False),
    ("{{u}}", False),
    ('<p title="{{s}}"></p>', True),
    ('<p title="{{html_raw_of(s)}}"></p>', False),
    ('<p title="{{(const char *)s.p}}"></p>', False),
    ('<input value="{{html_raw_of(s)}}">', False),
    ('<a href="{{u}}">x</a>', True),
    ('<a href="{{s}}">x</a>', False),
    ('<a href="{{n}}">x</a>', False),
    ('<a href="/a/{{s}}">x</a>', True),
    ('<a href="/a/{{u}}">x</a>', False),
    ('<a href="/a/{{(const char *)s.p}}">x</a>', False),
    ('<a href="/{{n}}">x</a>', True),
    ('<a href="/{{s}}">x</a>', False),
    ('{{tr "{a}" a=s}}', True),
    ('{{tr "{a}" a=html_raw_of(s)}}', True),
    ('{{tr "{a}" a=(const char *)s.p}}', False),
    ('<p title="{{tr "{a}" a=html_raw_of(s)}}"></p>', False),
]


class Faults(unittest.TestCase):
    def test_each_is_named_with_its_line(self):
        for body, line, words in FAULTS:
            with self.subTest(body=body):
                with self.assertRaises(templates.Fault) as got:
                    compiled(body)
                self.assertIn(words, str(got.exception))
                self.assertEqual(got.exception.line, line)

    def test_files(self):
        for text, words in [
            ("x", "outside of a {{template}}"),
            ("{{# x", "not closed"),
            ("{{s}}", "outside of a {{template}}"),
            ("{{template t}}{{end}}", "name(parameters)"),
            ("{{template t()}}<p></p>", "{{end}} is missing"),
            ("{{opens a()}}<p>{{end}}", "without {{closes}}"),
            ("{{closes a()}}</p>{{end}}", "without {{opens}}"),
            ("{{opens a()}}<p>{{end}}{{opens b()}}<p>{{end}}", "twice"),
            ("{{opens a()}}<p>{{end}}{{closes b()}}</b>{{end}}", "</b> closes <p>"),
            ("{{opens a()}}<p>{{end}}{{closes b()}}{{if 1}}</p>{{end}}{{end}}", "outside of this block"),
        ]:
            with self.subTest(text=text):
                with self.assertRaises(templates.Fault) as got:
                    templates.Compiler("t.html", text).run()
                self.assertIn(words, str(got.exception))

    def test_the_command_says_file_and_line(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "bad.html")
            with open(path, "w") as f:
                f.write(page("<p class=x></p>"))
            got = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "build-aux", "templates.py"), "compile", path,
                                  path + ".c", path + ".h", "bad.html.h"], capture_output=True, text=True)
            self.assertEqual(got.returncode, 1)
            self.assertTrue(got.stderr.startswith(path + ":2: "), got.stderr)
            self.assertFalse(os.path.exists(path + ".c"))


class Contexts(unittest.TestCase):
    def test_each_value_is_written_as_its_place_needs(self):
        for body, c in CONTEXTS:
            with self.subTest(body=body):
                self.assertIn(c, compiled(body))


class Types(unittest.TestCase):
    def test_what_has_no_escaping_does_not_compile(self):
        cc = os.environ.get("CC", "cc").split()
        for body, good in TYPES:
            with self.subTest(body=body):
                c = templates.Compiler("t.html", page(body)).run()
                source = c.h_file("t.h") + c.c_file("t.h").replace('#include "t.h"', "")
                got = subprocess.run(cc + ["-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-I", os.path.join(ROOT, "src"),
                                           "-x", "c", "-"], input=source, capture_output=True, text=True)
                self.assertEqual(got.returncode == 0, good, got.stderr)
                if not good:
                    self.assertIn("t.html:2:", got.stderr)


class Texts(unittest.TestCase):
    def test_extract_names_every_text_once(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "t.html")
            with open(path, "w") as f:
                f.write(page('{{tr "A \\"{x}\\"" x=n}}\n{{tr "A \\"{x}\\"" x=n}}{{trn n "1 b" "{x} b" x=n}}'
                             '{{trc "ctx" "c"}}{{trblock "{d}"}}{{part d}}{{end}}{{end}}'))
            pot = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "build-aux", "templates.py"), "extract", path],
                                 capture_output=True, text=True, check=True).stdout
        self.assertEqual(pot.count('msgid "A \\"{x}\\""'), 1)
        self.assertIn("#: %s:2 %s:3\n" % (path, path), pot)
        self.assertIn('msgid "1 b"\nmsgid_plural "{x} b"\nmsgstr[0] ""', pot)
        self.assertIn('msgctxt "ctx"\nmsgid "c"', pot)
        self.assertIn('msgid "{d}"', pot)

    def test_a_translation_must_have_the_same_placeholders(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "t.po")
            for text, good in [("{n} 件", True), ("件", False), ("{m} 件", False), ("", True)]:
                with open(path, "w", encoding="utf-8") as f:
                    f.write('msgid ""\nmsgstr ""\n"X: {y}\\n"\n\nmsgid "{n} rows"\nmsgstr ""\n"%s"\n' % text)
                stderr, sys.stderr = sys.stderr, open(os.devnull, "w", encoding="utf-8")
                try:
                    self.assertEqual(templates.check_po([path]), 0 if good else 1, text)
                finally:
                    sys.stderr.close()
                    sys.stderr = stderr


if __name__ == "__main__":
    unittest.main()
