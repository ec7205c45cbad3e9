"""hikeshi scan: archives made here, Debian's jars, and the sample jars where they exist."""
import csv, io, json, os, re, resource, subprocess, sys, tempfile, threading, time, unittest, zipfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jars import *

BUILD = os.environ.get("HIKESHI_BUILD", "build")
TOOL = os.path.join(BUILD, "hikeshi")
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../shared/data/jars")
MEMORY = 32 * 1024  # KiB
BOTH = {CVES[0]: "affected", CVES[1]: "affected"}
MITIGATED = {CVES[0]: "mitigated", CVES[1]: "mitigated"}


def run(*args, env=None, **how):
    e = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "LANG", "LC_ALL")}
    e["LANG"] = "C.UTF-8"
    e.update(env or {})
    return subprocess.run([TOOL, *args], capture_output=True, timeout=120, env=e, **how)


def scan(*args, **how):
    r = run("scan", "--format", "jsonl", *args, **how)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    return r.returncode, rows[:-1], rows[-1]["summary"] if rows else None


class Files(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.dir = self.tmp.name
        self.path = os.path.join(self.dir, "x")

    def tearDown(self):
        self.tmp.cleanup()

    def put(self, name, data):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def scan_bytes(self, data, *args):
        return scan(*args, self.put("x", data))

    def check(self, data, code, want=None, incomplete=None, name="x"):
        """One finding with at least these states, or none; a reason that must be given, or none."""
        path = self.put(name, data)
        got, found, summary = scan(path)
        os.unlink(path)
        self.assertEqual(got, code, (found, summary))
        if want is None:
            self.assertEqual(found, [])
        else:
            self.assertEqual(len(found), 1, found)
            for cve, state in want.items():
                self.assertEqual(found[0]["cves"].get(cve), state, found)
        reasons = " | ".join(x["reason"] for x in summary["incomplete"])
        if incomplete:
            self.assertIn(incomplete, reasons)
        else:
            self.assertEqual(summary["incomplete"], [])
        return found[0] if found else None


class Archives(Files):
    """What a zip may look like."""

    def test_forms(self):
        plain = core("2.14.1")
        lookup = ROOT + "/lookup/JndiLookup.class"
        descriptor = io.BytesIO()

        class Pipe(io.RawIOBase):  # zipfile writes data descriptors when it cannot seek
            def writable(self):
                return True

            def write(self, b):
                return descriptor.write(b)

        with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as z:
            for name, data in {POM: pom("2.14.1"), **classes()}.items():
                z.writestr(name, data)
        comment = io.BytesIO(plain)
        with zipfile.ZipFile(comment, "a") as z:
            z.comment = b"PK\5\6" + b"c" * 60000
        cases = {
            "plain": plain,
            "stored": jar({POM: pom("2.14.1"), **classes()}, stored=(POM, lookup)),
            "descriptors": descriptor.getvalue(),
            "script": b"#!/bin/sh\nexec java -jar $0\n" + plain,
            "windows program": b"MZ" + b"\x90" * 5000 + plain,
            "windows program, signed": b"MZ" + b"\x90" * 5000 + plain + b"\xa5" * 9000,
            "elf": b"\x7fELF" + b"\0" * 5000 + plain,
            "jmod": b"JM\1\0" + plain,
            "spanned marker": b"PK00" + plain,
            "trailing bytes": plain + b"\0" * 40000,
            "comment": comment.getvalue(),
            "zip64": zip64(plain),
            "zip64 without fields": zip64(plain, sizes=False),
            "zip64 behind a script": b"#!/bin/sh\n" + zip64(plain),
            "gap before the end record": plain[:plain.index(b"PK\5\6")] + b"g" * 70 + plain[plain.index(b"PK\5\6"):],
        }
        for name, data in cases.items():
            with self.subTest(name):
                self.check(data, 1, BOTH)

    def test_name_says_archive(self):
        # a preamble that nothing gives away: the name is believed enough to look at the end
        self.check(b"\0" * 5000 + core("2.14.1"), 1, BOTH, name="x.jar")
        self.check(b"no archive at all", 0, name="x.jar")

    def test_names_do_not_matter(self):
        for name in ("x", "x.jar.bak", "X.JAR", "x.png", "日本語.jar", "a b\nc"):
            with self.subTest(name):
                self.check(core("2.14.1"), 1, BOTH, name=name)

    def test_nested(self):
        data = core("2.14.1")
        for name in ("lib/a.jar", "b.war", "odd-name"):
            data = jar({name: data})
        code, found, summary = self.scan_bytes(b"#!/bin/sh\nexit\n" + data)
        self.assertEqual(code, 1)
        self.assertEqual(found[0]["path"], self.path + "!/odd-name!/b.war!/lib/a.jar")
        self.assertEqual(found[0]["cves"], {c: "affected" for c in CVES})
        self.assertEqual((summary["files"], summary["archives"]), (1, 4))

    def test_nested_stored_and_large(self):
        pad = os.urandom(9 << 20)  # more than is held in memory
        inner = jar({"pad": pad, **classes(), POM: pom("2.14.1")}, stored=("pad",))
        for stored in ((), ("i",)):
            with self.subTest(stored=stored):
                self.check(jar({"a": b"x" * 100, "i": inner}, stored=stored), 1, BOTH)

    def test_nested_with_preamble(self):
        for head in (b"#!/bin/sh\n", b"MZ\0\0", b"\x7fELF", b"JM\1\0"):
            with self.subTest(head):
                self.check(jar({"bin/tool": head + b"\0" * 100 + core("2.14.1")}), 1, BOTH)

    def test_depth(self):
        data = core("2.14.1")
        for _ in range(4):
            data = jar({"a.jar": data})
        self.assertEqual(self.scan_bytes(data, "--max-depth", "5")[0], 1)
        self.assertEqual(self.scan_bytes(data, "--max-depth", "4")[0], 1)
        code, found, summary = self.scan_bytes(data, "--max-depth", "3")
        self.assertEqual((code, found), (3, []))
        self.assertIn("nested deeper", summary["incomplete"][0]["reason"])

    def test_depth_64(self):
        data = core("2.14.1")
        for _ in range(64):
            data = jar({"a": data})
        code, found, _ = self.scan_bytes(data, "--max-depth", "64")
        self.assertEqual((code, found[0]["path"].count("!/")), (1, 64))
        self.assertEqual(self.scan_bytes(jar({"a": data}), "--max-depth", "64")[0], 3)


class Damaged(Files):
    """Nothing that was not read to the end is called clean."""

    def test_truncated(self):
        data = core("2.14.1")
        for n in range(4, len(data)):
            code, found, summary = self.scan_bytes(data[:n])
            self.assertTrue(code == 3 and summary["incomplete"], (n, code))

    def test_damaged_class(self):
        data = damage(core("2.14.1"), ROOT + "/lookup/JndiLookup.class")
        self.check(data, 1, {CVES[0]: "unknown", CVES[2]: "affected"}, "damaged")

    def test_bad_entry_first(self):
        data = jar({"decoy/net/JndiManager.class": b"x" * 50, POM: pom("2.14.1"), **classes()})
        at = central(data, "decoy/net/JndiManager.class")
        for what, new, reason in (("method", poke(data, at + 10, "<H", 15), "method"),
                                  ("crc", poke(data, at + 16, "<I", 1), "damaged"),
                                  ("local header", poke(data, at + 42, "<I", 7), "damaged"),
                                  ("outside", poke(data, at + 42, "<I", 0x7fffffff), "damaged"),
                                  ("size", poke(data, at + 24, "<I", 0xfffffff0), "limits"),
                                  ("shorter", poke(data, at + 24, "<I", 10), "damaged"),
                                  ("encrypted", poke(data, at + 8, "<H", 1), "encrypted")):
            with self.subTest(what):
                self.check(new, 1, BOTH, reason)

    def test_hostile_zip64(self):
        data = zip64(core("2.14.1"))
        at = central_at = data.rindex(b"PK\1\2")
        end = data.rindex(b"PK\6\6")
        huge = 1 << 62
        for what, new in (("directory size", poke(data, end + 40, "<Q", huge)),
                          ("directory offset", poke(data, end + 48, "<Q", huge)),
                          ("both", poke(data, end + 40, "<QQ", huge, huge)),
                          ("all ones", poke(data, end + 40, "<QQ", (1 << 64) - 1, (1 << 64) - 1)),
                          ("locator", poke(data, data.rindex(b"PK\6\7") + 8, "<Q", huge))):
            with self.subTest(what):
                code, found, summary = self.scan_bytes(new)
                self.assertTrue(code in (1, 3), (code, found))
                self.assertTrue(code == 1 or summary["incomplete"])
        extra = data.index(struct.pack("<HH", 1, 24), data.index(b"PK\1\2"))
        for what, new in (("size of 4 EiB", poke(data, extra + 4, "<Q", huge)),
                          ("packed of 4 EiB", poke(data, extra + 12, "<Q", huge)),
                          ("offset of 4 EiB", poke(data, extra + 20, "<Q", huge)),
                          ("field too short", poke(data, extra + 2, "<H", 8))):
            with self.subTest(what):
                code, found, summary = self.scan_bytes(new)
                self.assertTrue(code in (1, 3) and summary["incomplete"], (code, found))

    def test_encrypted_nested(self):
        data = jar({"payroll.jar": core("2.14.1")})
        self.check(poke(data, central(data, "payroll.jar") + 8, "<H", 1), 3, None, "encrypted")

    def test_two_archives(self):
        # one behind the other, or one in the comment of the other: the one that is not read is told
        clean, bad = jar({"a.txt": b"nothing here, and enough of it"}), core("2.14.1")
        comment = struct.pack("<H", len(clean)) + clean
        for what, data, found in (("comment", bad[:-2] + comment, 0), ("behind", bad + clean, 0),
                                  ("before", clean + bad, 1),
                                  ("longer comment", bad[:-2] + struct.pack("<H", len(clean) + 9) + clean + b"x" * 9, 1)):
            with self.subTest(what):
                code, got, summary = self.scan_bytes(data)
                self.assertEqual(len(got), found)
                self.assertEqual(code, 1 if found else 3)
                self.assertIn("two archives", summary["incomplete"][0]["reason"])

    def test_overlap_bomb(self):
        # 400 entries over the same packed megabyte, each an archive by its head
        inner = jar({"zeros": b"\0" * (1 << 20)})
        one = jar({"a.jar": inner})
        start = one.index(b"PK\1\2")
        record = one[start:one.rindex(b"PK\5\6")]
        data = one[:start] + record * 400 + b"PK\5\6" + struct.pack(
            "<HHHHIIH", 0, 0, 400, 400, len(record) * 400, start, 0)
        began = time.monotonic()
        code, found, summary = self.scan_bytes(data)
        self.assertEqual((code, found), (3, []))
        self.assertIn("overlap", summary["incomplete"][0]["reason"])
        self.assertLess(summary["archives"], 10)
        self.assertLess(time.monotonic() - began, 10)

    def test_quine_like(self):
        # an archive in itself, stored: cheap to enter, so only the depth ends it
        self.assertEqual(self.scan_bytes(jar({"a": jar({"a": jar({"b": b"x" * 50})})}))[0], 0)


class Evidence(Files):
    """What is said of a copy, and why."""

    def test_versions(self):
        cases = [
            (dict(), "2.14.1", [1, 1, 1, 1]),
            (dict(manager=MANAGER_2_15), "2.15.0", [0, 1, 1, 1]),
            (dict(manager=MANAGER_2_15 + ["isJndiEnabled"]), "2.16.0", [0, 0, 1, 1]),
            (dict(lookup=LOOKUP_FIXED, manager=MANAGER_2_17), "2.17.0", [0, 0, 0, 1]),
            (dict(lookup=LOOKUP_FIXED, manager=MANAGER_2_17_1), "2.17.1", [0, 0, 0, 0]),
            (dict(lookup=LOOKUP[:2], manager=None), "2.0-beta9", [1, 1, 1, 1]),
        ]
        for how, version, want in cases:
            for named in (True, False):
                with self.subTest(version=version, named=named):
                    files = classes(**how)
                    if named:
                        files[POM] = pom(version)
                    _, found, summary = self.scan_bytes(jar(files))
                    self.assertEqual(len(found), 1)
                    for cve, affected in zip(CVES, want):
                        state = found[0]["cves"][cve]
                        if affected:
                            self.assertIn(state, ("affected",) if named else ("affected", "unknown"))
                        else:
                            self.assertIn(state, ("fixed",) if named else ("fixed", "unknown"))
                    self.assertEqual(found[0]["version"], version if named else None)
                    self.assertEqual(found[0]["version_from"], "pom.properties" if named else "classes")

    def test_mitigated(self):
        f = self.check(core("2.14.1", lookup=None), 1, {**MITIGATED, CVES[2]: "affected"})
        self.assertIn("JndiLookup.class is not in it", f["evidence"])

    def test_relocated(self):
        f = self.check(jar(classes(root="jp/aoba/shaded/log4j")), 1, BOTH)
        self.assertEqual(f["prefix"], "jp/aoba/shaded/log4j")
        self.assertIn("its package lies at jp/aoba/shaded/log4j", f["evidence"])
        self.assertIn("no pom.properties and no manifest names it", f["evidence"])

    def test_two_copies_two_verdicts(self):
        data = jar({**classes(root="a/core", lookup=None), **classes(root="b/core")})
        _, found, _ = self.scan_bytes(data)
        self.assertEqual({f["prefix"]: f["cves"][CVES[0]] for f in found},
                         {"a/core": "mitigated", "b/core": "affected"})

    def test_obfuscated(self):
        # renamed as ProGuard does: only its constants tell, and the name file says to look
        hidden = {"a/b/c.class": class_bytes("a/b/c", LOOKUP + ["x" * 300])}
        _, found, _ = self.scan_bytes(jar({POM: pom("2.14.1"), **hidden}))
        self.assertEqual(found[0]["cves"][CVES[0]], "affected")
        self.assertTrue(any("a/b/c.class has the constants of JndiLookup.class" in e
                            for e in found[0]["evidence"]))

    def test_endings(self):
        for ending in (".classdata", ".esclazz"):
            with self.subTest(ending):
                self.check(jar({**classes(root="inst/core", ending=ending)}), 1, BOTH)

    def test_put_out_of_use(self):
        files = classes(lookup=None)
        files[ROOT + "/lookup/JndiLookup.class.bak"] = class_bytes(ROOT + "/lookup/JndiLookup", LOOKUP)
        self.check(jar({POM: pom("2.14.1"), **files}), 1, MITIGATED)

    def test_other_class_of_that_name(self):
        other = {"x/lookup/JndiLookup.class": class_bytes("x/lookup/JndiLookup", ["jndi", "other"])}
        self.check(jar(other), 0)
        other = {"x/lookup/JndiLookup.class": class_bytes("x/lookup/Other", LOOKUP)}
        self.check(jar(other), 0)
        self.check(jar({"x/net/SocketServer.class": class_bytes("x/net/SocketServer", [])}), 0)

    def test_manifest(self):
        names = manifest(Bundle_SymbolicName=ROOT.replace("/", "."), Implementation_Version="2.14.1")
        f = self.check(jar({"META-INF/MANIFEST.MF": names, **classes()}), 1, BOTH)
        self.assertEqual((f["version"], f["version_from"]), ("2.14.1", "manifest"))
        folded = "Manifest-Version: 1.0\r\nBundle-SymbolicName: org.apache.log\r\n ging.log4j.core;a=b\r\n" \
                 "Bundle-Version: 2.1\r\n 4.1\r\n\r\nName: x\r\nBundle-Version: 9\r\n"
        f = self.check(jar({"META-INF/MANIFEST.MF": folded, **classes()}), 1, BOTH)
        self.assertEqual(f["version"], "2.14.1")
        # sources and documentation have the manifest and no classes
        self.check(jar({"META-INF/MANIFEST.MF": names, "Thing.java": b"class Thing {}" * 9}), 0)

    def test_names_that_lie(self):
        f = self.check(core("2.17.1"), 1, BOTH)
        self.assertTrue(any("2.17.1, but its classes are of another" in e for e in f["evidence"]))
        self.assertIsNone(f["version"])
        f = self.check(core("${project.version}"), 1, BOTH)
        self.assertIsNone(f["version"])
        self.assertEqual(self.scan_bytes(jar({POM: pom("2.14.1", artifact="log4j-api")}))[1], [])

    def test_forks(self):
        # the same classes in two components: the one that is named counts
        root = "org/apache/log4j"
        files = {root + "/net/JMSAppender.class":
                 class_bytes(root + "/net/JMSAppender", ["getTopicConnectionFactoryBindingName"])}
        _, found, _ = self.scan_bytes(jar(files))
        self.assertEqual([f["component"] for f in found], ["log4j"])
        files["META-INF/maven/ch.qos.reload4j/reload4j/pom.properties"] = pom("1.2.25", "ch.qos.reload4j", "reload4j")
        code, found, _ = self.scan_bytes(jar(files))
        self.assertEqual([f["component"] for f in found], ["reload4j"])
        self.assertEqual((code, set(found[0]["cves"].values())), (0, {"fixed"}))

    def test_never_reported(self):
        root = "META-INF/maven/org.apache.logging.log4j/"
        self.check(jar({root + "log4j-api/pom.properties": pom("2.14.1", artifact="log4j-api"),
                        root + "log4j-1.2-api/pom.properties": pom("2.14.1", artifact="log4j-1.2-api"),
                        "org/apache/logging/log4j/Logger.class": class_bytes("org/apache/logging/log4j/Logger", [])}), 0)

    def test_multi_release(self):
        files = classes()
        files["META-INF/versions/9/" + ROOT + "/net/JndiManager.class"] = class_bytes(ROOT + "/net/JndiManager", MANAGER)
        _, found, _ = self.scan_bytes(jar(files))
        self.assertEqual(len(found), 1)


class Folders(Files):
    def test_unpacked(self):
        for name, data in {POM: pom("2.14.1"), **classes()}.items():
            self.put("app/classes/" + name, data)
        code, found, summary = scan(self.dir)
        self.assertEqual((code, len(found)), (1, 1))
        self.assertEqual(found[0]["path"], os.path.join(self.dir, "app/classes", ROOT))
        self.assertEqual(found[0]["version"], "2.14.1")
        os.unlink(os.path.join(self.dir, "app/classes", ROOT, "lookup/JndiLookup.class"))
        _, found, _ = scan(self.dir)
        self.assertEqual(found[0]["cves"][CVES[0]], "mitigated")

    def test_two_unpacked(self):
        for root, version in (("a", "2.14.1"), ("b/c", "2.17.1")):
            how = {} if root == "a" else dict(lookup=LOOKUP_FIXED, manager=MANAGER_2_17_1)
            for name, data in {POM: pom(version), **classes(**how)}.items():
                self.put(root + "/" + name, data)
        _, found, _ = scan(self.dir)
        self.assertEqual(sorted((f["version"], f["cves"][CVES[0]]) for f in found),
                         [("2.14.1", "affected"), ("2.17.1", "fixed")])

    def test_links_are_not_followed(self):
        inside, outside = os.path.join(self.dir, "in"), self.put("out/x.jar", core("2.14.1"))
        os.mkdir(inside)
        os.symlink(outside, os.path.join(inside, "l.jar"))
        os.symlink(os.path.dirname(outside), os.path.join(inside, "d"))
        os.symlink(inside, os.path.join(inside, "loop"))
        self.assertEqual(scan(inside)[0], 0)
        link = os.path.join(self.dir, "given")
        os.symlink(outside, link)
        self.assertEqual(scan(link)[0], 1)  # a link that is named is followed

    def test_special_files(self):
        os.mkfifo(os.path.join(self.dir, "fifo"))
        self.put("x.jar", core("2.14.1"))
        self.assertEqual(scan(self.dir)[0], 1)

    def test_permission(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become nobody")
        self.put("closed/x.jar", core("2.14.1"))
        secret = self.put("open/x.jar", core("2.14.1"))
        os.chmod(self.dir, 0o755)
        os.chmod(os.path.join(self.dir, "closed"), 0)
        os.chmod(secret, 0)
        tool = os.path.join(self.dir, "hikeshi")
        with open(TOOL, "rb") as f, open(tool, "wb") as t:
            t.write(f.read())
        os.chmod(tool, 0o755)
        r = subprocess.run([tool, "scan", "--format", "jsonl", self.dir], capture_output=True, timeout=60,
                           user=65534, group=65534, extra_groups=[])
        summary = json.loads(r.stdout.splitlines()[-1])["summary"]
        self.assertEqual(r.returncode, 3)
        self.assertEqual(sorted(os.path.relpath(x["path"], self.dir) for x in summary["incomplete"]),
                         ["closed", "open/x.jar"])
        self.assertTrue(all("permission denied" in x["reason"] for x in summary["incomplete"]))
        os.chmod(os.path.join(self.dir, "closed"), 0o755)

    def test_deep_folders(self):
        path = self.dir
        fd = os.open(path, os.O_RDONLY)
        for _ in range(600):
            os.mkdir("d", dir_fd=fd)
            new = os.open("d", os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = new
        os.close(fd)
        code, _, summary = scan(self.dir)
        self.assertEqual(code, 3)
        self.assertIn("nested too deep", summary["incomplete"][0]["reason"])
        subprocess.run(["rm", "-rf", os.path.join(self.dir, "d")], check=True)

    def test_changes_meanwhile(self):
        # a jar that grows while it is read, over and over, is caught at least once
        data = core("2.14.1")
        big = jar({"pad%d" % i: os.urandom(200) for i in range(20000)})
        path, stop = self.put("x.jar", big), threading.Event()

        def write():
            while not stop.is_set():
                with open(path, "ab") as f:
                    f.write(b"\0")
        t = threading.Thread(target=write)
        t.start()
        try:
            reasons = set()
            for _ in range(100):
                reasons |= {x["reason"] for x in scan(path)[2]["incomplete"]}
                if reasons:
                    break
        finally:
            stop.set()
            t.join()
        self.assertTrue(reasons)

    def mounted(self, commands, *args):
        """Scans with mounts that only this process sees; None where mounting is not allowed."""
        line = " && ".join(commands + ["exec %s scan --format jsonl %s" % (os.path.abspath(TOOL), " ".join(args))])
        r = subprocess.run(["unshare", "-m", "sh", "-c", line], capture_output=True, timeout=60)
        if not r.stdout.strip():
            self.skipTest("cannot mount here: %s" % r.stderr.decode().strip())
        rows = [json.loads(x) for x in r.stdout.splitlines()]
        return rows[:-1], rows[-1]["summary"]

    def test_overlay_is_not_read_twice(self):
        for name in ("all/lower", "all/upper", "all/work", "all/merged", "elsewhere"):
            os.makedirs(os.path.join(self.dir, name))
        self.put("all/lower/a.jar", core("2.14.1"))
        self.put("all/upper/b.jar", core("2.14.1"))
        self.put("elsewhere/c.jar", core("2.14.1"))
        base = self.dir + "/all"
        mount = "mount -t tmpfs t %s/work && mkdir %s/work/u %s/work/w && mount -t overlay o -o lowerdir=%%s,upperdir=%s/work/u," \
                "workdir=%s/work/w %s/merged" % ((base,) * 6)
        found, summary = self.mounted([mount % (base + "/lower:" + base + "/upper")], base)
        self.assertEqual(sorted(f["path"] for f in found), [base + "/lower/a.jar", base + "/upper/b.jar"])
        self.assertEqual([x["path"] for x in summary["skipped"]], [base + "/merged"])
        # a layer that lies elsewhere would be missed: then the merged view is walked
        found, summary = self.mounted([mount % (self.dir + "/elsewhere")], base)
        self.assertIn(base + "/merged/c.jar", [f["path"] for f in found])
        self.assertEqual(summary["skipped"], [])
        # and where it is named itself
        found, _ = self.mounted([mount % (base + "/lower")], base + "/merged")
        self.assertEqual([f["path"] for f in found], [base + "/merged/a.jar"])

    def test_kernel_tables_are_passed_over(self):
        self.put("x.jar", core("2.14.1"))
        place = os.path.join(self.dir, "p")
        os.mkdir(place)
        found, summary = self.mounted(["mount -t proc proc " + place], self.dir)
        self.assertEqual([x["path"] for x in summary["skipped"]], [place])
        self.assertEqual((len(found), summary["incomplete"]), (1, []))


class Output(Files):
    def test_jsonl_contract(self):
        path = self.put("日本 語.jar", core("2.14.1"))
        code, found, summary = scan("--host", "web-01", path)
        self.assertEqual(list(found[0]), ["path", "component", "version", "version_from", "version_range",
                                          "prefix", "cves", "evidence"])
        self.assertEqual(found[0]["path"], path)
        self.assertEqual((summary["host"], summary["paths"], summary["findings"]), ("web-01", [path], 1))
        for key in ("files", "archives", "bytes", "started", "ended", "tool", "profile", "profile_revision",
                    "incomplete_count", "incomplete", "skipped"):
            self.assertIn(key, summary)
        self.assertRegex(summary["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertLessEqual(summary["started"], summary["ended"])
        # machine formats speak English, whatever the language
        r = run("scan", "--format", "jsonl", path, env={"LANG": "ja_JP.UTF-8"})
        self.assertEqual(json.loads(r.stdout.splitlines()[0])["evidence"], found[0]["evidence"])

    def test_hostile_names(self):
        data = jar({"a\x1b[31m\u202eb\r\n,=1+1.jar": core("2.14.1")})
        path = self.put("x", data)
        for form in ("table", "jsonl", "csv", "sarif"):
            out = run("scan", "--format", form, path).stdout
            self.assertNotIn(b"\x1b", out, form)
        self.assertNotIn("\u202e".encode(), run("scan", path).stdout)
        json.loads(run("scan", "--format", "sarif", path).stdout)

    def test_csv(self):
        path = self.put("x.jar", core("2.14.1"))
        bad = self.put("y.jar", core("2.14.1")[:200])
        r = run("scan", "--format", "csv", "--host", "=cmd()", path, bad)
        rows = list(csv.DictReader(io.StringIO(r.stdout.decode(), newline="")))
        self.assertEqual(r.returncode, 1)
        self.assertEqual([x["kind"] for x in rows], ["finding", "not fully examined"])
        self.assertEqual((rows[0]["path"], rows[0][CVES[0]], rows[0]["version"]), (path, "affected", "2.14.1"))
        self.assertEqual(rows[1]["path"], bad)
        self.assertEqual(rows[0]["host"], "'=cmd()")

    def test_sarif(self):
        path = self.put("a b#日.jar", jar({"i.jar": core("2.14.1", lookup=None)}))
        bad = self.put("y.jar", core("2.14.1")[:200])
        log = json.loads(run("scan", "--format", "sarif", path, bad).stdout)
        check_sarif(self, log)
        result = log["runs"][0]["results"][0]
        self.assertEqual(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
                         "file://" + path.replace(" ", "%20").replace("#", "%23").replace("日", "%E6%97%A5"))
        self.assertEqual(result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], path + "!/i.jar")
        notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
        self.assertEqual(len(notes), 1)
        check_sarif(self, json.loads(run("scan", "--format", "sarif", bad).stdout))

    def test_table(self):
        deep = self.put("deploy/labelsuite-application-server.ear",
                        jar({"print.war": jar({"WEB-INF/lib/aoba-common-all.jar": core("2.14.1")})}))
        r = run("scan", self.dir, env={"COLUMNS": "80"})
        out = r.stdout.decode()
        self.assertTrue(out.startswith("AFFECTED   log4j-core 2.14.1     CVE-2021-44228 CVE-2021-45046"), out)
        self.assertIn("\n  %s\n    !/print.war\n      !/WEB-INF/lib/aoba-common-all.jar\n" % deep, out)
        self.assertIn("1 affected   0 mitigated   0 fixed   0 unknown\n", out)
        lines = [x for x in out.splitlines() if self.dir not in x]
        self.assertTrue(all(len(x) <= 80 for x in lines), out)
        wide = run("scan", self.dir, env={"COLUMNS": "120"}).stdout.decode()
        self.assertTrue(wide.startswith("VERDICT    COMPONENT"), wide)
        self.assertRegex(wide, r"AFFECTED   log4j-core +CVE-2021-44228  affected +/")
        self.assertTrue(all(len(x) <= 120 for x in wide.splitlines() if self.dir not in x), wide)

    def test_table_nothing(self):
        out = run("scan", self.put("x.jar", jar({"a": b"b"}))).stdout.decode()
        self.assertEqual(out, "NOTHING FOUND of log4shell in 1 file, 1 archive, all read to the end\n")
        r = run("scan", self.put("y.jar", core("2.14.1")[:300]))
        self.assertEqual(r.returncode, 3)
        self.assertTrue(r.stdout.decode().startswith(
            "NOT FULLY EXAMINED: nothing was found in what could be read, 1 place could not\n"), r.stdout)

    def test_table_japanese(self):
        r = run("scan", self.put("x.jar", core("2.14.1", lookup=None)), env={"LANG": "ja_JP.UTF-8"})
        out = r.stdout.decode()
        self.assertTrue(out.startswith("影響あり"), out)
        self.assertIn("緩和済み", out)
        self.assertIn("判定の根拠", out)
        self.assertIn("JndiLookup.class が含まれていない", re.sub(r"\n +", "", out))
        self.assertNotRegex(out, r"\b(affected|how known|names version|files)\b")
        err = run("scan", "/no/such", env={"LANG": "ja_JP.UTF-8"}).stderr.decode()
        self.assertIn("/no/such", err)
        self.assertNotIn("no such file", err)

    def test_colour(self):
        path = self.put("x.jar", core("2.14.1"))
        self.assertNotIn(b"\x1b", run("scan", path).stdout)
        self.assertIn(b"\x1b[1;31mAFFECTED\x1b[0m", run("scan", "--colour=always", path).stdout)
        self.assertIn(b"\x1b[1;31mAFFECTED", run("scan", "--color=always", path, env={"NO_COLOR": "1"}).stdout)
        plain = run("scan", path).stdout
        painted = re.sub(rb"\x1b\[[0-9;]*m", b"", run("scan", "--colour=always", path).stdout)
        strip = lambda s: re.sub(rb"[0-9.]+ s", b"", s)
        self.assertEqual(strip(plain), strip(painted))

    def test_on_a_terminal(self):
        import pty
        for i in range(300):
            self.put("d/%d.txt" % i, b"x")
        path = self.put("x.jar", core("2.14.1"))
        for env, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
            pid, fd = pty.fork()
            if pid == 0:
                for k in ("NO_COLOR", "COLUMNS"):
                    os.environ.pop(k, None)
                os.environ.update({"TERM": "xterm", "LANG": "C", **env})
                os.execv(TOOL, [TOOL, "scan", self.dir])
            out = b""
            while True:
                try:
                    more = os.read(fd, 65536)
                except OSError:
                    break
                if not more:
                    break
                out += more
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1)
            os.close(fd)
            self.assertEqual(b"\x1b[1;31mAFFECTED" in out, colour)
            self.assertIn(b"profile log4shell r", out)

    def test_incomplete_list(self):
        for i in range(15):
            self.put("%02d.jar" % i, core("2.14.1")[:200])
        short = run("scan", self.dir).stdout.decode()
        self.assertEqual(short.count("begins as a zip"), 10)
        self.assertIn("and 5 more. List them with --incomplete", short)
        self.assertEqual(run("scan", "--incomplete", self.dir).stdout.decode().count("begins as a zip"), 15)

    def test_wrong_usage(self):
        for args, message in (
                (["/opt/lable"], "hikeshi: /opt/lable: no such file or directory\n"),
                (["--format", "xml", "/opt"], "hikeshi: --format xml: choose one of table, jsonl, csv, sarif\n"),
                ([], "hikeshi: name at least one path, for example: hikeshi scan /\n"),
                (["--profile", "spring4shel", "/opt"],
                 "hikeshi: profile spring4shel: not found; there are log4shell\n"),
                (["--max-depth", "65", "/opt"], "hikeshi: --max-depth 65: choose one of 1 ... 64\n"),
                (["--max-depth", "0", "/opt"], "hikeshi: --max-depth 0: choose one of 1 ... 64\n"),
                (["--colour", "red", "/opt"], "hikeshi: --colour red: choose one of auto, always, never\n")):
            with self.subTest(args):
                r = run("scan", *args)
                self.assertEqual((r.returncode, r.stdout, r.stderr.decode()), (2, b"", message))
        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("nonsense").returncode, 2)

    def test_help(self):
        for env, word in (({}, b"usage: hikeshi scan"), ({"LANG": "ja_JP.UTF-8"}, "使い方".encode())):
            r = run("scan", "--help", env=env)
            self.assertEqual((r.returncode, r.stderr), (0, b""))
            self.assertIn(word, r.stdout)
        self.assertEqual(run("--help").returncode, 0)
        self.assertTrue(run("--version").stdout.startswith(b"hikeshi "))

    def test_lists_of_paths(self):
        a, b = self.put("a b.jar", core("2.14.1")), self.put("c.jar", core("2.14.1"))
        r = run("scan", "--format", "jsonl", "--files-from", "-", input=(a + "\n" + b + "\n").encode())
        self.assertEqual(len(r.stdout.splitlines()), 3)
        r = run("scan", "--format", "jsonl", "-0", "--files-from", "-", input=(a + "\0" + b + "\0").encode())
        self.assertEqual(len(r.stdout.splitlines()), 3)
        r = run("scan", "--format", "jsonl", "--files-from", "-", input=b"")
        self.assertEqual((r.returncode, len(r.stdout.splitlines())), (0, 1))

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            r = subprocess.run([TOOL, "scan", self.put("x.jar", core("2.14.1"))], stdout=full, stderr=subprocess.PIPE)
        self.assertNotIn(r.returncode, (0, 1))
        self.assertTrue(r.stderr)


def check_sarif(test, log):
    """What SARIF 2.1.0 asks of the parts that are used (sections in parentheses)."""
    test.assertEqual(log["version"], "2.1.0")  # 3.13.2
    test.assertEqual(set(log), {"$schema", "version", "runs"})
    for one in log["runs"]:
        driver = one["tool"]["driver"]
        test.assertTrue(driver["name"])  # 3.19.8
        ids = [r["id"] for r in driver["rules"]]
        test.assertEqual(len(ids), len(set(ids)))
        for rule in driver["rules"]:
            test.assertLessEqual(set(rule), {"id", "shortDescription", "fullDescription", "properties"})
            test.assertTrue(rule["shortDescription"]["text"])
        for result in one["results"]:
            test.assertTrue(result["message"]["text"])  # 3.27.11
            test.assertEqual(ids[result["ruleIndex"]], result["ruleId"])  # 3.27.5, 3.27.6
            test.assertIn(result["kind"], ("pass", "open", "informational", "notApplicable", "review", "fail"))
            if result["kind"] != "fail":
                test.assertEqual(result["level"], "none")  # 3.27.10
            else:
                test.assertIn(result["level"], ("warning", "error", "note"))
            for place in result["locations"]:
                uri = place["physicalLocation"]["artifactLocation"]["uri"]
                test.assertRegex(uri, r"^[!-~]+$")
        for call in one["invocations"]:
            test.assertIn("executionSuccessful", call)  # 3.20.14
            for key in ("startTimeUtc", "endTimeUtc"):  # 3.9
                test.assertRegex(call[key], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
            for note in call["toolExecutionNotifications"]:
                test.assertTrue(note["message"]["text"])  # 3.58.5
                test.assertIn(note["level"], ("none", "note", "warning", "error"))


class Real(unittest.TestCase):
    def test_debian(self):
        for path, component, version, want in (
                ("/usr/share/java/log4j-core.jar", "log4j-core", None, {"fixed"}),
                ("/usr/share/java/log4j-1.2-1.2.17.jar", "log4j", "1.2.17", {"affected", "mitigated"})):
            self.assertTrue(os.path.exists(path), "packaging/debian-packages.txt has its package")
            _, found, summary = scan(path)
            self.assertEqual([f["component"] for f in found], [component])
            self.assertEqual(set(found[0]["cves"].values()), want)
            self.assertEqual(summary["incomplete"], [])
            if version:
                self.assertEqual(found[0]["version"], version)

    def test_debian_others_are_clean(self):
        folder = "/usr/share/java"
        others = [os.path.join(folder, f) for f in os.listdir(folder)
                  if not os.path.islink(os.path.join(folder, f)) and f.endswith(".jar")
                  and f not in ("log4j-core.jar", "log4j-1.2-1.2.17.jar")
                  and "reload4j" not in f and "logback" not in f]
        code, found, summary = scan(*others)
        self.assertEqual((code, found, summary["incomplete"]), (0, [], []))

    @unittest.skipUnless(os.path.exists(SAMPLES), "the sample jars are not here")
    def test_samples(self):
        with open(os.path.join(SAMPLES, "expected.tsv")) as rows:
            lines = [x.rstrip("\n").split("\t") for x in rows if not x.startswith("#")]
        for f in lines:
            began = time.monotonic()
            code, found, summary = scan(os.path.join(SAMPLES, f[0]))
            self.assertLess(time.monotonic() - began, 20, f[0])
            for cve, want in zip(CVES, f[1:5]):
                got = any(x["cves"].get(cve) == "affected" for x in found)
                if want != "?":
                    self.assertEqual(got, want == "A", (f[0], cve, found))
            if "not fully examined" in f[5]:
                self.assertTrue(summary["incomplete"], f[0])
            self.assertEqual(code == 1, any("affected" in x["cves"].values() for x in found))

    @unittest.skipUnless(os.path.exists(SAMPLES), "the sample jars are not here")
    def test_samples_memory(self):
        for name in sorted(os.listdir(SAMPLES)):
            with tempfile.NamedTemporaryFile() as report:
                subprocess.run(["/usr/bin/time", "-f", "%M", "-o", report.name, TOOL, "scan",
                                os.path.join(SAMPLES, name)], stdout=subprocess.DEVNULL)
                used = int(report.read().split()[-1])
            self.assertLess(used, MEMORY, name)


if __name__ == "__main__":
    unittest.main()
