"""The evaluator against a plain second implementation of the rules, on messages made here (tests/fuzz/differential)."""
import os, pathlib, shutil, sys, unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/fuzz/differential"))
import compare, messages, reference  # noqa: E402

DATA = ROOT.parent / "shared/data/lookups"
COUNT = int(os.environ.get("HIKESHI_DIFFERENTIAL", "20000"))


class Reference(unittest.TestCase):
    """The second implementation says what the rules say, so that agreeing with it means something."""

    def test_worked_examples(self):
        for text, want in (("$${jndi:a} ${q}", "a"), ("$$${jndi:a} ${q}", None), ("$$${jndi:a}$${::-é}${q}", None),
                           ("$${a ${jndi:{b}}", "{b"), ("${a ${jndi:b}", None), ("${::-$}${jndi:a}", None),
                           ("${::-$${$${::-j}ndi:a}}", "a"), ("${a${::-$}{jndi:b}} ${q}", None), ("${jndi:a:-${jndi:b}}", "b"),
                           ("${jndi${::-:}-a}", None), ("${jndi:\\-a}", "-a"), ("${jndi:\\-a:-b}", "a"),
                           ("${::-a${::-$${::-b}}}${jndi:c}", None), ("${java:a:-b}${jndi:c}", None), ("${JnD${upper:ı}:a}", "a"),
                           ("${${foo:hostName:-jndi}:a}", None), ("${${date:'j'}n${env::-d}i${date::}a}", "a")):
            self.assertEqual(compare.expected(text), want, text)

    @unittest.skipUnless(DATA.is_dir(), "the labelled messages are not here")
    def test_labelled_messages(self):
        for file in ("edge-cases.tsv", "fuzz-visible.tsv"):
            for row in (DATA / file).read_bytes().decode().split("\n")[:-1]:
                reach, keys, text = row.split("\t", 2)
                self.assertFalse(compare.differ(compare.expected(text), keys.split(" | ")[0] if reach == "1" else None), row)


class Differential(unittest.TestCase):
    def test_they_agree(self):
        compared, given_up, reached, wrong = compare.compare(compare.TOOL, COUNT, "hikeshi", sorted(messages.GRAMMARS))
        self.assertEqual([(g, compare.shrink(t, lambda x: compare.disagree(compare.TOOL, x))) for g, t in wrong[:3]], [])
        self.assertGreater(compared, COUNT * 0.99)
        self.assertLess(given_up, COUNT * 0.01)
        self.assertTrue(compared * 0.2 < reached < compared * 0.8, reached)

    def test_what_reaches_is_hunted(self):
        """Whatever refuses a line of a log before it is evaluated refuses none that reaches."""
        self.assertEqual(compare.missed(compare.TOOL, COUNT, "hunted", sorted(messages.GRAMMARS))[:5], [])

    def test_a_mistake_is_found_and_made_small(self):
        """Indexes in characters instead of UTF-16 units: only some messages with a code point above U+FFFF show it."""
        right, reference.units = reference.units, lambda text, at: at
        try:
            wrong = compare.compare(compare.TOOL, 30000, "mistake", ["dollars"])[3]
            self.assertNotEqual(wrong, [])
            small = min((compare.shrink(t, lambda x: compare.disagree(compare.TOOL, x)) for _, t in wrong[:3]), key=len)
            self.assertIn("😀", small)
            self.assertLess(len(small), 40)
        finally:
            reference.units = right

    @unittest.skipUnless(shutil.which("javac") and all(map(os.path.exists, compare.JARS)), "no JDK, or no liblog4j2-java")
    def test_the_library_agrees_where_its_version_does(self):
        compared, reached, wrong, library = compare.compare_library(compare.TOOL, COUNT, "library", sorted(messages.GRAMMARS))
        library.folder.cleanup()
        self.assertEqual([t for _, t in wrong[:5]], [])
        self.assertGreater(compared, COUNT * 0.2)
        self.assertGreater(reached, compared * 0.05)


if __name__ == "__main__":
    unittest.main()
