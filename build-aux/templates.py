#!/usr/bin/env python3
"""templates.py - turns the board's page templates into C. docs/templates.md describes the language.

  templates.py compile IN.html OUT.c OUT.h HEADER_NAME   one template file (HEADER_NAME: how OUT.c includes OUT.h)
  templates.py extract IN.html...                        the marked texts as a .pot on standard output
  templates.py check-po IN.po...                         translations use the placeholders of their source

A fault in a template is one line "FILE:LINE: sentence" on standard error and exit 1.

What runs at build time reads only files of this tree, so nothing here is a defence against hostile
input: the rules (quoted attributes, no script, no style, balanced tags) are what makes escaping by
context right, and a value's type decides the rest when the C is compiled (src/board/web/html.h).
"""
import re
import sys

VOID = set("area base br col embed hr img input link meta param source track wbr".split())
FOREIGN = {"svg", "math"}  # self-closing tags and capitals are right inside these
PLAIN_TEXT = {"title", "textarea", "option"}  # hold text only
KEEP_SPACE = {"pre", "textarea"}
REFUSED_TAGS = set("applet base embed frame frameset iframe noscript object plaintext style xmp".split())
URL_ATTRIBUTES = set("""href src action formaction poster cite data background manifest ping xlink:href
    hx-get hx-post hx-put hx-patch hx-delete hx-push-url hx-replace-url sse-connect ws-connect""".split())
REFUSED_ATTRIBUTES = {
    "style": "style is not allowed: use a class (Content-Security-Policy)",
    "srcdoc": "srcdoc is not allowed", "http-equiv": "http-equiv is not allowed: headers are set by the server",
}
# What a value could make into a program, into JSON, or into several addresses.
NO_VALUES = set("hx-vals hx-vars hx-headers hx-request hx-trigger hx-ext srcset imagesrcset".split())
# A word begins a directive when a space or nothing follows; a value may be called time or date.
WORD = re.compile(r"(include|template|local|opens|closes|end|if|elif|else|for|let|call|tr|trc|trn|trblock|part"
                  r"|time|date|clock|age|attr)(?=\s|$)")
STANDALONE = set("include template local opens closes end if elif else for let call trblock part".split())
ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]*|#[0-9]+|#[xX][0-9A-Fa-f]+);")
PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


class Fault(Exception):
    def __init__(self, line, text):
        super().__init__(text)
        self.line = line


# --- pieces: literal text and {{directives}}


def directive_end(text, at, line):
    """The index of the }} that closes a directive whose content begins at `at`; C literals and braces are skipped."""
    depth = 0
    i = at
    while i < len(text):
        c = text[i]
        if c in "\"'":
            m = re.compile(c + r"(?:[^\\\n" + c + r"]|\\.)*" + c).match(text, i)
            if not m:
                raise Fault(line, "a literal is not closed in this directive")
            i = m.end()
            continue
        if c == "{":
            depth += 1
        elif c == "}":
            if depth == 0 and text.startswith("}}", i):
                return i
            depth -= 1
        i += 1
    raise Fault(line, "{{ is not closed")


def begins_line(text, at):
    return at == 0 or text[at - 1] == "\n"


def split_pieces(text):
    """[(line, is_code, content, begins_line)]. A line that holds nothing but one block directive leaves nothing."""
    pieces = []
    at = 0
    while True:
        start = text.find("{{", at)
        if start < 0:
            pieces.append((1 + text.count("\n", 0, at), False, text[at:], begins_line(text, at)))
            return pieces
        line = 1 + text.count("\n", 0, start)
        if text[start + 2:start + 3] == "#":
            end = text.find("}}", start)
            if end < 0:
                raise Fault(line, "{{# is not closed")
        else:
            end = directive_end(text, start + 2, line)
        code = text[start + 2:end].strip()
        word = re.match(r"#|[a-z]*", code).group()
        before, after = text[at:start], end + 2
        bol = before.rfind("\n") + 1
        rest = re.compile(r"[ \t]*(?:\n|$)").match(text, after)
        alone = not before[bol:].strip() and (bol or begins_line(text, at))
        if rest and alone and (word in STANDALONE or word == "#"):
            before, after = before[:bol], rest.end()
        pieces.append((1 + text.count("\n", 0, at), False, before, begins_line(text, at)))
        if word != "#":
            pieces.append((line, True, code, False))
        at = after


