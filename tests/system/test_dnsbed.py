"""The DNS server of the beds says what it is told to, and lib/dns hears it: so
that what the other tests make of its answers is not the bed's doing."""
import subprocess

import pytest
from dnsbed import MANNERS, Nameserver
from test_dns_real import RESOLVE

ZONE = {
    ("a.test", "MX"): ["10 mx.test", "20 my.test"],
    ("mx.test", "A"): ["127.0.0.1"],
    ("my.test", "AAAA"): ["::1"],
    ("alias.test", "CNAME"): ["a.test"],
    ("_25._tcp.mx.test", "TLSA"): ["3 1 1 00ff"],
    ("long.test", "TXT"): ["x" * 3000],
    ("raw.test", "TXT"): [b"\x03a\x00b"],
    ("secure.test", "A"): ["192.0.2.1"],
}


def resolve(server, *words):
    done = subprocess.run([RESOLVE, f"127.0.0.1:{server.port}", *words],
                          timeout=120, capture_output=True, check=False)
    return done.stdout


TRUTH = [
    ("mx", "a.test", b"a.test mx group mx.test,my.test\n"
     b"10 mx.test mx.test 127.0.0.1\n20 my.test my.test ::1\n"),
    ("MX", "alias.test", b"found\n10 mx.test\n20 my.test\n"),
    ("TLSA", "_25._tcp.mx.test", b"found\n3 1 1 00ff\n"),
    ("TXT", "long.test", b"found\n0 " + b"x" * 3000 + b"\n"),
    ("TXT", "raw.test", b"found\n0 a\0b\n"),
    ("A", "secure.test", b"found secure\n192.0.2.1\n"),
    ("A", "nobody.test", b"no name\n"),
    ("AAAA", "mx.test", b"no data\n"),
]


@pytest.mark.parametrize("what,name,says", TRUTH,
                         ids=[f"{row[0]} {row[1]}" for row in TRUTH])
def test_the_truth_is_heard(what, name, says):
    with Nameserver(ZONE, secure=["secure.test"]) as server:
        assert resolve(server, what, name) == says
        assert server.asked


FALSE = [
    ("servfail", b"trouble: SERVFAIL, REFUSED or no server\n"),
    ("refused", b"trouble: SERVFAIL, REFUSED or no server\n"),
    ("drop", b"trouble: time-out\n"),
    ("garbage", b"trouble: time-out\n"),
    ("cut", b"found\n127.0.0.1\n"),
    ("cut-shut", b"trouble: SERVFAIL, REFUSED or no server\n"),
    ("wrong-id", b"found\n127.0.0.1\n"),
    ("wrong-question", b"found\n127.0.0.1\n"),
]


@pytest.mark.parametrize("manner,says", FALSE, ids=[row[0] for row in FALSE])
def test_the_false_is_not_believed(manner, says):
    assert manner in MANNERS
    with Nameserver(ZONE, {("mx.test", "A"): manner}) as server:
        words = ["500"] if b"time-out" in says else []
        assert resolve(server, "A", "mx.test", *words) == says
