#!/usr/bin/env python3
"""catalogues.py PO WORK OUT DEPFILE - compiles PO/LANG/*.po to one catalogue per language (LANG.mo)
and embeds them as `catalogues_files` (see embed.py).

A language's texts may lie in several files, one per area; a text that two of them have is taken from
the first in order of names. The folders are dependencies too, so that a new file is noticed.
"""
import os
import subprocess
import sys


def main():
    po, work, out, dep = sys.argv[1:5]
    seen = [po]
    os.makedirs(work, exist_ok=True)
    for old in os.listdir(work):
        os.remove(os.path.join(work, old))
    for lang in sorted(os.listdir(po)):
        folder = os.path.join(po, lang)
        if not os.path.isdir(folder):
            continue
        files = sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".po"))
        seen += [folder] + files
        text = subprocess.run(["msgcat", "--use-first", *files], check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["msgfmt", "--check-format", "-o", os.path.join(work, lang + ".mo"), "-"],
                       input=text, check=True)
    embed = os.path.join(os.path.dirname(os.path.abspath(__file__)), "embed.py")
    subprocess.run([sys.executable, embed, "catalogues", work, out], check=True)
    with open(dep, "w", encoding="utf-8") as d:
        d.write(out + ": " + " ".join(seen) + "\n")


main()
