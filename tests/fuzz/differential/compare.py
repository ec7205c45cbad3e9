#!/usr/bin/env python3
"""compare.py [--count N] [--seed S] [--grammar G] [--tool PATH] [--java] - the evaluator against reference.py on fresh messages.

Messages on which the two disagree are made as small as they can be and still disagree, and printed. Exit 1 with any.
A message whose evaluation the reference gives up as too much is not compared; how many is told.

With --java the library itself is asked instead of reference.py, where a JDK and Debian's liblog4j2-java are installed
(apt-get install default-jdk-headless liblog4j2-java). Its version has later rules, so only messages are compared that end in
one pass and meet none of what changed: values with variables of their own, aborts, and lookups that depend on the host.
"""
import argparse, json, os, random, subprocess, sys, tempfile, time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import messages, reference  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
TOOL = os.path.join(os.environ.get("HIKESHI_BUILD", os.path.join(ROOT, "build")), "hikeshi")
SHOWN = 5
JARS = ["/usr/share/java/log4j-core.jar", "/usr/share/java/log4j-api.jar"]


def asked(tool, texts):
    """What the tool says of each: None, or the key; a spent budget is neither, so it disagrees with both."""
    done = subprocess.run([tool, "explain", "--as-message", "--batch"], input="".join(t + "\n" for t in texts).encode(),
                          capture_output=True, timeout=600)
    rows = done.stdout.decode(errors="surrogateescape").split("\n")[:-1]
    if len(rows) != len(texts):
        raise SystemExit("%d answers to %d messages: %s" % (len(rows), len(texts), done.stderr.decode(errors="replace")))
    return [row.split("\t", 1)[1] if row.startswith("1\t") else None if row == "0" else row for row in rows]


def expected(text):
    verdict, key = reference.message(text)
    return key if verdict == "reach" else None


def differ(want, got):
    """Keys that hold a text of the Java there are compared by reach only."""
    return (want is None) != (got is None) or (want is not None and want != got and "<java" not in want.lower())


def disagree(tool, text):
    try:
        return differ(expected(text), asked(tool, [text])[0])
    except reference.TooMuch:
        return False


def shrink(text, still):
    """Takes away pieces, large ones first, as long as the rest still shows it."""
    size = max(len(text) // 2, 1)
    while size:
        at, took = 0, False
        while at < len(text):
            less = text[:at] + text[at + size:]
            if still(less):
                text, took = less, True
            else:
                at += size
        size = size if took else size // 2
    return text


def compare(tool, count, seed, grammars):
    """(messages compared, given up, reached, disagreements as (grammar, message))."""
    compared = given_up = reached = 0
    wrong = []
    for name in grammars:
        r = random.Random("%s %s" % (seed, name))
        texts, want = [], []
        while len(texts) < count // len(grammars):
            text = messages.GRAMMARS[name](r)
            try:
                want.append(expected(text))
                texts.append(text)
            except reference.TooMuch:
                given_up += 1
        got = asked(tool, texts)
        compared += len(texts)
        reached += sum(k is not None for k in want)
        wrong += [(name, t) for t, w, g in zip(texts, want, got) if differ(w, g)]
    return compared, given_up, reached, wrong


def missed(tool, count, seed, grammars):
    """Messages that reach, and of which a hunt says nothing where each is a line of a log."""
    texts = []
    for name in grammars:
        r = random.Random("%s %s" % (seed, name))
        made = [messages.GRAMMARS[name](r) for _ in range(count // len(grammars))]
        texts += [t for t, key in zip(made, asked(tool, made)) if key is not None]
    done = subprocess.run([tool, "hunt", "--format", "jsonl", "--no-summary", "-"], input="".join(t + "\n" for t in texts).encode(),
                          capture_output=True, timeout=600)
    told = {json.loads(row)["line"] for row in done.stdout.splitlines()}
    return [t for i, t in enumerate(texts, 1) if i not in told]


class Library:
    """The library's own substitutor, compiled once; asked(texts) as above."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        path = ":".join(JARS)
        subprocess.run(["javac", "-nowarn", "-cp", path, "-d", self.folder.name, os.path.join(HERE, "Substitute.java")], check=True,
                       capture_output=True)
        self.command = ["java", "-XX:TieredStopAtLevel=1", "-cp", path + ":" + self.folder.name, "Substitute"]

    def asked(self, texts):
        done = subprocess.run(self.command, input="".join(t + "\n" for t in texts).encode(), capture_output=True, timeout=600)
        rows = done.stdout.decode().split("\n")[:-1]
        if len(rows) != len(texts):
            raise SystemExit("the library: " + done.stderr.decode(errors="replace"))
        return [row.split("\t", 1)[1] if row.startswith("1\t") else None if row == "0" else row for row in rows]


def comparable(text):
    """Whether the versions agree on what the message meets."""
    try:
        (verdict, _), met = reference.evaluated(text)
    except reference.TooMuch:
        return False
    return verdict != "abort" and met.passes <= 1 and not met.later


def compare_library(tool, count, seed, grammars):
    library, compared, reached, wrong = Library(), 0, 0, []
    for name in grammars:
        r = random.Random("%s %s" % (seed, name))
        texts = [t for t in (messages.GRAMMARS[name](r) for _ in range(count // len(grammars))) if comparable(t)]
        want, got = library.asked(texts), asked(tool, texts)
        compared += len(texts)
        reached += sum(k is not None for k in want)
        wrong += [(name, t) for t, w, g in zip(texts, want, got) if w != g]
    return compared, reached, wrong, library


def main_library(a, seed, grammars):
    compared, reached, wrong, library = compare_library(a.tool, a.count, seed, grammars)
    print("seed %s: %d compared with the library, %d of them reach, %d disagree" % (seed, compared, reached, len(wrong)))
    for name, text in wrong[:SHOWN]:
        print("%s: %r\n  the library %r, got %r" % (name, text, library.asked([text])[0], asked(a.tool, [text])[0]))
    library.folder.cleanup()
    return 1 if wrong else 0


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--count", type=int, default=20000)
    p.add_argument("--seed", default=None, help="the time, when not given")
    p.add_argument("--grammar", choices=sorted(messages.GRAMMARS))
    p.add_argument("--tool", default=TOOL)
    p.add_argument("--java", action="store_true", help="the library itself instead of the plain implementation")
    a = p.parse_args()
    seed = a.seed if a.seed is not None else str(time.time_ns())
    grammars = [a.grammar] if a.grammar else sorted(messages.GRAMMARS)
    if a.java:
        return main_library(a, seed, grammars)
    compared, given_up, reached, wrong = compare(a.tool, a.count, seed, grammars)
    print("seed %s: %d compared, %d of them reach, %d given up, %d disagree" % (seed, compared, reached, given_up, len(wrong)))
    for name, text in wrong[:SHOWN]:
        small = shrink(text, lambda t: disagree(a.tool, t))
        print("%s: %s\n  smallest: %r\n  expected %r, got %r" % (name, text, small, expected(small), asked(a.tool, [small])[0]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
