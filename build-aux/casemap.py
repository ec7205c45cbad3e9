#!/usr/bin/env python3
"""casemap.py OUT - writes the tables of full Unicode 13 case mapping (src/lookup/casemap_table.h).

Python's str.lower and str.upper follow the Unicode Character Database and SpecialCasing.txt, of
version 14 in Python 3.11 and later ones after it; letters that came after version 13 are left out
by the ranges below. Run by hand when the tables are to be made again; the result is kept in the
tree, so that a build does not depend on the Python at hand.
"""
import sys
import unicodedata

# Cased letters that Unicode 14 brought (DerivedAge.txt).
NEWER = [(0x2C2F, 0x2C2F), (0x2C5F, 0x2C5F), (0xA7C0, 0xA7C1), (0xA7D0, 0xA7D1), (0xA7D3, 0xA7D3),
         (0xA7D5, 0xA7D9), (0x10570, 0x105BC)]


def known(cp):
    return not any(a <= cp <= b for a, b in NEWER)


def rows(change):
    single, many = [], []
    for cp in range(0x80, 0x110000):
        if 0xD800 <= cp < 0xE000 or not known(cp):
            continue
        to = change(chr(cp))
        if to == chr(cp) or not all(known(ord(c)) for c in to):
            continue
        if len(to) == 1:
            single.append((cp, ord(to)))
        else:
            many.append((cp, [ord(c) for c in to]))
    return single, many


def ranges(pairs):
    """(first, last, step, delta): neighbours that map by the same distance, each or every second."""
    out = []
    for cp, to in pairs:
        if out:
            first, last, step, delta = out[-1]
            gap = cp - last
            if to - cp == delta and gap in (1, 2) and step in (0, gap):
                out[-1] = (first, cp, gap, delta)
                continue
        out.append((cp, cp, 0, to - cp))
    return [(a, b, s or 1, d) for a, b, s, d in out]


def flags(test):
    out = []
    for cp in range(0x110000):
        if 0xD800 <= cp < 0xE000 or not known(cp) or not test(chr(cp)):
            continue
        if out and out[-1][1] == cp - 1:
            out[-1][1] = cp
        else:
            out.append([cp, cp])
    return out


def cased(c):
    return unicodedata.category(c) in ("Lu", "Ll", "Lt") or c.lower() != c or c.upper() != c \
        or c in "\u00aa\u00ba"


def ignorable(c):
    return unicodedata.category(c) in ("Mn", "Me", "Cf", "Lm", "Sk") or c in "'\u00b7\u2018\u2019\u2024\u2027.:"


def main():
    with open(sys.argv[1], "w", encoding="ascii") as f:
        f.write("/* Made by build-aux/casemap.py: full case mapping of Unicode 13 above ASCII. */\n"
                "/* clang-format off */\n")
        for name, change in (("lower", str.lower), ("upper", str.upper)):
            single, many = rows(change)
            f.write("static const struct case_range %s_ranges[] = {\n" % name)
            for r in ranges(single):
                f.write("    {0x%x, 0x%x, %d, %d},\n" % r)
            f.write("};\nstatic const struct case_many %s_many[] = {\n" % name)
            for cp, to in many:
                f.write("    {0x%x, {%s}},\n" % (cp, ", ".join("0x%x" % c for c in to)))
            f.write("};\n")
        for name, test in (("cased", cased), ("ignorable", ignorable)):
            f.write("static const uint32_t %s_ranges[][2] = {\n" % name)
            for a, b in flags(test):
                f.write("    {0x%x, 0x%x},\n" % (a, b))
            f.write("};\n")
        f.write("/* clang-format on */\n")


main()