def take_literal(code, line):
    m = LITERAL.match(code)
    if not m:
        raise Fault(line, 'a text in "quotes" is expected here')
    if re.search(r'\\[^"\\n]', m.group(1)):
        raise Fault(line, r'a text may hold the escapes \" \\ and \n only')
    return m.group(1), code[m.end():].lstrip()


def split_named(code, line):
    """'a=x->y b=f(1, 2)' as [(a, 'x->y'), (b, 'f(1, 2)')]; names are looked for outside of literals and brackets."""
    if not code:
        return []
    starts = []
    depth = 0
    i = 0
    while i < len(code):
        c = code[i]
        if c in "\"'":
            i = re.compile(c + r"(?:[^\\" + c + r"]|\\.)*" + c).match(code, i).end()
            continue
        depth += (c in "([{") - (c in ")]}")
        m = re.compile(r"([a-z_][a-z0-9_]*)=(?!=)").match(code, i)
        if m and depth == 0 and (i == 0 or code[i - 1].isspace()):
            starts.append((i, m.end(), m.group(1)))
            i = m.end()
            continue
        i += 1
    if not starts or starts[0][0] != 0:
        raise Fault(line, "name=value is expected after the text")
    ends = [s[0] for s in starts[1:]] + [len(code)]
    named = [(name, code[v:e].strip()) for (_, v, name), e in zip(starts, ends)]
    for name, value in named:
        if not value:
            raise Fault(line, name + "= has no value")
    if len({n for n, _ in named}) != len(named):
        raise Fault(line, "a name is given twice")
    return named


class Text:
    """A marked text: {{tr …}}, {{trc …}}, {{trn …}} or {{trblock …}}."""

    def __init__(self, word, code, line):
        self.context = self.many = self.count = None
        if word == "trn":
            at = code.find('"')
            if at < 1:
                raise Fault(line, '{{trn COUNT "one" "many" …}} is expected')
            self.count, code = code[:at].strip().rstrip(","), code[at:]
        if word == "trc":
            self.context, code = take_literal(code, line)
        self.text, code = take_literal(code, line)
        if word == "trn":
            self.many, code = take_literal(code, line)
        if not self.text:
            raise Fault(line, "the text is empty")
        self.named = split_named(code, line)
        self.line = line
        self.wanted = set(PLACEHOLDER.findall(self.text + (self.many or "")))

    def check(self, names, line):
        for name in sorted(self.wanted - set(names)):
            raise Fault(line, "{%s} stands in the text and has no value" % name)
        for name in sorted(set(names) - self.wanted):
            raise Fault(line, "%s= does not stand in the text" % name)

    def c(self):
        if self.many is not None:
            return 'TN(h->lang, "%s", "%s", (int64_t)(%s))' % (self.text, self.many, self.count)
        if self.context is not None:
            return 'TC(h->lang, "%s", "%s")' % (self.context, self.text)
        return 'T(h->lang, "%s")' % self.text


# --- HTML and C together

TEXT, TAG, TAG_END, VALUE = "text", "tag", "tag_end", "value"  # tag_end: a space or > must follow
URL_START, URL_SLASH, URL_HOST, URL_REST, URL_UNSURE = "start", "slash", "host", "rest", "unsure"


class Block:
    def __init__(self, kind, line, entry, end="}"):
        self.kind, self.line, self.entry, self.end = kind, line, entry, end
        self.exits = []  # the state at the end of each branch
        self.has_else = False
        self.text = self.parts = self.seen = self.slot = None


