#!/usr/bin/env python3
"""build-aux/update-po in a small tree of its own: new texts, gone texts, and each thing that --check refuses."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.environ.get("SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
C = 'f(T(lang, "Hello %s"), TC(lang, "verb", "Open"), TN(lang, "%d row", "%d rows", n), N_("Later"));\n'
PAGE = '{{template t(int n)}}<p>{{tr "{n} left" n=n}}</p>{{end}}\n'


class UpdatePo(unittest.TestCase):
    def setUp(self):
        self.tree = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tree)
        os.makedirs(self.tree + "/build-aux")
        for name in ("update-po", "templates.py"):
            shutil.copy(os.path.join(ROOT, "build-aux", name), self.tree + "/build-aux/" + name)
        subprocess.run(["git", "init", "-q"], cwd=self.tree, check=True)
        self.write("src/board/case/hello_world.c", C)
        self.write("src/board/web/pages/left.html", PAGE)

    def write(self, path, text):
        path = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def read(self, path):
        with open(os.path.join(self.tree, path), encoding="utf-8") as f:
            return f.read()

    def change(self, path, old, new):
        text = self.read(path)
        self.assertIn(old, text)
        self.write(path, text.replace(old, new, 1))

    def update(self, *options):
        return subprocess.run(["python3", "-B", "build-aux/update-po", *options], cwd=self.tree, capture_output=True,
                              text=True)

    def translate_all(self):
        self.assertEqual(self.update().returncode, 0)
        case, page = "po/ja/case-hello.po", "po/ja/pages-left.po"
        self.change(case, 'msgid "Hello %s"\nmsgstr ""', 'msgid "Hello %s"\nmsgstr "%s さん"')
        self.change(case, 'msgid "Later"\nmsgstr ""', 'msgid "Later"\nmsgstr "後で"')
        self.change(case, 'msgid "Open"\nmsgstr ""', 'msgid "Open"\nmsgstr "開く"')
        self.change(case, 'msgstr[0] ""', 'msgstr[0] "%d 行"')
        self.change(page, 'msgid "{n} left"\nmsgstr ""', 'msgid "{n} left"\nmsgstr "残り {n}"')
        return case, page

    def refused(self, words):
        got = self.update("--check")
        self.assertEqual(got.returncode, 1)
        self.assertIn(words, got.stderr)

    def test_new_texts_go_to_the_file_of_their_module(self):
        self.refused('src/board/case/hello_world.c:1: "Hello %s" stands in no catalogue')
        case, page = self.translate_all()
        self.assertEqual(self.update("--check").returncode, 0, self.update("--check").stderr)
        text = self.read(case)
        self.assertLess(text.index("%d row"), text.index("Hello"))
        self.assertIn('#, c-format\nmsgid "Hello %s"', text)
        self.assertIn('msgctxt "verb"\nmsgid "Open"', text)
        self.assertNotIn("#:", text)

    def test_an_area_by_itself(self):
        self.assertEqual(self.update("pages-left").returncode, 0)
        self.assertEqual(os.listdir(self.tree + "/po/ja"), ["pages-left.po"])
        self.update("case")
        before = self.read("po/ja/case-hello.po")
        self.write("src/board/case/hello_world.c", "")
        self.update("pages")
        self.assertEqual(self.read("po/ja/case-hello.po"), before)

    def test_it_changes_nothing_twice_and_keeps_what_people_wrote(self):
        case, page = self.translate_all()
        self.write(case, "# カタログ\n" + self.read(case).replace("#, c-format", "# 敬称をつける\n#, c-format", 1))
        before = self.read(case), self.read(page)
        self.assertEqual(self.update().stdout, "")
        self.assertEqual((self.read(case), self.read(page)), before)

    def test_a_text_stays_in_the_file_that_has_it(self):
        case, page = self.translate_all()
        os.rename(os.path.join(self.tree, page), os.path.join(self.tree, "po/ja/any.po"))
        self.assertEqual(self.update("--check").returncode, 0)
        self.assertEqual(self.update().stdout, "")
        self.assertFalse(os.path.exists(os.path.join(self.tree, page)))

    def test_gone_texts_are_refused_then_taken_away(self):
        case, page = self.translate_all()
        self.write("src/board/web/pages/left.html", "")
        self.refused('"{n} left" is gone from the sources')
        self.update()
        self.assertFalse(os.path.exists(os.path.join(self.tree, page)))
        self.assertEqual(self.update("--check").returncode, 0)

    def test_what_check_refuses(self):
        for old, new, words in [
            ('msgstr "開く"', 'msgstr ""', '"Open" is not translated'),
            ('#, c-format\nmsgid "Hello', '#, c-format, fuzzy\nmsgid "Hello', '"Hello %s" is fuzzy'),
            ("%s さん", "%d さん", "format specifications"),
        ]:
            case, page = self.translate_all()
            self.change(case, old, new)
            self.refused(words)
            shutil.rmtree(self.tree + "/po")
        case, page = self.translate_all()
        self.change(page, "残り {n}", "残り {m}")
        self.refused("{n} stands in only one of text and translation")


if __name__ == "__main__":
    unittest.main()
