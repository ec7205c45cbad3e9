#!/usr/bin/env python3
"""Spreadsheets as LibreOffice saves them, as Excel lays them out, and as text in every charset are read
for what they say; what we export is opened by LibreOffice and says the same."""
import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HIKESHI_BUILD", os.path.join(ROOT, "build"))
DUMP = os.path.join(BUILD, "tests/unit/office/dump-book")
sys.path.insert(0, os.path.join(ROOT, "tests/fixtures"))
import make_ledger  # noqa: E402

work = None


def setUpModule():
    global work
    work = tempfile.TemporaryDirectory(prefix="hikeshi-office-")


def tearDownModule():
    work.cleanup()


def path(name):
    return os.path.join(work.name, name)


def soffice(to, *files, folder="lo"):
    """Converts files in one start of LibreOffice, with a profile of its own."""
    out = path(folder)
    subprocess.run(["soffice", f"-env:UserInstallation=file://{path('profile')}", "--headless", "--norestore",
                    "--convert-to", to, "--outdir", out, *files], check=True, timeout=180,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made = [os.path.join(out, os.path.splitext(os.path.basename(f))[0] + "." + to.split(":")[0]) for f in files]
    for f in made:
        assert os.path.exists(f), f"LibreOffice made no {f}"
    return made


def dump(what, file, *more):
    p = subprocess.run([DUMP, what, file, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if p.returncode:
        raise AssertionError(p.stderr.decode())
    return [json.loads(line) for line in p.stdout.decode().splitlines()]


def refusal(file):
    p = subprocess.run([DUMP, "rows", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert p.returncode == 1, p
    return p.stderr.decode().splitlines()


def texts(rows):
    return [[c["text"] for c in r["cells"]] for r in rows]


class Ledger(unittest.TestCase):
    """The same ledger by whatever way it comes."""

    def check(self, file, truth):
        head, *rows = dump("ledger", file)
        self.assertEqual(head["header_row"], 4)
        fields = [c["field"] + ("+" + c["second"] if c["second"] != "leave_out" else "") for c in head["columns"]]
        self.assertEqual(fields[:11], ["leave_out", "name", "category", "department+owner", "owner_mail", "vendor",
                                       "product+version", "exposed", "hosts", "renewed_on", "notes"])
        self.assertEqual(len(rows), len(truth))
        for got, want in zip(rows, truth):
            with self.subTest(row=want["row"]):
                self.assertEqual(got["row"], want["row"])
                self.assertEqual(got["category_code"], want["category"])
                for field in ("name", "owner", "department", "owner_mail", "product", "version", "renewed_on"):
                    self.assertEqual(got[field], want[field], field)
                self.assertEqual(got["vendor"], want["vendor"].replace("（", "(").replace("）", ")"))
                self.assertEqual([h.strip() for h in got["hosts"].replace("、", ",").replace("\n", ",")
                                  .replace("/", ",").split(",") if h.strip()], want["hosts"])
                if want["exposed"]:
                    self.assertEqual(got["exposed_mark"], want["exposed"])
                self.assertEqual(got["problems"], [])
        return head

    def test_text_in_every_charset(self):
        names = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16LE", "utf-16-be": "UTF-16BE",
                 "cp932": "CP932", "euc-jp": "EUC-JP"}
        for charset, detected in names.items():
            for ending in ("csv", "tsv"):
                with self.subTest(charset=charset, ending=ending):
                    file = path(f"{charset}.{ending}")
                    truth = make_ledger.make(["--charset", charset, file])
                    self.assertEqual(self.check(file, truth)["format"], detected)

    def test_workbook_as_excel_lays_it_out(self):
        truth = make_ledger.make([path("excel.xlsx")])
        head = self.check(path("excel.xlsx"), truth)
        self.assertEqual(head["sheet"], "一覧")
        self.assertIn("通りの書き方から 4 区分へ", head["columns"][2]["why"])

    def test_workbook_as_libreoffice_saves_it(self):
        truth = make_ledger.make([path("office.fods")])
        file, = soffice("xlsx", path("office.fods"))
        self.check(file, truth)

    def test_updated_file_has_changes(self):
        before, after = make_ledger.make([path("b.csv")]), make_ledger.make(["--updated", path("a.csv")])
        self.check(path("a.csv"), after)
        keys = {r["id"]: r for r in before}
        changed = [r for r in after if r["id"] in keys and
                   any(r[k] != keys[r["id"]][k] for k in ("version", "owner", "product"))]
        self.assertGreater(len(changed), 5)
        self.assertGreater(len([r for r in after if r["id"] not in keys]), 5)
        self.assertLess(len([r for r in after if r["id"] in keys]), len(before))

    def test_problems_name_their_place(self):
        make_ledger.make(["--bad", "--rows", "10", path("bad.xlsx")])
        rows = dump("ledger", path("bad.xlsx"))[1:]
        self.assertEqual([p for r in rows for p in r["problems"]], [
            "シート一覧 15 行 B 列: 名称が空です。行を外すか、直して送り直してください",
            "シート一覧 17 行 F 列: #REF!: シートのエラー値です。空欄として読みました",
            "シート一覧 17 行 J 列: 未定: 日付として読めません。空欄として読みました。2021-12-10 のように書いてください"])

    def test_a_text_has_no_sheet_to_name(self):
        make_ledger.make(["--bad", "--rows", "10", path("bad.csv")])
        rows = dump("ledger", path("bad.csv"))[1:]
        self.assertEqual([p.split(":")[0] for r in rows for p in r["problems"]],
                         ["15 行 B 列", "17 行 F 列", "17 行 J 列"])

    def test_50000_rows_are_read_in_seconds(self):
        for ending in ("csv", "xlsx"):
            file = path(f"large.{ending}")
            make_ledger.make(["--rows", "50000", file])
            self.assertEqual(dump("ledger", file)[0]["rows"], 50000)


def cell(text="", kind="string", more=""):
    return f'<table:table-cell office:value-type="{kind}" {more}><text:p>{text}</text:p></table:table-cell>' \
        if text or more else "<table:table-cell/>"


def row(*cells, more=""):
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


def day(iso, era=True):
    return f'<table:table-cell table:style-name="{"era" if era else "day"}" office:value-type="date" office:date-value="{iso}"/>'


class LibreOffice(unittest.TestCase):
    """What LibreOffice writes that our own fixtures would not."""

    def save(self, name, sheets, **more):
        with open(path(name + ".fods"), "w", encoding="utf-8") as f:
            f.write(make_ledger.fods(sheets, **more))
        return soffice("xlsx", path(name + ".fods"))[0]

    def test_merged_cells_and_formulas(self):
        covered = "<table:covered-table-cell/>"
        file = self.save("merged", [("表紙", row(cell("表紙"))), ("システム台帳", "".join([
            row(cell("台帳", more='table:number-columns-spanned="3"'), covered, covered),
            row(cell("名称"), cell("区分"), cell("合計")),
            row(cell("勤怠"), cell("社内", more='table:number-rows-spanned="2"'), cell("", "float", 'office:value="2"')),
            row(cell("運賃"), covered, cell("", "float", 'table:formula="of:=[.C3]*21"')),
            row(cell("倉庫"), cell(), cell("", "string", 'table:formula="of:=[.A3]&amp;&quot;・&quot;&amp;[.A4]"')),
            row(cell("誤り"), cell(), cell("", "string", 'table:formula="of:=NA()"')),
        ]))])
        rows = dump("rows", file)
        self.assertEqual({r["sheet"] for r in rows}, {"システム台帳"})
        self.assertEqual(texts(rows), [
            ["台帳", "台帳", "台帳"], ["名称", "区分", "合計"], ["勤怠", "社内", "2"], ["運賃", "社内", "42"],
            ["倉庫", "", "勤怠・運賃"], ["誤り", "", "#N/A"]])
        self.assertTrue(rows[0]["cells"][2]["merged"] and rows[3]["cells"][1]["merged"])
        self.assertEqual(rows[5]["cells"][2]["kind"], "error")

    def test_days_of_eras_in_both_date_systems(self):
        days = ["2021-12-10", "2019-05-01", "1989-01-07", "1904-01-02"]
        sheet = [("日付", "".join(row(cell("日"), day(d), day(d, era=False)) for d in days))]
        for null_date in ("1899-12-30", "1904-01-01"):
            with self.subTest(null_date=null_date):
                rows = dump("rows", self.save("days" + null_date, sheet, null_date=null_date))
                self.assertEqual([r[1] for r in texts(rows)], days)
                self.assertEqual({r["cells"][1]["kind"] for r in rows}, {"date"})
                self.assertEqual([r[2] for r in texts(rows)], days)

    def test_hidden_rows_are_read_and_marked(self):
        file = self.save("hidden", [("一覧", row(cell("a")) + row(cell("b"), more='table:visibility="collapse"') +
                                     row(cell("c")))])
        rows = dump("rows", file)
        self.assertEqual([(r["cells"][0]["text"], r["hidden"]) for r in rows],
                         [("a", False), ("b", True), ("c", False)])

    def test_other_formats_are_refused_with_a_way_out(self):
        with open(path("other.csv"), "w", encoding="utf-8") as f:
            f.write("名称,区分\n勤怠,社内\n")
        says = {"xls": "古い形式 (.xls)", "ods": "OpenDocument 形式 (.ods)", "html": "Web ページ (HTML)",
                "pdf": "PDF"}
        for to, words in says.items():
            with self.subTest(to=to):
                file, = soffice(to, path("other.csv"), folder="other")
                english, japanese = refusal(file)
                self.assertIn(words, japanese)
                self.assertIn("send", english)


def guard(text):
    """What a spreadsheet would calculate, as we export it: with a quote before it."""
    return "'" + text if text[:1] in tuple("=+-@＝") and text != "-12.5" else text


class Export(unittest.TestCase):
    ROWS = [["名称", "備考"], ["㈱髙橋倉庫 ①", "二行\nの文"], ["=1+1", "=cmd|' /C calc'!A0"], ["+81-3", "-2+3"],
            ["@SUM(A1)", "0012"], ["-12.5", "～ ｶﾅ \"引用\""], ["_x0041_", "＝１＋１"]]

    def setUp(self):
        self.source = path("export.csv")
        with open(self.source, "w", encoding="utf-8", newline="") as f:
            csv.writer(f).writerows(self.ROWS)

    def opened(self, file, filter_=""):
        """The values that LibreOffice shows, as it saves them to CSV."""
        out = path("shown")
        subprocess.run(["soffice", f"-env:UserInstallation=file://{path('profile')}", "--headless", "--norestore",
                        *([f"--infilter={filter_}"] if filter_ else []), "--convert-to",
                        "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false", "--outdir", out, file],
                       check=True, timeout=180, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        with open(os.path.join(out, os.path.splitext(os.path.basename(file))[0] + ".csv"), encoding="utf-8",
                  newline="") as f:
            return list(csv.reader(f))

    def test_workbook_shows_the_same_and_calculates_nothing(self):
        dump("xlsx", self.source, path("out.xlsx"))
        self.assertEqual(texts(dump("rows", path("out.xlsx"))), self.ROWS)
        self.assertEqual(self.opened(path("out.xlsx")), self.ROWS)

    def test_csv_shows_the_same_and_calculates_nothing(self):
        for what, charset in (("csv", "76"), ("cp932", "64")):
            with self.subTest(what=what):
                file = path(what + "-out.csv")
                dump(what, self.source, file)
                self.assertEqual(texts(dump("rows", file)), self.ROWS)  # sent back, it changes nothing
                shown = self.opened(file, f"CSV:44,34,{charset},1,,0,false,true,true")
                number = {"0012": "12"}  # LibreOffice takes it for one, as Excel does
                self.assertEqual(shown, [[number.get(c, guard(c)) for c in r] for r in self.ROWS])


if __name__ == "__main__":
    unittest.main()
