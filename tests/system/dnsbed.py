"""A DNS server that says what a test wants, right or wrong, by UDP and TCP."""
import ipaddress
import selectors
import socket
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16,
         "AAAA": 28, "TLSA": 52}
NAMES = {number: name for name, number in TYPES.items()}
UDP_MAX = 1232
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5

# What can be done with a question instead of telling the truth.
MANNERS = ("servfail", "refused", "drop", "garbage", "cut", "cut-shut",
           "wrong-id", "wrong-question")


def wire_name(name):
    """A name as it lies in a packet; bytes are taken as they are, as one
    label each: (b"a.b", b"example")."""
    labels = name if isinstance(name, tuple) else \
        [part.encode() for part in name.rstrip(".").split(".") if part]
    return b"".join(bytes([len(part)]) + part for part in labels) + b"\0"


def wire_data(kind, text):
    """A record's data from what a zone file would say; bytes as they are."""
    if isinstance(text, bytes):
        return text
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(text).packed
    if kind == "MX":
        preference, host = text.split(" ", 1)
        return struct.pack("!H", int(preference)) + wire_name(host)
    if kind == "TXT":
        data = text.encode()
        parts = [data[i:i + 255] for i in range(0, len(data), 255)] or [b""]
        return b"".join(bytes([len(part)]) + part for part in parts)
    if kind == "TLSA":
        usage, selector, match, data = text.split(" ")
        return bytes(map(int, (usage, selector, match))) + bytes.fromhex(data)
    return wire_name(text)


def record(name, kind, ttl, text):
    data = wire_data(kind, text)
    return wire_name(name) + struct.pack(
        "!HHIH", TYPES[kind], 1, ttl, len(data)) + data


class Question:
    """What came in a packet."""

    def __init__(self, packet):
        self.id, self.flags, _, _, _, more = struct.unpack("!6H", packet[:12])
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]])
            at += 1 + packet[at]
        self.kind, _ = struct.unpack("!HH", packet[at + 1:at + 5])
        self.kind = NAMES.get(self.kind, self.kind)
        self.name = b".".join(labels).decode("latin-1").lower()
        self.wire = packet[12:at + 5]
        self.wants_ad = bool(self.flags & 0x20)
        self.edns = more > 0


class Nameserver:
    """zone: {(name, TYPE): [data, ...]}, names in lower case without final
    dot; an alias is followed within the zone.  manners: {(name, TYPE): one of
    MANNERS}.  secure: names whose answers carry AD, if all that lead to an
    answer do.  All may be changed while it serves.  asked is what came, as
    (name, TYPE), in order.  Use it as a context: .port, UDP and TCP."""

    def __init__(self, zone, manners=None, secure=(), ttl=300,
                 address="127.0.0.1"):
        self.zone, self.manners = zone, manners or {}
        self.secure, self.ttl = set(secure), ttl
        self.address, self.asked = address, []
        self.udp, self.tcp = self.bind()
        self.port = self.udp.getsockname()[1]
        self.wake, self.bell = socket.socketpair()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def bind(self):
        """UDP and TCP of one port."""
        while True:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((self.address, 0))
            tcp = socket.socket()
            try:
                tcp.bind(udp.getsockname())
                tcp.listen(64)
                return udp, tcp
            except OSError:
                udp.close()
                tcp.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.bell.send(b"x")
        self.thread.join()
        for one in (self.udp, self.tcp, self.wake, self.bell):
            one.close()

    def control(self):
        """What control/dnsservers says of it."""
        return f"{self.address}:{self.port}\n"

    def work(self):
        with selectors.DefaultSelector() as selector:
            for one in (self.udp, self.tcp, self.wake):
                selector.register(one, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self.wake in ready:
                    return
                if self.udp in ready:
                    self.serve_udp()
                if self.tcp in ready:
                    self.serve_tcp()

    def serve_udp(self):
        packet, client = self.udp.recvfrom(65535)
        for answer in self.answers(packet, False):
            self.udp.sendto(answer, client)

    def serve_tcp(self):
        connection, _ = self.tcp.accept()
        with connection:
            connection.settimeout(10)
            try:
                stream = connection.makefile("rb")
                size, = struct.unpack("!H", stream.read(2))
                for answer in self.answers(stream.read(size), True):
                    connection.sendall(struct.pack("!H", len(answer)) + answer)
            except (OSError, struct.error):
                pass  # it has gone

    def lookup(self, question):
        """(records, code, negative, secure) for a question."""
        name, records = question.name, []
        secure = name in self.secure
        for _ in range(40):
            alias = self.zone.get((name, "CNAME"))
            if not alias or question.kind == "CNAME":
                break
            records.append(record(name, "CNAME", self.ttl, alias[0]))
            name = alias[0].rstrip(".").lower()
            secure = secure and name in self.secure
        found = self.zone.get((name, question.kind), [])
        records += [record(name, question.kind, self.ttl, text)
                    for text in found]
        exists = found or any(key[0] == name for key in self.zone)
        return records, NOERROR if exists else NXDOMAIN, not found, secure

    def pack(self, question, records=(), code=NOERROR, flags=0, authority=(),
             number=None):
        return struct.pack(
            "!6H", question.id if number is None else number,
            0x8180 | flags | code, 1, len(records), len(authority), 0
        ) + question.wire + b"".join(records) + b"".join(authority)

    def truth(self, question, tcp):
        records, code, negative, secure = self.lookup(question)
        soa = [record("zone.invalid", "SOA", 60, wire_name("ns.invalid") +
                      wire_name("root.invalid") +
                      struct.pack("!5I", 1, 1, 1, 1, 60))] if negative else []
        whole = self.pack(question, records, code,
                          0x20 if secure and question.wants_ad else 0, soa)
        if len(whole) > UDP_MAX and not tcp:
            return self.pack(question, flags=0x200)
        return whole

    def answers(self, packet, tcp):
        """The packets that are sent for one."""
        question = Question(packet)
        self.asked.append((question.name, question.kind))
        manner = self.manners.get((question.name, question.kind))
        truth = self.truth(question, tcp)
        lie = [record(question.name, "A", self.ttl, "203.0.113.66")]
        return {
            None: lambda: [truth],
            "servfail": lambda: [self.pack(question, code=SERVFAIL)],
            "refused": lambda: [self.pack(question, code=REFUSED)],
            "drop": lambda: [],
            "garbage": lambda: [packet[:2] + b"\x81\x80" + b"\xff" * 40],
            "cut": lambda: [truth] if tcp else
            [self.pack(question, flags=0x200)],
            "cut-shut": lambda: [] if tcp else
            [self.pack(question, flags=0x200)],
            "wrong-id": lambda: [
                self.pack(question, lie, number=question.id ^ 1), truth],
            "wrong-question": lambda: [
                truth.replace(question.wire, wire_name("other.invalid") +
                              question.wire[-4:], 1), truth],
        }[manner]()
