"""A client of HTTP/2 that sends the frames it is told, right or wrong, and servers that speak FastCGI, uwsgi and SCGI: as much
of each as tests of an nginx need."""
import hashlib, re, socket, socketserver, struct

from edge import Behind, to_bytes

DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
CHANGES = {33, 34, 44}  # of the static table: date, etag, last-modified


def integer(first, bits, n):
    """RFC 7541, section 5.1"""
    most = (1 << bits) - 1
    if n < most:
        return bytes([first | n])
    out, n = bytes([first | most]), n - most
    while n >= 128:
        out, n = out + bytes([n % 128 + 128]), n // 128
    return out + bytes([n])


def block(fields):
    """Literals without indexing, not packed."""
    return b"".join(b"\x00" + b"".join(integer(0, 7, len(x)) + x for x in map(to_bytes, field)) for field in fields)


def fields_of(data):
    """What a block of headers says, as (index or name, value) without unpacking, and without what differs each time."""
    at, out = 0, []

    def number(bits):
        nonlocal at
        n, most, shift = data[at] & (1 << bits) - 1, (1 << bits) - 1, 0
        at += 1
        if n < most:
            return n
        while True:
            n, shift, at = n + ((data[at] & 127) << shift), shift + 7, at + 1
            if data[at - 1] < 128:
                return n

    def string():
        nonlocal at
        n = number(7)
        at += n
        return data[at - n:at]

    while at < len(data):
        if data[at] & 0x80:
            out.append((number(7), None))
        elif data[at] & 0xe0 == 0x20:
            number(5)
        else:
            name = number(6 if data[at] & 0x40 else 4) or string()
            out.append((name, string()))
    return [x for x in out if x[0] not in CHANGES]


KNOWN = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # of the static table


