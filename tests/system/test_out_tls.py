"""Mail for other hosts from one end to the other: the programs of a private
instance, a validating resolver, a web server with policies, and hosts that do
well or ill.  Which TLS a domain is owed, and what its sender hears."""
import base64
import email
import os

import pytest
from conftest import wait_for
from outbed import WRONG, Case, World
from sinkbed import OFFERS
from test_dns_real import KEYGEN, NSD, SIGN, UNBOUND

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0,
                       reason="a network namespace is root's"),
    pytest.mark.skipif(None in (NSD, UNBOUND, SIGN, KEYGEN),
                       reason="NSD or Unbound is not there")]

TLSA = "_25._tcp.mx.{d} IN TLSA "
OWN = TLSA + "3 1 1 {own}"
ALL = ("mx.{d}",)
CASES = {
    "dane": Case(OWN),
    "daneta": Case(TLSA + "2 0 1 {ca}"),
    "danewrong": Case(TLSA + "3 1 1 " + WRONG),
    "danestrip": Case(OWN),
    "danelost": Case(OWN),
    "unsigned": Case(TLSA + "3 1 1 " + WRONG, zone="insecure.test"),
    "sts": Case(sts=("enforce", ALL)),
    "stsbad": Case(sts=("enforce", ALL)),
    "stsother": Case(sts=("enforce", ("*.elsewhere.test",))),
    "stsstrip": Case(sts=("enforce", ALL)),
    "ststest": Case(sts=("testing", ALL)),
    "trial": Case(sts=("testing", ALL)),
    "trialstrip": Case(sts=("testing", ALL)),
    "trialother": Case(sts=("testing", ("*.elsewhere.test",))),
    "freedane": Case(TLSA + "3 1 1 " + WRONG),
    "freests": Case(sts=("enforce", ALL)),
    "freestrip": Case(OWN),
    "freelost": Case(OWN),
    "encrypt": Case(), "strict": Case(), "verify": Case(), "plain": Case(),
    "smtps": Case(),
    "next": Case("{d} IN MX 5 mx1.{d}", "mx1.{d} IN A 192.0.2.201",
                 "{d} IN MX 7 mx2.{d}", "mx2.{d} IN A 192.0.2.202"),
    "six": Case("mx.{d} IN AAAA 2001:db8::6"),
    "four": Case("mx.{d} IN AAAA 2001:db8::4"),
    "null": Case(mx="0 ."),
    "mxlost": Case(),
    "own": Case("own.{d} IN A 192.0.2.1", mx="10 own.{d}"),
    "dsn": Case(), "nodsn": Case(), "utf8": Case(), "later": Case(),
    "rude": Case(),
}
# What was signed is not what is served.
SPOILT = [
    (r"(_25\._tcp\.mx\.(?:dane|free)lost\.example\.test\.\s+\d+\s+IN\s+TLSA\s+3 1 1 )"
     r"\w{8}", r"\g<1>00000000"),
    (r"(?m)^(mxlost\.example\.test\.\s+\d+\s+IN\s+MX\s+)10 ", r"\g<1>11 ")]
CONTROL = {
    "tlspolicy": "encrypt.example.test:encrypt\n"
    "strict.example.test:encrypt\nverify.example.test:verify",
    "smtproutes":
    "smtps.example.test:mx.smtps.example.test:465|culver|pass word"}
CLEAR = {b"EHLO", b"STARTTLS", b"QUIT"}


@pytest.fixture(scope="module")
def world():
    one = World(CASES, SPOILT, CONTROL)
    try:
        yield one
    finally:
        one.close()
    assert one.instance.died == []


@pytest.fixture(autouse=True)
def said(world, request):
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        world.instance.tell()


def stay(connection, argument):
    """Who stays keeps the message, and so its journal, in the queue."""
    return "450 4.2.1 not yet" if b"stay@" in argument else "250 ok"


def go(world, name):
    """Mail for a, who is to be taken, and for one who stays."""
    domain = world.cases[name].domain
    world.send("a@" + domain, "stay@" + domain)
    return "a@" + domain


def assert_nothing_in_the_clear(sink):
    for connection in sink.connections:
        if not connection.tls:
            assert {x.split()[0] for x in connection.lines} <= CLEAR
    assert all(t.connection.tls for t in sink.transactions)


@pytest.mark.parametrize("name, which, verdict", [
    ("dane", "stranger", "dane"), ("daneta", "known", "dane"),
    ("sts", "known", "sts"), ("ststest", "stranger", "untrusted"),
    ("unsigned", "stranger", "untrusted"), ("encrypt", "stranger", "untrusted"),
    ("verify", "known", "verified")])
def test_mail_goes_by_the_tls_that_the_domain_is_owed(world, name, which,
                                                      verdict):
    with world.sink(name, {"RCPT": stay},
                    context=getattr(world, which)) as sink:
        to = go(world, name)
        line = world.journal(to, "ok")
        assert " r=0 " in line
        assert f"\\x20{verdict} " in line and " tls=TLSv1.3\\x20" in line
        assert f"via=smtp\\x20{world.cases[name].host}[" in line
        assert [t.rcpts for t in sink.transactions] == [
            [b"TO:<%s>" % to.encode()]]
        assert_nothing_in_the_clear(sink)


