#!/usr/bin/env python3
"""assets.py ROOT OUT.c OUT.h DEPFILE - embeds what the web pages load: every file under ROOT.

OUT.h names them: enum asset_id {ASSET_STYLE_CSS, ASSET_VENDOR_HTMX_MIN_JS, …}; OUT.c holds the table `assets` in that
order (src/board/web/assets.h), each with its type, the hash that stands in its address, and a gzip form where that is
smaller. Licence texts beside the files are embedded too, so that they travel with the program.
"""
import gzip
import hashlib
import os
import re
import sys

TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}


def c_bytes(name, data):
    rows = ["".join("%d," % b for b in data[at:at + 24]) for at in range(0, len(data), 24)]
    return "static const uint8_t %s[] = {\n%s};\n" % (name, "\n".join(rows) or "0")


def main():
    root, out_c, out_h, depfile = sys.argv[1:5]
    names, folders = [], []
    for folder, dirs, files in os.walk(root):
        folders.append(folder)
        dirs.sort()
        names += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    names.sort()
    data, rows, ids = [], [], []
    for i, name in enumerate(names):
        kind = TYPES.get(os.path.splitext(name)[1])
        if kind is None:
            sys.exit("%s/%s: what is its type? Add it to TYPES in build-aux/assets.py" % (root, name))
        with open(os.path.join(root, name), "rb") as f:
            plain = f.read()
        packed = gzip.compress(plain, 9, mtime=0)
        digest = hashlib.sha256(plain).hexdigest()[:16]
        packed = packed if len(packed) < len(plain) else b""
        data.append(c_bytes("plain_%d" % i, plain) + c_bytes("packed_%d" % i, packed))
        rows.append('    {"%s", "%s", "%s",\n     "/assets/%s/%s",\n     {plain_%d, %d}, {packed_%d, %d}},\n'
                    % (name, kind, digest, digest, name, i, len(plain), i, len(packed)))
        ids.append("    ASSET_%s, /* %s */\n" % (re.sub(r"\W", "_", name).upper(), name))
    with open(out_c, "w", encoding="ascii") as c:
        c.write('#include "board/web/assets.h"\n\n' + "".join(data))
        c.write("const struct asset assets[ASSET_COUNT] = {\n" + "".join(rows) + "};\n")
    with open(out_h, "w", encoding="ascii") as h:
        h.write("/* Made by build-aux/assets.py. */\n#ifndef HIKESHI_BOARD_WEB_ASSETS_LIST_H\n"
                "#define HIKESHI_BOARD_WEB_ASSETS_LIST_H\n\nenum asset_id {\n" + "".join(ids) +
                "    ASSET_COUNT\n};\n\n#endif\n")
    with open(depfile, "w", encoding="utf-8") as d:
        d.write(out_c + ": " + " ".join(folders + [os.path.join(root, n) for n in names]) + "\n")


if __name__ == "__main__":
    main()