class Compiler:
    def __init__(self, path, text):
        self.path, self.source = path, text
        self.includes, self.prototypes, self.locals, self.body = [], [], [], []
        self.texts = []
        self.literal = ""
        self.blocks = []
        self.serial = 0
        self.begins_line = True
        self.left_open = None  # tags that {{opens}} left for {{closes}}
        self.reset([])

    def reset(self, stack):
        self.state, self.stack = TEXT, list(stack)
        self.tag = self.attribute = self.quote = None
        self.attributes = frozenset()
        self.url = None
        self.url_text = ""

    # what must be the same where branches meet
    def snapshot(self):
        return (self.state, tuple(self.stack), self.tag, self.attribute, self.quote, self.attributes, self.url,
                self.url_text)

    def restore(self, s):
        (self.state, stack, self.tag, self.attribute, self.quote, self.attributes, self.url, self.url_text) = s
        self.stack = list(stack)

    # --- output

    def flush(self):
        text, self.literal = self.literal, ""
        while text:
            part, text = text[:400], text[400:]
            data = part.encode("utf-8")
            c = "".join({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "?": "\\?"}.get(ch, ch) for ch in part)
            self.body.append('    html_literal(h, "%s", %d);' % (c, len(data)))

    def code(self, line, c):
        self.flush()
        self.body.append('#line %d "%s"' % (line, self.path))
        self.body.append("    " + c)

    # --- literal text

    def feed(self, line, text):
        at = 0
        while at < len(text):
            here = line + text.count("\n", 0, at)
            if not self.blocks:
                stray = re.compile(r"\s*").match(text, at).end()
                if stray < len(text):
                    raise Fault(line + text.count("\n", 0, stray), "text outside of a {{template}}")
                return
            if self.blocks[-1].kind == "trblock":
                if text[at:].strip():
                    raise Fault(here, "text between the parts of a {{trblock}}")
                return
            step = {TEXT: self.feed_text, TAG: self.feed_tag, TAG_END: self.feed_tag, VALUE: self.feed_value}
            at = step[self.state](here, text, at)

    def collapse(self, s, begins):
        """Line breaks with the space around them become one line feed; indentation goes."""
        if KEEP_SPACE & set(self.stack):
            return s
        if begins:
            s = s.lstrip(" \t")
        return re.sub(r"[ \t]*\n\s*", "\n", s)

    def check_entities(self, line, s):
        for m in re.finditer("&", s):
            if not ENTITY.match(s, m.start()):
                raise Fault(line + s.count("\n", 0, m.start()), "write &amp; for &")

    def feed_text(self, line, text, at):
        end = text.find("<", at)
        end = len(text) if end < 0 else end
        if end > at:
            self.check_entities(line, text[at:end])
            if self.stack and self.stack[-1] == "script":
                raise Fault(line, "script with content is not allowed: put it into a file (Content-Security-Policy)")
            self.literal += self.collapse(text[at:end], at == 0 and self.begins_line)
            return end
        if text.startswith("<!--", at):
            end = text.find("-->", at)
            if end < 0:
                raise Fault(line, "a comment is not closed, or an expression stands inside it")
            return end + 3
        m = re.compile(r"<!doctype html>", re.I).match(text, at)
        if m:
            self.literal += "<!doctype html>"
            return m.end()
        m = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)").match(text, at)
        if not m:
            raise Fault(line, "write &lt; for <, or write the name of a tag without an expression")
        return self.close_tag(line, text, m) if m.group(1) else self.open_tag(line, text, m)

    def name_ok(self, line, name):
        if name != name.lower() and not FOREIGN & set(self.stack):
            raise Fault(line, "<%s>: names of tags are written small" % name)

    def open_tag(self, line, text, m):
        name = m.group(2)
        self.name_ok(line, name)
        if self.stack and self.stack[-1] in PLAIN_TEXT | {"script"}:
            raise Fault(line, "<%s> inside <%s>" % (name, self.stack[-1]))
        if name in REFUSED_TAGS:
            raise Fault(line, "<%s> is not allowed" % name)
        self.tag, self.attributes, self.state = name, frozenset(), TAG_END
        self.literal += "<" + name
        return m.end()

    def close_tag(self, line, text, m):
        name = m.group(2)
        if text[m.end():m.end() + 1] != ">":
            raise Fault(line, "</%s> is not finished" % name)
        floor = self.blocks[-1].entry[1] if self.blocks else ()
        if not self.stack or self.stack[-1] != name:
            raise Fault(line, "</%s> closes <%s>" % (name, self.stack[-1]) if self.stack
                        else "</%s> closes nothing" % name)
        if len(self.stack) <= len(floor) and self.blocks[-1].kind != "closes":
            raise Fault(line, "</%s> closes a tag that was opened outside of this block" % name)
        self.stack.pop()
        self.literal += "</%s>" % name
        return m.end() + 1

    def feed_tag(self, line, text, at):
        m = re.compile(r"\s+").match(text, at)
        if m:
            if self.state == TAG_END and text[m.end():m.end() + 1] not in (">", "/"):
                self.literal += " "
            self.state = TAG
            return m.end()
        m = re.compile(r"/?>").match(text, at)
        if m:
            return self.finish_tag(line, m)
        m = re.compile(r"[^\s\"'<>/=]+").match(text, at)
        if not m:
            raise Fault(line, "%r is not expected inside a tag" % text[at])
        if self.state == TAG_END:
            raise Fault(line, "a space is missing before %r" % m.group())
        name = m.group()
        self.check_attribute(line, name)
        self.attributes |= {name}
        self.literal += name
        if text[m.end():m.end() + 1] != "=":
            self.state = TAG_END
            return m.end()
        self.quote = text[m.end() + 1:m.end() + 2]
        if self.quote not in ("'", '"'):
            raise Fault(line, '%s= has no quotes: write %s="…"' % (name, name))
        self.attribute, self.state = name, VALUE
        self.url = URL_START if name in URL_ATTRIBUTES else None
        self.url_text = ""
        self.literal += "=" + self.quote
        return m.end() + 2

    def check_attribute(self, line, name):
        if name != name.lower() and self.tag not in FOREIGN and not FOREIGN & set(self.stack):
            raise Fault(line, "%s: names of attributes are written small" % name)
        low = name.lower()
        if low.startswith("on") or low.startswith("hx-on") or low.startswith("data-hx-"):
            raise Fault(line, "%s is not allowed: put script into a file (Content-Security-Policy)" % name)
        if low in REFUSED_ATTRIBUTES:
            raise Fault(line, REFUSED_ATTRIBUTES[low])
        if not re.fullmatch(r"[a-z_][a-z0-9_:.-]*", low):
            raise Fault(line, "%s is not the name of an attribute" % name)
        if name in self.attributes:
            raise Fault(line, "%s is given twice" % name)

    def finish_tag(self, line, m):
        if m.group() == "/>" and self.tag not in VOID and not FOREIGN & set(self.stack) and self.tag not in FOREIGN:
            raise Fault(line, "<%s/>: only an empty element may end with />" % self.tag)
        if self.tag == "script" and "src" not in self.attributes:
            raise Fault(line, "script without src is not allowed (Content-Security-Policy)")
        if m.group() == ">" and self.tag not in VOID:
            self.stack.append(self.tag)
        self.literal += "/>" if m.group() == "/>" and self.tag not in VOID else ">"
        if self.tag == "textarea":
            self.literal += "\n"  # the parser drops the first line feed, which else would be the value's
        self.state, self.tag = TEXT, None
        return m.end()

    def feed_value(self, line, text, at):
        end = text.find(self.quote, at)
        stop = len(text) if end < 0 else end
        value = text[at:stop]
        self.check_entities(line, value)
        value = re.sub(r"\s*\n\s*", " ", value)
        if self.url is not None and value:
            self.follow_url(line, value)
        self.literal += value
        if end < 0:
            return stop
        self.literal += self.quote
        self.state, self.attribute, self.url = TAG_END, None, None
        return end + 1

    def follow_url(self, line, value):
        """What a literal piece of an address makes of the place after it."""
        if self.url == URL_UNSURE and re.search(r"[?#]", value):
            self.url = URL_REST  # whatever the branches wrote, here begins the query
        if self.url in (URL_REST, URL_UNSURE):
            return
        self.url_text += value
        if re.match(r"\s*(javascript|data|vbscript):", self.url_text, re.I):
            raise Fault(line, "an address of this kind is not allowed")
        if self.url_text == "/":
            self.url = URL_SLASH
        elif re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]*:)?(//[^/?#]*)?", self.url_text):
            self.url = URL_HOST
        else:
            self.url = URL_REST

    # --- directives

    def place_name(self):
        return {TAG: "among the attributes of a tag", TAG_END: "inside the name of a tag or an attribute"}[self.state]

    def mode(self, line):
        """The enum html_mode of values here, where an address is not meant."""
        if self.state == VALUE:
            if self.attribute in NO_VALUES:
                raise Fault(line, "a value may not stand in " + self.attribute)
            if self.url is not None:
                return "URL"
            return "HTML_VALUE" if self.attribute == "value" else "HTML_PLAIN"
        if self.state != TEXT:
            raise Fault(line, "a value may not stand " + self.place_name())
        if self.stack and self.stack[-1] == "script":
            raise Fault(line, "a value may not stand in script")
        if self.stack and self.stack[-1] in PLAIN_TEXT:
            return "HTML_VALUE" if self.stack[-1] == "textarea" else "HTML_PLAIN"
        return "HTML_TEXT"

    def expression(self, line, expr):
        mode = self.mode(line)
        macro = {"HTML_TEXT": "html_put", "HTML_PLAIN": "html_put_plain", "HTML_VALUE": "html_put_value"}.get(mode)
        if mode == "URL":
            if self.url == URL_HOST:
                raise Fault(line, "a value may not choose the host or the scheme: use one struct html_url")
            if self.url == URL_UNSURE:
                raise Fault(line, "whether this value begins the address depends on a branch before it")
            macro = {URL_START: "html_put_url", URL_SLASH: "html_put_url_number",
                     URL_REST: "html_put_url_part"}[self.url]
            self.url = URL_REST
        self.code(line, "%s(h, (%s));" % (macro, expr))

    def translated(self, word, code, line):
        text = Text(word, code, line)
        text.check([n for n, _ in text.named], line)
        self.texts.append(text)
        mode = self.mode(line)
        if mode == "URL":
            raise Fault(line, "a translated text may not stand in an address")
        if not text.named:
            self.code(line, "html_translate(h, %s, %s, NULL, 0);" % (mode, text.c()))
            return
        self.serial += 1
        self.code(line, "{ const struct html_arg a%d_[] = {%s};" % (self.serial, self.arguments(text, mode)))
        self.code(line, "html_translate(h, %s, %s, a%d_, %d); }" % (mode, text.c(), self.serial, len(text.named)))

    def arguments(self, text, mode):
        make = "html_arg" if mode == "HTML_TEXT" else "html_plain_arg"
        return ", ".join('%s("%s", (%s))' % (make, name, value) for name, value in text.named)

    def open_block(self, kind, line, c, end="}"):
        self.code(line, c)
        self.blocks.append(Block(kind, line, self.snapshot(), end))

    def leave_branch(self, line):
        """The end of one branch: it must leave the page where it found it."""
        b = self.blocks[-1]
        state, stack = self.state, tuple(self.stack)
        want_state, want_stack = b.entry[0], b.entry[1]
        inside = {TAG, TAG_END}
        if stack != want_stack:
            more = [t for t in stack[len(want_stack):]] or ["…"]
            raise Fault(line, "<%s> is not closed in the block that began in line %d" % (more[-1], b.line))
        if state != want_state and not {state, want_state} <= inside:
            raise Fault(line, "the block that began in line %d ends inside a tag or an attribute" % b.line)
        if state == VALUE and self.attribute != b.entry[3]:
            raise Fault(line, "the block that began in line %d ends in another attribute" % b.line)
        b.exits.append(self.snapshot())
        self.restore(b.entry)

    def meet(self, b):
        """Where the branches of a block come together."""
        exits = b.exits + ([] if b.has_else else [b.entry])
        self.restore(exits[0])
        if TAG_END in [e[0] for e in exits]:
            self.state = TAG_END
        self.attributes = frozenset().union(*[e[5] for e in exits])
        if len({e[6] for e in exits}) > 1:
            self.url = URL_UNSURE

    def directive(self, line, code):
        if not code:
            raise Fault(line, "an empty directive")
        m = WORD.match(code)
        word, rest = (m.group(1), code[m.end():].strip()) if m else ("expression", code)
        if word not in ("include", "template", "local", "opens", "closes") and not self.blocks:
            raise Fault(line, "this stands outside of a {{template}}")
        if self.blocks and self.blocks[-1].kind == "trblock" and word not in ("part", "end"):
            raise Fault(line, "only {{part NAME}} may stand directly in a {{trblock}}")
        getattr(self, "do_" + word)(line, rest)

    def do_expression(self, line, code):
        self.expression(line, code)

    def do_include(self, line, code):
        if self.blocks:
            raise Fault(line, "{{include}} stands at the top of the file")
        name, rest = take_literal(code, line)
        if rest:
            raise Fault(line, "unexpected: " + rest)
        self.includes.append(name)

    def begin_function(self, line, code, kind):
        m = re.fullmatch(r"([a-z_][a-z0-9_]*)\s*\((.*)\)", code, re.S)
        if not m:
            raise Fault(line, "{{%s name(parameters)}} is expected" % kind)
        if self.blocks:
            raise Fault(line, "a template inside another one; is an {{end}} missing after line %d?"
                        % self.blocks[-1].line)
        parameters = " ".join(m.group(2).split())
        parameters = "struct html *h" + (", " + parameters if parameters not in ("", "void") else "")
        prototype = "void %s(%s)" % (m.group(1), parameters)
        if kind == "local":
            prototype = "static " + prototype
            self.locals.append(prototype + ";")
        else:
            self.prototypes.append(prototype + ";")
        if kind == "closes":
            if self.left_open is None:
                raise Fault(line, "{{closes}} without {{opens}} before it")
            self.reset(self.left_open)
            self.left_open = None
        else:
            self.reset([])
        self.body.append("")
        self.code(line, prototype)
        self.body.append("{")
        self.blocks.append(Block(kind, line, self.snapshot()))

    def do_template(self, line, code):
        self.begin_function(line, code, "template")

    def do_local(self, line, code):
        self.begin_function(line, code, "local")

    def do_opens(self, line, code):
        if self.left_open is not None:
            raise Fault(line, "{{opens}} twice without {{closes}} between")
        self.begin_function(line, code, "opens")

    def do_closes(self, line, code):
        self.begin_function(line, code, "closes")

    def do_if(self, line, code):
        self.open_block("if", line, "if (%s) {" % code)

    def do_elif(self, line, code):
        self.next_branch(line, "} else if (%s) {" % code)

    def do_else(self, line, code):
        if code:
            raise Fault(line, "{{else}} takes nothing; {{elif CONDITION}} does")
        self.next_branch(line, "} else {")
        self.blocks[-1].has_else = True

    def next_branch(self, line, c):
        if self.blocks[-1].kind != "if" or self.blocks[-1].has_else:
            raise Fault(line, "{{elif}} or {{else}} without {{if}}")
        self.leave_branch(line)
        self.code(line, c)

    def do_for(self, line, code):
        if code.count(";") != 2:
            raise Fault(line, "{{for INIT; CONDITION; STEP}} is expected")
        self.open_block("for", line, "for (%s) {" % code)

    def do_let(self, line, code):
        if "=" not in code:
            raise Fault(line, "{{let TYPE name = VALUE}} is expected")
        self.code(line, code + ";")

    def do_call(self, line, code):
        m = re.fullmatch(r"([a-z_][a-z0-9_]*)\s*\((.*)\)", code, re.S)
        if not m:
            raise Fault(line, "{{call name(values)}} is expected")
        if self.mode(line) != "HTML_TEXT":
            raise Fault(line, "{{call}} may stand between tags only")
        values = m.group(2).strip()
        self.code(line, "%s(h%s);" % (m.group(1), ", " + values if values else ""))

    def do_tr(self, line, code):
        self.translated("tr", code, line)

    def do_trc(self, line, code):
        self.translated("trc", code, line)

    def do_trn(self, line, code):
        self.translated("trn", code, line)

    def do_trblock(self, line, code):
        text = Text("trblock", code, line)
        self.texts.append(text)
        if self.mode(line) != "HTML_TEXT":
            raise Fault(line, "{{trblock}} may stand between tags only")
        self.serial += 1
        n = self.serial
        arguments = self.arguments(text, "HTML_TEXT")
        self.flush()
        slot = len(self.body)
        self.body.append("")  # the names of the parts are known at the end
        self.code(line, "for (int k%d_; (k%d_ = html_next_part(h, &s%d_)) >= 0;) { switch (k%d_) {" % (n, n, n, n))
        b = Block("trblock", line, self.snapshot(), "} } }")
        b.text, b.parts, b.seen, b.slot = text, [], set(), (slot, n, arguments)
        self.blocks.append(b)

    def do_part(self, line, code):
        b = self.blocks[-1]
        if b.kind != "trblock":
            raise Fault(line, "{{part}} stands directly in a {{trblock}}")
        if code not in b.text.wanted or code in b.seen:
            raise Fault(line, "{{part %s}}: the text has no {%s}, or the part is there already" % (code, code))
        b.seen.add(code)
        b.parts.append(code)
        self.open_block("part", line, "case %d: {" % (len(b.parts) - 1), "} break;")

    def end_trblock(self, line, b):
        b.text.check([n for n, _ in b.text.named] + b.parts, b.line)
        if not b.parts:
            raise Fault(b.line, "{{trblock}} without parts: use {{tr}}")
        slot, n, arguments = b.slot
        text = b.text
        c = '#line %d "%s"\n    { ' % (b.line, self.path)
        if arguments:
            c += "const struct html_arg a%d_[] = {%s}; " % (n, arguments)
        c += "static const char *const p%d_[] = {%s}; " % (n, ", ".join('"%s"' % p for p in b.parts))
        c += "struct html_parts s%d_ = {%s, %s, %d, p%d_, %d};" % (
            n, text.c(), "a%d_" % n if arguments else "NULL", len(text.named), n, len(b.parts))
        self.body[slot] = c
        self.code(line, "default: break;")

    def do_end(self, line, code):
        if code:
            raise Fault(line, "{{end}} takes nothing")
        b = self.blocks[-1]
        if b.kind in ("template", "local", "opens", "closes"):
            self.end_function(line, b)
            return
        if b.kind == "trblock":
            self.end_trblock(line, b)
        self.leave_branch(line)
        self.code(line, b.end)
        self.blocks.pop()
        self.meet(b)

    def end_function(self, line, b):
        if self.state != TEXT:
            raise Fault(line, "the template that began in line %d ends inside a tag" % b.line)
        if b.kind == "opens":
            self.left_open = tuple(self.stack)
        elif self.stack:
            raise Fault(line, "<%s> is not closed in the template that began in line %d" % (self.stack[-1], b.line))
        self.flush()
        self.body.append("}")
        self.blocks.pop()

    def moment(self, line, form, code):
        if self.mode(line) == "URL":
            raise Fault(line, "a moment may not stand in an address")
        self.expression(line, "%s(%s)" % (form, code))

    def do_time(self, line, code):
        self.moment(line, "html_at", code)

    def do_date(self, line, code):
        self.moment(line, "html_day", code)

    def do_clock(self, line, code):
        self.moment(line, "html_clock", code)

    def do_age(self, line, code):
        self.moment(line, "html_since", code)

    def do_attr(self, line, code):
        name, condition = take_literal(code, line)
        if self.state not in (TAG, TAG_END):
            raise Fault(line, "{{attr}} stands among the attributes of a tag")
        self.check_attribute(line, name)
        if not condition:
            raise Fault(line, '{{attr "name" CONDITION}} is expected')
        self.attributes |= {name}
        self.code(line, 'if (%s) html_literal(h, " %s", %d);' % (condition, name, len(name) + 1))
        self.state = TAG_END

    def run(self):
        for line, is_code, content, self.begins_line in split_pieces(self.source):
            if is_code:
                self.directive(line, content)
            elif content:
                self.feed(line, content)
        if self.blocks:
            raise Fault(self.blocks[-1].line, "{{end}} is missing for this block")
        if self.left_open is not None:
            raise Fault(1 + self.source.count("\n"), "{{opens}} without {{closes}}")
        return self

    # --- files

    def c_file(self, header_name):
        top = ["/* Made by build-aux/templates.py from %s. */" % self.path.split("/")[-1],
               # a template may take more than it needs today: layout_end(h, f)
               '#pragma GCC diagnostic ignored "-Wunused-parameter"',
               '#include "%s"' % header_name, ""] + self.locals
        return "\n".join(top + self.body) + "\n"

    def h_file(self, header_name):
        guard = re.sub(r"\W", "_", "HIKESHI_" + header_name).upper()
        includes = ['#include "%s"' % i for i in ["board/web/html.h"] + self.includes]
        return "\n".join(["/* Made by build-aux/templates.py from %s. */" % self.path.split("/")[-1],
                          "#ifndef " + guard, "#define " + guard, ""] + includes + [""] + self.prototypes +
                         ["", "#endif", ""])


# --- commands


def read(path):
    with open(path, encoding="utf-8", newline="\n") as f:
        return f.read()


def load(path):
    try:
        return Compiler(path, read(path)).run()
    except Fault as fault:
        sys.exit("%s:%d: %s" % (path, fault.line, fault))


def extract(paths):
    print('msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n')
    entries = {}
    for path in paths:
        for t in load(path).texts:
            entries.setdefault((t.context, t.text, t.many), []).append("%s:%d" % (path, t.line))
    for (context, text, many), places in entries.items():
        print("#: " + " ".join(places))
        if context is not None:
            print('msgctxt "%s"' % context)
        print('msgid "%s"' % text)
        if many is not None:
            print('msgid_plural "%s"' % many)
        print('msgstr[0] ""\n' if many is not None else 'msgstr ""\n')


def po_entries(path):
    """[(line, msgid or plural, [msgstr…])] of a .po file as gettext's own tools write it."""
    entries, field, values, start = [], None, {}, 0
    for n, line in enumerate(read(path).split("\n") + [""], 1):
        m = re.match(r'(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?)?\s*"(.*)"$', line)
        if m and not line.startswith("#"):
            if m.group(1) == "msgid":
                start = n
            field = m.group(1) or field
            values[field] = values.get(field, "") + m.group(2)
        elif values:
            ids = values.get("msgid", "") + values.get("msgid_plural", "")
            entries.append((start, ids, [v for k, v in values.items() if k.startswith("msgstr")]))
            values = {}
    return entries


def check_po(paths):
    bad = 0
    for path in paths:
        for line, ids, texts in po_entries(path):
            want = set(PLACEHOLDER.findall(ids))
            for text in texts:
                for name in sorted(want ^ set(PLACEHOLDER.findall(text))) if text and ids else []:
                    print("%s:%d: {%s} stands in only one of text and translation" % (path, line, name),
                          file=sys.stderr)
                    bad = 1
    return bad


def main(argv):
    if len(argv) == 6 and argv[1] == "compile":
        c = load(argv[2])
        for path, text in ((argv[3], c.c_file(argv[5])), (argv[4], c.h_file(argv[5]))):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        return 0
    if len(argv) > 2 and argv[1] == "extract":
        extract(argv[2:])
        return 0
    if len(argv) > 2 and argv[1] == "check-po":
        return check_po(argv[2:])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