@pytest.mark.parametrize("name, which, words", [
    ("danewrong", "stranger", ("dane", "4.7.5")),
    ("danestrip", None, ("dane", "STARTTLS", "4.7.4")),
    ("danelost", "stranger", ("dane", "TLSA_records_are_not_known", "4.7.5")),
    ("stsbad", "stranger", ("sts", "4.7.5")),
    ("stsother", "known", ("sts", "does_not_name_this_host", "4.7.5")),
    ("stsstrip", None, ("sts", "STARTTLS", "4.7.4")),
])
def test_mail_waits_where_its_tls_is_not_to_be_had(world, name, which, words):
    with world.sink(name, context=which and getattr(world, which)) as sink:
        case = world.cases[name]
        world.send("a@" + case.domain)
        line = world.journal("a@" + case.domain, "defer")
        said = world.outcome("a@" + case.domain)
        assert said.startswith(f"deferral: TLS_policy_{words[0]}_for_"
                               f"{case.domain}_is_not_met_by_{case.host}:_")
        for word in words:
            assert word in said and word.replace("_", "\\x20") in line
        assert sink.transactions == []
        assert_nothing_in_the_clear(sink)


@pytest.mark.parametrize("name", ["encrypt", "verify"])
def test_control_demands_what_the_host_does_not_have(world, name):
    to = f"b@{name}.example.test"
    with world.sink(name) as sink:
        world.send(to)
        assert f"TLS_policy_{name}_" in world.outcome(to)
        assert " status=4.7.4 " in world.journal(to, "defer")
        assert_nothing_in_the_clear(sink)
        assert sink.transactions == []


@pytest.mark.parametrize("name, which", [
    ("freedane", "stranger"), ("freestrip", None), ("freests", "stranger"),
    ("freelost", "stranger")])
def test_who_asks_for_it_is_not_held_up_by_what_the_domain_wants(world, name,
                                                                 which):
    """TLS-Required, RFC 8689; and who comes after does not."""
    domain = world.cases[name].domain
    one, other = "one@" + domain, "other@" + domain
    with world.sink(name, context=which and getattr(world, which)) as sink:
        world.send(one, body="Subject: x\nTLS-Required: No\n\nhello\n")
        assert world.outcome(one).startswith("success: ")
        assert [t.connection.tls for t in sink.transactions] == [
            which is not None]
        world.send(other, body="Subject: x\n\nTLS-Required: No\n")
        assert "TLS_policy_" in world.outcome(other)
        assert len(sink.transactions) == 1


def test_who_asks_for_it_is_held_up_by_what_control_wants(world):
    to = "c@strict.example.test"
    with world.sink("strict") as sink:
        world.send(to, body="TLS-Required: No\n\nhello\n")
        assert "TLS_policy_encrypt_" in world.outcome(to)
        assert sink.transactions == []


def test_a_host_without_tls_gets_what_nothing_protects(world):
    with world.sink("plain", {"RCPT": stay}) as sink:
        to = go(world, "plain")
        assert " tls=" not in world.journal(to, "ok")
        assert len(sink.transactions) == 1
        assert not sink.transactions[0].connection.tls


TRIALS = [("trial", "stranger", "certificate-not-trusted"),
          ("trialstrip", None, "starttls-not-supported"),
          ("trialother", "known", "validation-failure")]


def test_what_a_policy_on_trial_would_have_refused_goes_and_is_counted(world):
    for name, which, _ in TRIALS:
        with world.sink(name, context=which and getattr(world, which)) as sink:
            to = "a@" + world.cases[name].domain
            world.send(to)
            assert world.outcome(to).startswith("success: ")
            assert [t.connection.tls for t in sink.transactions] == [
                which is not None]
    folder = world.instance.home / "state/tlsrpt"
    for name, _, fault in TRIALS:
        case = world.cases[name]
        line, = wait_for(lambda d=case.domain: [
            x for f in folder.iterdir() for x in f.read_text().splitlines()
            if f" {d} " in x], why="counts on the disk")
        assert f" 1 {case.domain} sts - - {fault} {case.host} " in line


def test_a_password_goes_within_tls_from_the_first_byte(world):
    with world.sink("smtps", {"AUTH": "235 2.7.0 welcome", "RCPT": stay},
                    port=465, context=world.stranger, implicit=True,
                    offers=("AUTH PLAIN",)) as sink:
        to = go(world, "smtps")
        line = world.journal(to, "ok")
        assert "]:465 " in line and " tls=TLSv1.3\\x20" in line
        got = sink.transactions[0].connection
        login = base64.b64encode(b"\0culver\0pass word")
        assert b"AUTH PLAIN " + login in got.lines
        assert b"STARTTLS" not in got.lines and got.tls


def test_the_next_host_is_tried(world):
    """Nothing listens at the first, the second is busy."""
    with world.sink("next", {"RCPT": stay}) as sink, \
            world.sink("next", {"GREETING": "421 busy"},
                       address="192.0.2.202") as busy:
        line = world.journal(go(world, "next"), "ok")
        assert "via=smtp\\x20mx.next.example.test[" in line
        assert len(busy.connections) == len(sink.transactions) == 1