class H2:
    """One connection. Streams are numbers; what came back of one is in .got[stream]: [(kind, …)]."""

    def __init__(self, port, timeout=60):
        self.s = socket.create_connection(("127.0.0.1", port), timeout)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.got, self.next, self.window, self.gone = b"", {}, 1, {0: 65535}, False
        self.first = 65535  # the window of a new stream
        self.s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.frame(SETTINGS, 0, 0)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.s.close()

    def frame(self, kind, flags, stream, payload=b""):
        self.s.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def begin(self, path="/", method="GET", headers=(), authority="localhost", end=True, pieces=1, scheme="http"):
        """Sends a head, in so many frames; the stream."""
        stream, self.next = self.next, self.next + 2
        data = block([(":method", method), (":scheme", scheme), (":path", path), (":authority", authority), *headers])
        size = -(-len(data) // pieces)
        parts = [data[i:i + size] for i in range(0, len(data), size)]
        for i, part in enumerate(parts):
            self.frame(CONTINUATION if i else HEADERS, (END_HEADERS if part is parts[-1] else 0) | (END_STREAM if end and not i else 0),
                       stream, part)
        self.got[stream], self.window[stream] = [], None
        return stream

    def data(self, stream, data, end=False, pad=None):
        """One frame of a body, when the windows let it through."""
        while min(self.window[0], self.left(stream)) < len(data) + (0 if pad is None else pad + 1):
            if self.ended(stream) or not self.read():
                return False
        n = len(data) + (0 if pad is None else pad + 1)
        self.window[0] -= n
        self.window[stream] = self.left(stream) - n
        self.frame(DATA, (END_STREAM if end else 0) | (0 if pad is None else PADDED), stream,
                   data if pad is None else bytes([pad]) + data + b"\0" * pad)
        return True

    def left(self, stream):
        return self.first if self.window[stream] is None else self.window[stream]

    def body(self, stream, data, size=16384, **how):
        for i in range(0, len(data), size):
            if not self.data(stream, data[i:i + size], end=i + size >= len(data), **how):
                return

    def ended(self, stream):
        return bool(self.gone or [x for x in self.got[stream] if x[-1] == "end"])

    def read(self):
        """One frame; False at the connection's end."""
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            try:
                more = self.s.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                self.gone = True
                return False
            self.buffer += more
        n, kind, flags = int.from_bytes(self.buffer[:3], "big"), self.buffer[3], self.buffer[4]
        stream, payload = int.from_bytes(self.buffer[5:9], "big") & 0x7fffffff, self.buffer[9:9 + n]
        self.buffer = self.buffer[9 + n:]
        end = ("end",) if kind in (DATA, HEADERS) and flags & END_STREAM else ()
        if kind == SETTINGS and not flags & 1:
            for i in range(0, n, 6):
                if payload[i:i + 2] == b"\0\4":
                    self.first = int.from_bytes(payload[i + 2:i + 6], "big")
            self.frame(SETTINGS, 1, 0)
        elif kind == WINDOW:
            if stream == 0 or stream in self.window:
                more = int.from_bytes(payload, "big")
                self.window[stream] = (self.window[0] if stream == 0 else self.left(stream)) + more
        elif kind == HEADERS:
            self.got[stream].append(("head", fields_of(payload), *end))
        elif kind == DATA:
            self.got[stream].append(("data", payload, *end))
            if payload:
                self.frame(WINDOW, 0, 0, struct.pack(">I", len(payload)))
                self.frame(WINDOW, 0, stream, struct.pack(">I", len(payload)))
        elif kind == RST:
            self.got[stream].append(("reset", int.from_bytes(payload, "big"), "end"))
        elif kind == GOAWAY:
            self.got.setdefault(0, []).append(("goaway", int.from_bytes(payload[4:8], "big")))
        return True

    def answer(self, stream):
        """(status, heads, body, how it ended); waits for it."""
        while not self.ended(stream) and self.read():
            pass
        heads = [x[1] for x in self.got[stream] if x[0] == "head"]
        return (status_of(heads), heads, b"".join(x[1] for x in self.got[stream] if x[0] == "data"),
                [x[1] for x in self.got[stream] + self.got.get(0, []) if x[0] in ("reset", "goaway")])

    def ask(self, path="/", body=None, size=16384, pad=None, **how):
        how.setdefault("method", "GET" if body is None else "POST")
        stream = self.begin(path, end=body is None, **how)
        if body is not None:
            self.body(stream, body, size, pad=pad)
        return self.answer(stream)


def status_of(heads):
    if not heads:
        return None
    name, value = heads[0][0]
    return KNOWN[name] if value is None else int(value)


# --- programs behind nginx

class App(Behind):
    """A program behind fastcgi_pass, uwsgi_pass or scgi_pass: says what it was asked, and keeps it in .seen. A path with
    /accel in it leads to /index.txt."""

    def __init__(self, kind):
        app = self
        read = {"fastcgi": read_fastcgi, "uwsgi": read_uwsgi, "scgi": read_scgi}[kind]

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    params, body, whole = read(self.rfile)
                except (EOFError, OSError):
                    params, body, whole = {}, b"", False
                with app.lock:
                    app.seen.append((sorted(params.items()), hashlib.sha256(body).hexdigest() if whole else body, whole))
                if not whole:
                    return
                said = "%s %d %s\n" % (params.get("REQUEST_METHOD"), len(body), hashlib.sha256(body).hexdigest())
                more = "X-Accel-Redirect: /index.txt\r\n" if "/accel" in params.get("REQUEST_URI", "") else ""
                text = ("Status: 200 OK\r\nContent-Type: text/plain\r\n%sContent-Length: %d\r\n\r\n%s" % (more, len(said), said)).encode()
                if kind == "uwsgi":
                    text = text.replace(b"Status: ", b"HTTP/1.1 ", 1)
                if kind == "fastcgi":
                    text = record(6, text) + record(6, b"") + record(3, b"\0" * 8)
                try:
                    self.wfile.write(text)
                except OSError:
                    pass

        super().__init__(Handler)


def exactly(f, n):
    data = f.read(n)
    if len(data) < n:
        raise EOFError
    return data


def rest(f, params):
    n = int(params.get("CONTENT_LENGTH") or 0)
    body = f.read(n)
    return params, body, len(body) == n


def record(kind, data):
    return struct.pack(">BBHHBB", 1, kind, 1, len(data), 0, 0) + data


def read_fastcgi(f):
    params, stdin = b"", b""
    while True:
        try:
            _, kind, _, n, pad, _ = struct.unpack(">BBHHBB", exactly(f, 8))
            data = exactly(f, n + pad)[:n]
        except EOFError:
            return {}, stdin, False
        if kind == 4:
            params += data
        elif kind == 5 and n:
            stdin += data
        elif kind == 5:
            break
    out, at = {}, 0
    while at < len(params):
        sizes = []
        for _ in range(2):
            n = params[at]
            if n > 127:
                n, at = int.from_bytes(params[at:at + 4], "big") & 0x7fffffff, at + 3
            at += 1
            sizes.append(n)
        name, value = params[at:at + sizes[0]], params[at + sizes[0]:at + sum(sizes)]
        out[name.decode("latin-1")], at = value.decode("latin-1"), at + sum(sizes)
    return out, stdin, True


def read_uwsgi(f):
    _, n, _ = struct.unpack("<BHB", exactly(f, 4))
    data, out, at = exactly(f, n), {}, 0
    while at < n:
        pair = []
        for _ in range(2):
            size, = struct.unpack_from("<H", data, at)
            pair.append(data[at + 2:at + 2 + size].decode("latin-1"))
            at += 2 + size
        out[pair[0]] = pair[1]
    return rest(f, out)


def read_scgi(f):
    n = b""
    while not n.endswith(b":"):
        n += exactly(f, 1)
    words = re.split("\0", exactly(f, int(n[:-1]) + 1)[:-1].decode("latin-1"))
    return rest(f, dict(zip(words[::2], words[1::2])))
