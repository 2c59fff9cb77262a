"""A qmail's settings are taken over, and mail for 200 addresses goes where that
qmail sends it.

tests/system/routes.qmail has what netqmail 1.06 did with each: its qmail-send,
qmail-lspawn, qmail-getpw, qmail-local -n and qmail-remote.  With $CULVER_QMAIL it
is asked again, and the table compared with what it says (UPDATE=1: written).
"""
import json
import os
import pathlib
import re

import pytest
from conftest import BIN
from qmailroot import REAL, ROUTES, USERS, Hosts, Root, wait_for

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not (BIN / "culver-route").exists(),
    reason="only root makes accounts of its own; or culver-route is not built")

TABLE = pathlib.Path(__file__).with_name("routes.qmail")

CONTROL = {
    "me": "mail.example.org\n",
    "locals": "# ours\nmail.example.org\nlocal.example\nBIG.Example\n",
    "rcpthosts": "local.example\n", "envnoathost": "local.example\n",
    "percenthack": "hack.example\nlocal.example\n",
    "virtualdomains":
        "v.example:joe\nOther.Example:web-other\none@half.example:ann-x\n"
        "two@half.example:\n.sub.example:web-sub\nexcept.sub.example:\n"
        "alias.example:nobodyhere\nassigned.example:set\n",
}
ASSIGN = (
    "=exact:joe:1001:1001:/home/joe::x:\n"
    "=Upper:ann:1002:1002:/home/ann:::\n"
    "+exact-:joe:1001:1001:/home/joe:-:ex-:\n"
    "+set-:vpop:1007:1007:/home/vpop:-::\n"
    "+set-deep-:vpop:1007:1007:/home/vpop:-:d-:\n"
    "+pre:web:1003:1003:/home/web:-:wild:\n"
    "=exact:ann:1002:1002:/home/ann:::\n"
    "+al-:alias:64010:64020:/var/lib/qmail/alias:-:al-:\n.\n")
FILES = {
    "/home/joe/.qmail": "./Maildir/\n&joe@elsewhere.example\n",
    "/home/joe/.qmail-default": "./Maildir-default/\n",
    "/home/joe/.qmail-x": "# a comment\n./mbox\n",
    "/home/joe/.qmail-ex-list": "joe\n",
    "/home/joe/.qmail-ann": "|forward ann\n",
    "/home/joe/.qmail-a:b": "./dots/\n",
    "/home/ann/.qmail-x-one": "&one@elsewhere.example\n",
    "/home/ann/.qmail-list": "./list/\n",
    "/home/ann/.qmail-list-default": "|preline x\n./list-default/\n",
    "/home/ann/.qmail-empty": "",
    "/home/ann/.qmail-owner": "&owner@elsewhere.example\n",
    "/home/web/.qmail-other-default": "./other/\n",
    "/home/web/.qmail-sub-default": "./sub/\n",
    "/home/web/.qmail-wild": "./wild/\n",
    "/home/web/.qmail-wildcard": "./wildcard/\n",
    "/home/vpop/.qmail-default": "| vdelivermail '' bounce-no-mailbox\n",
    "/home/vpop/.qmail-d-info": "./info/\n",
    "/var/lib/qmail/alias/.qmail-postmaster": "&joe\n",
    "/var/lib/qmail/alias/.qmail-mailer-daemon": "&joe\n",
    "/var/lib/qmail/alias/.qmail-nobodyhere-x": "&x@elsewhere.example\n",
    "/var/lib/qmail/alias/.qmail-al-default": "&al@elsewhere.example\n",
    "/var/lib/qmail/alias/.qmail-list-default": "|list\n",
}

LOCALS = """joe JOE joe-x joe-ann joe-a.b joe-A.B joe-no-such-x ann ann-list
ann-list-sub ann-list-a-b ann-empty ann-owner ann-nothing web web-other-a
web-nothing a-b a-b-c a- nohome nohome-x stolen stolen-x root root-x exact
exact-list exact-other EXACT upper UPPER set-a set-deep-info set-deep-x pre
precard prehistoric postmaster Postmaster mailer-daemon nosuch list-x al-zero
al- vpop vpop-x a.dot a.dot-x -joe joe--x""".split()
ADDRESSES = (
    [f"{u}@local.example" for u in LOCALS] +
    [f"{u}@mail.example.org" for u in LOCALS] +
    [f"{u}@Big.example" for u in LOCALS[::3]] +
    [f"{u}@v.example" for u in
     "ann x a.b A.b joe nothing x-y - ex-list default".split()] +
    [f"{u}@V.EXAMPLE" for u in ("ann", "Ann", "q")] +
    [f"{u}@other.example" for u in ("a", "a-b", "A.b", "default")] +
    [f"{u}@half.example" for u in ("one", "ONE", "two", "three")] +
    [f"{u}@{d}.sub.example" for u in ("a", "b-c")
     for d in ("x", "x.y", "except", "z.except")] +
    [f"{u}@sub.example" for u in ("a", "b")] +
    [f"{u}@alias.example" for u in ("x", "y", "z-z")] +
    [f"{u}@assigned.example" for u in
     ("a", "deep-info", "deep-q", "deep", "a-b-c", "Deep-Info")] +
    ["joe", "ann-list", "nosuch", "u%v.example"] +
    [f"{u}@hack.example" for u in
     ("joe%local.example", "a%b%v.example", "plain",
      "x%r1.example", "y%hack.example", "ann%other.example@x")] +
    [f"{u}@local.example" for u in
     ("x%v.example", "a%r2.example", "joe%local.example", "b%c%local.example")] +
    [f"{u}@{d}" for u in ("a", "b.c")
     for d in ("r1.example", "R1.example", "x.r1.example", "r2.example",
               "sub.r3.example", "deep.sub.r3.example", "r3.example",
               "mx.example", "x.mx.example")] +
    [f"z@{d}" for d in ("far.example", "gone.example", "[192.0.2.1]",
                        "a.b.c.d.example", "localhost", "x.local.example",
                        "v.example.net", "xv.example", "example")])