def test_ipv6_comes_first_and_ipv4_after_it(world):
    for name, address in (("six", "2001:db8::6"),
                          ("four", world.cases["four"].address)):
        with world.sink(name, {"RCPT": stay}) as four, \
                world.sink(name, {"RCPT": stay}, address="2001:db8::6") as six:
            line = world.journal(go(world, name), "ok")
            assert f"[{address}]" in line
            assert [len(s.transactions) for s in (four, six)] == [
                name == "four", name == "six"]


@pytest.mark.parametrize("domain, status", [
    ("null.example.test", "5.1.10"), ("nobody.example.test", "5.1.2"),
    ("own.example.test", "5.4.6")])
def test_where_no_mail_can_go_it_comes_back(world, domain, status):
    world.send("a@" + domain)
    notice = email.message_from_bytes(world.bounce(f"a@{domain}"))
    assert notice.get_content_type() == "multipart/report"
    fields = notice.get_payload(1).get_payload()[1]
    assert (fields["Action"], fields["Status"]) == ("failed", status)
    assert world.outcome("a@" + domain).endswith(f"(#{status})/")


def test_dns_trouble_is_not_the_senders(world):
    world.send("a@mxlost.example.test")
    line = world.journal("a@mxlost.example.test", "defer")
    assert " status=4.1.2 " in line
    assert not world.notices("a@mxlost.example.test")


def test_a_host_that_knows_dsn_is_told_what_was_asked_for(world):
    with world.sink("dsn") as sink:
        to = "a@dsn.example.test"
        world.send(to, mail=["RET=HDRS", "ENVID=x+2By"],
                   rcpt=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;o@x.test"])
        assert world.outcome(to).startswith("success: ")
        got = sink.transactions[0]
        assert b" RET=HDRS" in got.mail and b" ENVID=x+2By" in got.mail
        assert b" NOTIFY=SUCCESS,FAILURE" in got.rcpts[0]
        assert b" ORCPT=rfc822;o@x.test" in got.rcpts[0]
    # The next host will tell; that we have not is only known when it is over.
    wait_for(lambda: world.ended(to), why="the message is removed")
    assert not world.notices(to)


def test_a_host_that_does_not_know_dsn_is_spoken_for(world):
    to = "a@nodsn.example.test"
    with world.sink("nodsn", offers=tuple(o for o in OFFERS if o != "DSN")
                    ) as sink:
        world.send(to, mail=["RET=HDRS", "ENVID=x+2By"],
                   rcpt=["NOTIFY=SUCCESS,FAILURE"])
        notice = email.message_from_bytes(world.bounce(to))
        about, fields = notice.get_payload(1).get_payload()
        assert about["Original-Envelope-Id"] == "x+y"
        assert fields["Action"] == "relayed"
        assert fields["Status"].startswith("2.")
        assert b"NOTIFY" not in sink.transactions[0].rcpts[0]
        assert b"RET" not in sink.transactions[0].mail


def test_an_address_in_utf8_is_not_forced_upon_a_host(world):
    to = "r\u00fcdiger@utf8.example.test"
    with world.sink("utf8", offers=("8BITMIME", "PIPELINING")) as sink:
        world.send(to, mail=["SMTPUTF8"])
        notice = world.bounce("diger@utf8.example.test")
        assert b"\nStatus: 5.6.7\n" in notice
        assert sink.transactions == []
        assert all(max(x) < 128 for c in sink.connections for x in c.lines)


def test_mail_that_waits_is_tried_again_when_it_is_asked_for(world):
    to = "a@later.example.test"
    with world.sink("later", {"RCPT": ["450 4.2.0 later", "250 ok"],
                              "DATA": ["554 5.5.1 none", "354 go on"]}) as sink:
        world.send(to)
        assert world.outcome(to).startswith("deferral: ")
        world.journal(to, "defer")
        world.retry_until(lambda: world.ended(to))
        assert world.outcome(to).startswith("success: ")
        assert len(sink.transactions) == 1
    assert not world.notices(to)


def test_what_a_host_says_writes_nothing_on_a_terminal(world):
    to = "a@rude.example.test"
    rude = b"550 5.1.1 no\x1b[31m <such>\x07 user \xff\r\n"
    with world.sink("rude", {"RCPT": rude, "DATA": "554 5.5.1 none"}):
        world.send(to)
        notice = world.bounce(to)
    shown = b"Remote host said: 550 5.1.1 no?[31m <such>? user ?\n"
    assert shown in notice
    _, fields = email.message_from_bytes(notice).get_payload(1).get_payload()
    assert fields["Remote-MTA"] == "dns; mx.rude.example.test"
    assert fields["Diagnostic-Code"].startswith("smtp; 550 5.1.1 no")
    assert "Giving up" not in fields["Diagnostic-Code"]
    for said in (notice, world.instance.log("send").read_bytes()):
        assert all(c in b"\n\t" or 32 <= c < 127 for c in said)
