"""hikeshi scan on archives made here, on Debian's jars, and on the sample jars where they exist."""
import io, json, os, subprocess, tempfile, unittest, zipfile

BUILD = os.environ.get("HIKESHI_BUILD", "build")
TOOL = os.path.join(BUILD, "hikeshi")
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../shared/data/jars")
POM = "META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties"
# identical to the patched 2.1 but for one class that nothing loads; the sample list calls it clean
LOOKALIKE = "similarbutnotvuln.jar"


def scan(*args):
    r = subprocess.run([TOOL, "scan", "--format", "jsonl", *args], capture_output=True, timeout=60)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    return r.returncode, rows[:-1], rows[-1]["summary"]


def jar(files):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return b.getvalue()


def core(version):
    return jar({POM: "groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=%s\n" % version,
                "org/apache/logging/log4j/core/lookup/JndiLookup.class":
                b"\xca\xfe\xba\xbe\x01\x00\x04jndi\x01\x00\x06Lookup"
                b"\x01\x00\x24Error looking up JNDI resource [{}]."})


class Scan(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.tmp.name, "x")

    def tearDown(self):
        self.tmp.cleanup()

    def scan_bytes(self, data, *args):
        with open(self.path, "wb") as f:
            f.write(data)
        return scan(*args, self.path)

    def test_nested_with_preamble(self):
        data = core("2.14.1")
        for name in ("lib/a.jar", "b.war", "odd-name"):
            data = jar({name: data})
        code, found, _ = self.scan_bytes(b"#!/bin/sh\nexit\n" + data)
        self.assertEqual(code, 1)
        self.assertEqual(found[0]["path"], self.path + "!/odd-name!/b.war!/lib/a.jar")
        self.assertEqual(found[0]["cves"]["CVE-2021-44228"], "affected")

    def test_depth(self):
        data = core("2.14.1")
        for _ in range(4):
            data = jar({"a.jar": data})
        self.assertEqual(self.scan_bytes(data, "--max-depth", "4")[0], 1)
        self.assertEqual(self.scan_bytes(data, "--max-depth", "3")[0], 3)

    def test_truncated_is_never_clean(self):
        data = core("2.14.1")
        for n in range(4, len(data)):
            code, found, summary = self.scan_bytes(data[:n])
            self.assertTrue(code == 3 and summary["incomplete"], (n, code))

    def test_damaged_class(self):
        data = bytearray(core("2.14.1"))
        entry = zipfile.ZipFile(io.BytesIO(data)).infolist()[1]
        at = entry.header_offset + 30 + len(entry.filename) + entry.compress_size - 8
        data[at:at + 8] = bytes(x ^ 0x5a for x in data[at:at + 8])
        code, found, summary = self.scan_bytes(bytes(data))
        self.assertTrue(code in (1, 3) and summary["incomplete"], code)

    def test_debian(self):
        path = "/usr/share/java/log4j-core.jar"
        if not os.path.exists(path):
            self.skipTest("liblog4j2-java is not installed")
        code, found, _ = scan(path)
        self.assertEqual(code, 0)
        self.assertEqual(set(found[0]["cves"].values()), {"fixed"})

    def test_samples(self):
        if not os.path.exists(SAMPLES):
            self.skipTest("the sample jars are not here")
        cves = ["CVE-2021-44228", "CVE-2021-45046", "CVE-2021-45105", "CVE-2021-44832"]
        with open(os.path.join(SAMPLES, "expected.tsv")) as rows:
            lines = list(rows)
        for line in lines:
            f = line.rstrip("\n").split("\t")
            if line.startswith("#"):
                continue
            _, found, _ = scan(os.path.join(SAMPLES, f[0]))
            for cve, want in zip(cves[:2] if f[0] == LOOKALIKE else cves, f[1:5]):
                got = any(x["cves"].get(cve) == "affected" for x in found)
                if want != "?":
                    self.assertEqual(got, want == "A", (f[0], cve, found))


unittest.main()