def routes(ports):
    """smtproutes that lead to the ports, and that except from them."""
    return ("r1.example:[127.0.0.1]:%d\n.r3.example:[127.0.0.1]:%d\n"
            "r2.example:[127.0.0.1]:%d\nmx.example:\n.mx.example:\n"
            ":[127.0.0.1]:%d\n" % (*ports, ports[1]))


@pytest.fixture
def root():
    hosts = Hosts(ROUTES)
    one = Root({**CONTROL, "smtproutes": routes(hosts.ports)}, ASSIGN, FILES,
               hosts.ports)
    yield one
    hosts.close()
    one.close()


def normal(text, ports):
    """Homes and ports as they are in the table."""
    for i, port in enumerate(ports):
        text = text.replace(str(port), "P%d" % i)
    for home in ("/var/lib/qmail/alias", "/var/culver/alias"):
        text = text.replace(home, "ALIAS")
    return text


def of_qmail(root, number):
    """What the real one did with the message of the sender number."""
    log = root.path / "var/log/routes"
    for local in log.glob("local.s%d@test.*" % number):
        lines = local.read_text().split("\n")
        args = [line[4:] for line in lines[:8]]
        rest = [line for line in lines[8:] if line and
                not line.startswith(("did ", "code ", "arg "))]
        return "local home=%s dash=%s ext=%s: %s" % (
            args[1], args[3], args[4], "; ".join(rest))
    remote = log / ("remote.s%d@test" % number)
    if not remote.exists():
        return None
    text = remote.read_text(errors="replace").replace("\0", "\n")
    to = re.findall("^arg (.*)$", text, re.M)
    port = re.search("554 port ([0-9]+)", text)
    return "remote %s to=%s" % (
        "port " + port[1] if port else "exchangers", to[2])


def of_culver(entry):
    steps = {s["step"]: s["text"] for s in entry["steps"]}
    for kind in ("users/cdb", "system user", "alias"):
        if kind in steps:
            found = re.search(
                r'home (\S+) dash "(.*)" ext "(.*)"$', steps[kind])
            does = [s["step"] + " " + s["text"] for s in entry["steps"]
                    if s["step"] in ("maildir", "mbox", "program", "forward")]
            if "report" in steps:
                does.append(steps["report"])
            return "local home=%s dash=%s ext=%s: %s" % (
                *found.groups(), "; ".join(does))
    way = steps.get("smtproutes", steps.get("remote", ""))
    port = re.search(r"^\[127.0.0.1\] port ([0-9]+)", way)
    return "remote %s to=%s" % (
        "port " + port[1] if port else "exchangers", entry["recipient"])


def table():
    return dict(line.split("\t") for line in
                TABLE.read_text().splitlines())


def ask_culver(root):
    root.culver("setup", "--home", "/var/culver", "--from", "/var/lib/qmail")
    told = json.loads(root.culver(
        "route", "--json", "--home", "/var/culver", "--", *ADDRESSES,
        code=None))
    return {e["address"]: normal(of_culver(e), root.ports) for e in told}


def test_200_addresses_go_where_qmail_sends_them(root):
    assert len(set(ADDRESSES)) == len(ADDRESSES) >= 200
    want, got = table(), ask_culver(root)
    wrong = {a: (want[a], got[a]) for a in ADDRESSES if want[a] != got[a]}
    assert wrong == {}


@pytest.mark.skipif(not REAL, reason="CULVER_QMAIL names no qmail")
def test_the_table_is_what_qmail_does(root):
    root.start_qmail()
    try:
        for i, address in enumerate(ADDRESSES):
            root.queue("s%d@test" % i, [address])
        wait_for(lambda: all(of_qmail(root, i) for i in range(len(ADDRESSES)))
                 and "end msg" in (root.path / "send.log").read_text())
        wait_for(lambda: (root.path / "send.log").read_text().count("end msg")
                 >= len(ADDRESSES))
    finally:
        root.stop_qmail()
    got = {a: normal(of_qmail(root, i), root.ports)
           for i, a in enumerate(ADDRESSES)}
    if os.environ.get("UPDATE"):
        TABLE.write_text("".join(f"{a}\t{t}\n" for a, t in got.items()))
    assert got == table()
