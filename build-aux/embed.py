#!/usr/bin/env python3
"""embed.py PREFIX ROOT OUT [DEPFILE] - turns every file under ROOT into a row of a C table.

The table is `const struct embed_file PREFIX_files[]`, sorted by name (the path below ROOT), with
`const size_t PREFIX_file_count`. See src/base/embed.h.
"""
import os
import sys


def main():
    prefix, root, out = sys.argv[1:4]
    names = []
    for folder, dirs, files in os.walk(root):
        dirs.sort()
        names += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    names.sort()
    with open(out, "w", encoding="ascii") as c:
        c.write('#include "base/embed.h"\n')
        for i, name in enumerate(names):
            with open(os.path.join(root, name), "rb") as f:
                data = f.read()
            c.write("static const uint8_t data_%d[] = {" % i)
            for at in range(0, len(data), 20):
                c.write("\n" + "".join("%d," % b for b in data[at:at + 20]))
            c.write("0};\n")
        c.write("extern const struct embed_file %s_files[];\n" % prefix)
        c.write("extern const size_t %s_file_count;\n" % prefix)
        c.write("const struct embed_file %s_files[] = {\n" % prefix)
        for i, name in enumerate(names):
            c.write('    {"%s", data_%d, sizeof(data_%d) - 1},\n' % (name, i, i))
        c.write("    {0, 0, 0}};\nconst size_t %s_file_count = %d;\n" % (prefix, len(names)))
    if len(sys.argv) > 4:
        os.makedirs(os.path.dirname(sys.argv[4]) or ".", exist_ok=True)
        with open(sys.argv[4], "w") as d:
            d.write(out + ": " + " ".join(os.path.join(root, n) for n in names) + "\n")


main()
