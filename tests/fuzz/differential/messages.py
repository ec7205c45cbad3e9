"""Fresh messages of several grammars. Each grammar takes a random.Random and gives one message; all are valid UTF-8 without
line breaks."""

PREFIXES = ["lower", "upper", "env", "sys", "date", "java", "event", "ctx", "main", "zz", "jndi", "JNDI", "jNdI", "base64", "Lower",
            "UPPER", "DATE", "hostName", "bundle", "", ":", " jndi", "map", "k8s"]
KEYS = ["", "x", "j", "J", "nd", "i", ":", "-", "hostName", "contextName", "HOME", "path.separator", "file.separator", "Level", "ThreadId",
        "Message", "version", "vm", "yyyy", "'j'", "''", "'", "n", "ldap://x/a", "X_Q1", "é", "ı", "İ", "ſ", "ﬁ", "ß", "K", "ΑΣ", "Σ", "😀",
        "$", "{", "MMMM", "XXX", "XXXX", "hh:mm", "\\-", "ǰ", "dž"]
SOUP = ["${", "${", "${", "}", "}", "}", "$", "{", ":", "-", ":-", ":\\-", "\\", "j", "n", "d", "i", "jndi", "jndi:", "q", "a", "lower:", "upper:",
        "date:", "java:", "env:", "sys:path.separator", "event:Message", "event:Level", "hostName", "::-", "é", "😀", "ı", "'", " ", "/"]
TINY = ["${", "}", "$", "{", "q", ":-", "${:-$}", "${jndi:x}", "${q}", "${a"]


def soup(r):
    return "".join(r.choice(SOUP) for _ in range(r.randint(1, 28)))


def tiny(r):
    return "".join(r.choice(TINY) for _ in range(r.randint(3, 12)))


def plain(r):
    return r.choice(["", " ", "a", "j", "n", "d", "i", "$", "$$", "$$$", "}", "{", ":", "-", ":-", "é", "😀", "\\", "ldap", "x/y"])


def inside(r, depth):
    kind = r.random()
    name = r.choice(PREFIXES) + r.choice([":", ":", ":", ""])
    key = r.choice(KEYS) if r.random() < .6 or depth <= 0 else tree(r, depth - 1)
    default = r.choice([":-", ":-", ":\\-"]) + (tree(r, depth - 1) if depth > 0 and r.random() < .5 else r.choice(KEYS))
    return name + key + (default if kind < .45 else "")


def tree(r, depth):
    parts = []
    for _ in range(r.randint(1, 3)):
        kind = r.random()
        if kind < .35:
            parts.append(plain(r))
        elif kind < .92:
            parts.append("${" + inside(r, depth) + "}")
        elif kind < .96:
            parts.append("$${" + inside(r, depth) + "}")
        else:
            parts.append("${" + inside(r, depth))
    return "".join(parts)


def trees(r):
    return tree(r, r.randint(0, 3))


def spell(r, letter, depth):
    """The letter as attackers write it."""
    way = r.randrange(12)
    inner = spell(r, letter, depth - 1) if depth > 0 and way > 5 else letter
    return [letter, "${lower:%s}" % inner.upper(), "${upper:%s}" % inner, "${::-%s}" % inner, "${env:X_Q1:-%s}" % inner, "${a:\\-b:-%s}" % inner,
            "${date:'%s'}" % letter, "${lower:%s}" % inner, "${:-%s}" % inner, "${zz:x:y:-%s}" % inner, "${upper:%s:-j${q}}" % inner, "${date:'%s':${:-:}-q}" % letter][way]


def payload(r):
    word = "".join(spell(r, c, 2) if r.random() < .7 else c for c in "jndi:")
    if r.random() < .1:
        word = word.replace("i", r.choice(["${upper:ı}", "ı", "${lower:İ}"]), 1)
    key = r.choice(["ldap://x/a", "dns:${q}", "", "rmi://${env:USER}.x", "${sys:file.separator}", "x:-y", "\\-z"])
    body = r.choice(["", "$", "$$", "a ", "😀", "${", "${a", "}"]) + "${" + word + key + "}" * r.choice([1, 1, 1, 1, 0, 2])
    return body + r.choice(["", "", " ${q}", "${::-z}", "${q}${r}", "$${q}", "é${}"])


def dollars(r):
    """Escapes and passes: what a pass makes, and whether another one follows."""
    parts = []
    for _ in range(r.randint(1, 6)):
        parts.append("$" * r.randrange(5) + r.choice(["${jndi:a}", "${q}", "${::-$}", "${::-$${q}}", "{jndi:b}", "${:-}", "${lower:$}", "${::-${", "}",
                                                      "${a ${jndi:c}", "${upper:ß😀}", "${lower:${q}}"]))
        parts.append(r.choice(["", "", " ", "é", "😀", "$"]))
    return "".join(parts)


def values(r):
    """Values that hold variables: chains and cycles."""
    text = r.choice(["${jndi:a}", "j", "$", "${::-b}", "${x:-c}", "${a:-}", ""])
    for _ in range(r.randint(1, 5)):
        name = r.choice([":", "a", "x:", "b:c", "", "${::-a}"])
        text = r.choice(["${%s:-%s}", "$${%s:-%s}", "${%s:-$%s}", "a${%s:-%s}$", "${%s:-$$%s}", "${%s:\\-%s}"]) % (name, text)
    return text + r.choice(["", "${q}", "${jndi:z}"])


GRAMMARS = {"soup": soup, "tiny": tiny, "trees": trees, "payload": payload, "dollars": dollars, "values": values}
