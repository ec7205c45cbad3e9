"""What a message does in the substitution, as plainly as it can be said: docs/lookups.md, rule by rule, by recursion over
Python strings. Slow and obvious on purpose; it shares nothing with src/lookup but the rules, so that a mistake in one of
them shows. message(text) gives ("reach", key), ("not", None) or ("abort", None); TooMuch where it does not end soon."""

JAVA = {"version", "runtime", "vm", "os", "hw", "locale"}
DEFAULTS = {"hostName": "host", "contextName": "ctx"}
KNOWN = {"env": {"HOME": "/root"}, "sys": {"path.separator": ":", "file.separator": "/"},
         "event": {"Level": "INFO", "ThreadName": "main", "ThreadId": "1", "Logger": "L", "Timestamp": "1639000000000"}}
# SimpleDateFormat in English at 2021-12-08 21:46:40 UTC: letter -> text by the length of its run
NUMBERS = {"d": 8, "H": 21, "k": 21, "h": 9, "K": 9, "m": 46, "s": 40, "S": 0, "D": 342, "F": 2, "w": 50, "W": 2, "u": 3}
FALLBACK = "12/8/21, 9:46 PM"


class Reach(Exception):
    pass


class Abort(Exception):
    pass


class TooMuch(Exception):
    pass


def units(text, at):
    return sum(2 if ord(c) > 0xffff else 1 for c in text[:at])


def date_field(letter, n):
    if letter in NUMBERS:
        return str(NUMBERS[letter]).zfill(n)
    if letter in "yY":
        return "21" if n == 2 else "2021".zfill(n)
    if letter in "ML":
        return "12".zfill(n) if n < 3 else "Dec" if n == 3 else "December"
    if letter == "E":
        return "Wed" if n < 4 else "Wednesday"
    if letter == "X":
        return "Z" if n < 4 else None
    return {"a": "PM", "G": "AD", "Z": "+0000", "z": "UTC" if n < 4 else "Coordinated Universal Time"}.get(letter)


def date(pattern):
    out, i, quoted = "", 0, False
    while i < len(pattern):
        c = pattern[i]
        if pattern.startswith("''", i):
            out, i = out + "'", i + 2
        elif c == "'":
            quoted, i = not quoted, i + 1
        elif not quoted and c.isascii() and c.isalpha():
            n = 1
            while pattern[i + n:i + n + 1] == c:
                n += 1
            field = date_field(c, n)
            if field is None:
                return FALLBACK
            out, i = out + field, i + n
        else:
            out, i = out + c, i + 1
    return FALLBACK if quoted else out


class Message:
    def __init__(self, text, most):
        self.text, self.left = text, most
        self.passes = 0
        self.later = False  # something was met that later versions, or another host, do otherwise

    def spend(self, n=1):
        self.left -= n
        if self.left < 0:
            raise TooMuch

    def resolve(self, name):
        if ":" not in name:
            return DEFAULTS.get(name)
        prefix, key = name.split(":", 1)
        prefix = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in prefix)
        self.later |= prefix in ("date", "java") or prefix in KNOWN
        if prefix == "jndi":
            raise Reach(key)
        if prefix == "lower":
            return key.lower()
        if prefix == "upper":
            return key.upper()
        if prefix == "date":
            return date(key)
        if prefix == "java":
            if key not in JAVA:
                raise Abort
            return "<java %s>" % key
        if prefix == "event" and key == "Message":
            return self.text
        value = KNOWN.get(prefix, {}).get(key)
        return value if value is not None else DEFAULTS.get(key)

    @staticmethod
    def split(e):
        i = min((at for at in (e.find(":\\-"), e.find(":-")) if at >= 0), default=-1)
        if i < 0:
            return e, None
        if e.startswith(":-", i):
            return e[:i], e[i + 2:]
        before, behind = e[:i + 1], e[i + 3:]
        j = behind.find(":-")
        return (before + "-" + behind, None) if j < 0 else (before + behind[:j], behind[j + 2:])

    def closing(self, s, p):
        depth, i = 0, p + 2
        while i < len(s):
            self.spend()
            if s.startswith("${", i):
                depth, i = depth + 1, i + 2
                continue
            if s[i] == "}":
                if depth == 0:
                    return i
                depth -= 1
            i += 1
        return -1

    def region(self, s, chain):
        out, p = "", 0
        while p < len(s):
            self.spend()
            if not s.startswith("${", p):
                out, p = out + s[p], p + 1
                continue
            if out.endswith("$"):
                out, p = out + "{", p + 2
                continue
            q = self.closing(s, p)
            if q < 0:
                return out + s[p:]
            name, default = self.split(self.region(s[p + 2:q], ()))
            if name in chain:
                raise Abort
            value = self.resolve(name)
            if value is None:
                value = default
            self.later |= "${" in (value or "")
            out += s[p:q + 1] if value is None else self.region(value, chain + (name,))
            p = q + 1
        return out

    def run(self):
        text, index = self.text, -1
        while True:
            p = text.find("${")
            while p >= 0 and units(text, p) <= index:
                p = text.find("${", p + 1)
            if p < 0:
                return
            index = units(text, p)
            self.passes += 1
            made = self.region(text, ())
            if made == text:
                return
            text = made


def message(text):
    return evaluated(text)[0]


def evaluated(text):
    """The verdict, and the message that was evaluated with what was met on the way."""
    m = Message(text, 12 * len(text) + 1500)
    return verdict(m), m


def verdict(m):
    try:
        m.run()
        return "not", None
    except Reach as reach:
        return "reach", reach.args[0]
    except Abort:
        return "abort", None
    except RecursionError:
        raise TooMuch
