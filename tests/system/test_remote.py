"""culver-remote against hosts that say what a script says."""
import base64
import email
import hmac
import itertools
import os
import socket
import ssl
import struct
import subprocess

import pytest
from dnsbed import Nameserver
from errandbed import ErrandBed
from remotebed import RemoteBed
from sendbed import BIN
from sinkbed import DROP, OFFERS, Pause, Sink

HOST = "127.0.0.1"


@pytest.fixture
def bed():
    bed = ErrandBed()
    yield bed
    bed.close()


def go(bed, sink, *args, **more):
    """One errand to the sink, and what came of it."""
    bed.route("%s%s:%d" % ("lmtp:" if sink.lmtp else "", HOST, sink.port))
    if bed.process is None:
        bed.start()
    return bed.errand(*args, **more)


def said(text):
    return "Remote host said: " + text + "\n"


# name, script, recipients, then for each recipient and for the end:
# letter, status, and the text
REPORTS = [
    ("accepted", {}, 1, "K 2.0.0",
     "127.0.0.1 accepted message.\n" + said("250 taken"), "served"),
    ("accepted with a status", {"EOD": "250 2.6.0 queued as 1"}, 1, "K 2.6.0",
     "127.0.0.1 accepted message.\n" + said("250 2.6.0 queued as 1"),
     "served"),
    ("greeting refuses", {"GREETING": "554 go away"}, 1, "Z 4.4.0",
     "Connected to 127.0.0.1 but greeting failed.\n" + said("554 go away"),
     "slow"),
    ("greeting defers", {"GREETING": "421 busy"}, 1, "Z 4.4.0",
     "Connected to 127.0.0.1 but greeting failed.\n" + said("421 busy"),
     "slow"),
    ("greeting is a drop", {"GREETING": DROP}, 1, "Z 4.4.2",
     "Connected to 127.0.0.1 but connection died. (#4.4.2)\n", "slow"),
    ("greeting is no reply", {"GREETING": b"hello\r\n"}, 1, "Z 4.4.2",
     "Connected to 127.0.0.1 but connection died. (#4.4.2)\n", "slow"),
    ("greeting has a NUL", {"GREETING": b"220 a\0b\r\n"}, 1, "Z 4.4.2",
     "Connected to 127.0.0.1 but connection died. (#4.4.2)\n", "slow"),
    ("greeting of LF lines", {"GREETING": b"220-a\n220 b\n"}, 1, "K 2.0.0",
     "127.0.0.1 accepted message.\n" + said("250 taken"), "served"),
    ("name is refused", {"EHLO": "550 no", "HELO": "550 5.7.1 no"}, 1,
     "Z 4.5.0", "Connected to 127.0.0.1 but my name was rejected.\n" +
     said("550 5.7.1 no"), "slow"),
    ("HELO alone", {"EHLO": "500 what?"}, 1, "K 2.0.0",
     "127.0.0.1 accepted message.\n" + said("250 taken"), "served"),
    ("sender is refused", {"MAIL": "550 5.7.1 no", "RCPT": "503 no",
                           "DATA": "503 no"}, 1, "D 5.7.1",
     "Connected to 127.0.0.1 but sender was rejected.\n" +
     said("550 5.7.1 no"), "served"),
    ("sender is deferred", {"MAIL": "451 4.7.1 wait", "RCPT": "503 no",
                            "DATA": "503 no"}, 1, "Z 4.7.1",
     "Connected to 127.0.0.1 but sender was rejected.\n" +
     said("451 4.7.1 wait"), "slow"),
    ("421 at MAIL", {"MAIL": "421 4.3.2 stop"}, 1, "Z 4.3.2",
     "Connected to 127.0.0.1 but sender was rejected.\n" +
     said("421 4.3.2 stop"), "slow"),
    ("drop at MAIL", {"MAIL": DROP}, 1, "Z 4.4.2",
     "Connected to 127.0.0.1 but connection died. (#4.4.2)\n", "slow"),
    ("recipient is refused", {"RCPT": "550 5.1.1 who?", "DATA": "554 none"},
     1, "D 5.1.1", "127.0.0.1 does not like recipient.\n" +
     said("550 5.1.1 who?") + "Giving up on 127.0.0.1.\n", "served"),
    ("recipient is refused in lines",
     {"RCPT": "550 5.1.1 who\n550 5.1.1 is it?", "DATA": "554 none"}, 1,
     "D 5.1.1", "127.0.0.1 does not like recipient.\n" +
     said("550-5.1.1 who\n550 5.1.1 is it?") + "Giving up on 127.0.0.1.\n",
     "served"),
    ("recipient is greylisted", {"RCPT": "450 4.7.1 later",
                                 "DATA": "554 none"}, 1, "Z 4.7.1",
     "127.0.0.1 does not like recipient.\n" + said("450 4.7.1 later") +
     "Giving up on 127.0.0.1.\n", "served"),
    ("host has enough at RCPT", {"RCPT": "450 4.7.28 rate",
                                 "DATA": "554 none"}, 1, "Z 4.7.28",
     "127.0.0.1 does not like recipient.\n" + said("450 4.7.28 rate") +
     "Giving up on 127.0.0.1.\n", "slow"),
    ("mailbox is full", {"RCPT": "552 5.2.2 full", "DATA": "554 none"}, 1,
     "D 5.2.2", "127.0.0.1 does not like recipient.\n" +
     said("552 5.2.2 full") + "Giving up on 127.0.0.1.\n", "served"),
    ("552 for the first", {"RCPT": "552 too many", "DATA": "554 none"}, 1,
     "Z 4.5.3", "127.0.0.1 does not like recipient.\n" +
     said("552 too many") + "Giving up on 127.0.0.1.\n", "served"),
    ("DATA is refused", {"DATA": "554 5.6.0 no"}, 1, "D 5.6.0",
     "127.0.0.1 failed on DATA command.\n" + said("554 5.6.0 no"), "served"),
    ("DATA is deferred", {"DATA": "451 no"}, 1, "Z 4.0.0",
     "127.0.0.1 failed on DATA command.\n" + said("451 no"), "served"),
    ("DATA is taken for a message", {"DATA": "250 ok"}, 1, "Z 4.0.0",
     "127.0.0.1 failed on DATA command.\n" + said("250 ok"), "served"),
    ("message is refused", {"EOD": "554 5.7.1 spam"}, 1, "D 5.7.1",
     "127.0.0.1 failed after I sent the message.\n" +
     said("554 5.7.1 spam"), "served"),
    ("message is deferred", {"EOD": "452 4.3.1 full"}, 1, "Z 4.3.1",
     "127.0.0.1 failed after I sent the message.\n" +
     said("452 4.3.1 full"), "served"),
    ("421 for the message", {"EOD": "421 4.3.2 down"}, 1, "Z 4.3.2",
     "127.0.0.1 failed after I sent the message.\n" +
     said("421 4.3.2 down"), "slow"),
    ("drop behind the message", {"EOD": DROP}, 1, "Z 4.4.2",
     "Connected to 127.0.0.1 but connection died. Possible duplicate! "
     "(#4.4.2)\n", "served"),
    ("drop at DATA", {"DATA": DROP}, 1, "Z 4.4.2",
     "Connected to 127.0.0.1 but connection died. (#4.4.2)\n", "slow"),
]


@pytest.mark.parametrize("offers", (OFFERS, OFFERS[1:]),
                         ids=("pipelined", "in turn"))
@pytest.mark.parametrize("name,script,count,is_,text,fault", REPORTS,
                         ids=[row[0] for row in REPORTS])
def test_reports_are_those_of_qmail_remote(bed, name, script, count, is_, text,
                                           fault, offers):
    with Sink(script, offers) as sink:
        results = go(bed, sink)
        one = results.one()
        assert "%s %s" % (one.letter, one.status) == is_
        assert one.via == ("smtp [%s]:%d" % (HOST, sink.port)
                           if "host said" in text and "greeting" not in text
                           and "name" not in text else "")
        assert one.text == text
        assert results.end.fault == fault
        assert not results.end.signal
        bed.stop()


def test_each_recipient_has_its_own_result(bed):
    script = {"RCPT": ["250 ok", "550 5.1.1 no", "450 4.2.1 later", "250 ok"]}
    for offers in (OFFERS, ()):
        with Sink(script, offers) as sink:
            results = go(bed, sink, ["%s@far.example" % c for c in "abcd"])
            assert [results.one(i).letter for i in range(4)] == list("KDZK")
            assert set(results) == {1, 2}
            assert [t.rcpts for t in sink.transactions] == [
                [b"TO:<a@far.example>", b"TO:<d@far.example>"]]
        script = {"RCPT": ["250 ok", "550 5.1.1 no", "450 4.2.1 later",
                           "250 ok"]}


def test_groups_of_commands_go_together_where_offered(bed):
    with Sink() as sink:
        go(bed, sink, ["%s@far.example" % c for c in "abc"])
        groups = sink.connections[0].groups
        lines = sink.connections[0].lines
        # RFC 2920, 3.1: DATA is the last of its group.
        assert groups[1] == 5 and lines[5] == b"DATA"


def test_commands_wait_for_replies_where_not_offered(bed):
    with Sink(offers=("SIZE",)) as sink:
        go(bed, sink, ["%s@far.example" % c for c in "abc"])
        assert set(sink.connections[0].groups) == {1}


def test_a_354_for_nobody_gets_an_empty_message(bed):
    with Sink({"RCPT": "550 5.1.1 no", "EOD": "554 nobody"}) as sink:
        results = go(bed, sink, ["a@far.example", "b@far.example"])
        assert [results[i].letter for i in (0, 1)] == ["D", "D"]
        assert [t.data for t in sink.transactions] == [b""]
        # and the connection goes on
        sink.script = {}
        assert go(bed, sink).one().letter == "K"
        assert len(sink.connections) == 1


def test_a_hundred_recipients_go_in_one_transaction(bed):
    with Sink() as sink:
        results = go(bed, sink, ["r%03d@far.example" % i for i in range(100)])
        assert results.one(99).letter == "K" and not results
        assert [len(t.rcpts) for t in sink.transactions] == [100]


@pytest.mark.parametrize("reply", ("452 too many", "452 4.5.3 too many",
                                   "552 too many", "552 5.5.3 too many"))
@pytest.mark.parametrize("offers", (OFFERS, ()), ids=("pipelined", "in turn"))
def test_too_many_recipients_go_in_further_transactions(bed, reply, offers):
    script = {"RCPT": (["250 ok"] * 3 + [reply] * 4 + ["250 ok"] * 3 + [reply] +
                       ["250 ok"])}
    with Sink(script, offers) as sink:
        results = go(bed, sink, ["r%d@far.example" % i for i in range(7)])
        assert [results.one(i).letter for i in range(7)] == ["K"] * 7
        assert [len(t.rcpts) for t in sink.transactions] == [3, 3, 1]
        assert len(sink.connections) == 1


def test_a_limit_of_recipients_is_kept_to(bed):
    with Sink(offers=OFFERS + ("LIMITS RCPTMAX=2 MAILMAX=2",)) as sink:
        results = go(bed, sink, ["r%d@far.example" % i for i in range(4)])
        assert [results.one(i).letter for i in range(4)] == ["K"] * 4
        assert [len(t.rcpts) for t in sink.transactions] == [2, 2]
        # MAILMAX: the next is sent over another connection.
        assert go(bed, sink).one().letter == "K"
        assert len(sink.connections) == 2


# sequences of the table of attacks, 3.1
SMUGGLING = [b"\n.\n", b"\n.\r\n", b"\n.\r", b"\r.\r", b"\r.\n", b"\r.\r\n",
             b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\n.\r\n",
             b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\r\n.\0\r\n", b"\r\n. \r\n",
             b"\r\n..\n", b"\r\n.\t\r\n"]
EVIL = (b"MAIL FROM:<evil@a.test>\r\nRCPT TO:<u@local.test>\r\nDATA\r\n"
        b"Subject: smuggled\r\n\r\nx")


@pytest.mark.parametrize("chunking", (False, True), ids=("DATA", "BDAT"))
def test_no_message_holds_another(bed, chunking):
    offers = OFFERS + (("CHUNKING",) if chunking else ())
    with Sink(offers=offers) as sink:
        for end in SMUGGLING:
            body = b"Subject: x\n\nhello" + end + EVIL + end
            assert go(bed, sink, body=body).one().letter == "K"
            assert len(sink.connections) == 1
            data = sink.transactions[-1].data
            bare = data.replace(b"\r\n", b"")
            assert b"\r" not in bare and b"\n" not in bare
            assert data.endswith(b"\r\n")
            if not chunking:
                assert b"\r\n.\r\n" not in data
        assert len(sink.transactions) == len(SMUGGLING)
        verbs = {line.split()[0] for line in sink.connections[0].lines}
        assert verbs == {b"EHLO", b"MAIL", b"RCPT",
                         b"BDAT" if chunking else b"DATA"}


def crlf(body):
    body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if body and not body.endswith(b"\n"):
        body += b"\n"
    return body.replace(b"\n", b"\r\n")


BODIES = [b"", b"\n", b"x", b".", b"..\n.\n", b"a\r\nb\n", b"a\rb", b"\0\n\0",
          b"x" * 70000, b".\n" * 40000, b"line\n" * 100000]


@pytest.mark.parametrize("offers", (OFFERS, OFFERS + ("CHUNKING",), ()),
                         ids=("pipelined", "chunked", "plain"))
def test_messages_arrive_as_they_are(bed, offers):
    with Sink(offers=offers) as sink:
        for body in BODIES:
            assert go(bed, sink, body=body).one().letter == "K"
            got = sink.transactions[-1]
            data = got.data
            if not got.chunked:
                data = b"".join(line[1:] if line.startswith(b".") else line
                                for line in data.splitlines(keepends=True))
            assert data == crlf(body)
            if "SIZE 1000000" in offers:
                assert b"SIZE=%d" % len(data) in got.mail


def test_what_is_too_large_is_not_sent(bed):
    with Sink(offers=("SIZE 100",)) as sink:
        # 99 bytes, a line of 50 among them: 101 octets
        body = b"x" * 49 + b"\n" + b"y" * 48 + b"\n"
        results = go(bed, sink, body=body)
        assert results.end.letter == "D" and results.end.status == "5.3.4"
        assert "larger than 127.0.0.1 takes" in results.end.text
        assert not any(line.startswith(b"MAIL")
                       for line in sink.connections[0].lines)
        assert go(bed, sink, body=body[1:]).one().letter == "K"


EIGHT = (b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
         b"Content-Transfer-Encoding: 8bit\n\ngr\xc3\xbc\xc3\x9fe\n")


def test_eight_bits_go_to_whom_they_are_offered(bed):
    with Sink() as sink:
        assert go(bed, sink, body=EIGHT).one().letter == "K"
        assert b" BODY=8BITMIME" in sink.transactions[0].mail
        assert sink.transactions[0].data == crlf(EIGHT)
        assert go(bed, sink).one().letter == "K"
        assert b"BODY" not in sink.transactions[1].mail


def test_eight_bits_are_converted_for_others(bed):
    with Sink(offers=("SIZE 1000",)) as sink:
        assert go(bed, sink, body=EIGHT).one().letter == "K"
        got = sink.transactions[0]
        assert max(got.data) < 128
        assert b"SIZE=%d" % len(got.data) in got.mail
        assert b"BODY" not in got.mail
        message = email.message_from_bytes(got.data)
        assert message.get_payload(decode=True) == crlf(EIGHT)[-9:]
        assert message["Content-Transfer-Encoding"] == "quoted-printable"
        # The next host may have it as it is.
        with Sink() as other:
            assert go(bed, other, body=EIGHT).one().letter == "K"
            assert other.transactions[0].data == crlf(EIGHT)


def test_what_cannot_be_converted_is_returned(bed):
    with Sink(offers=()) as sink:
        results = go(bed, sink, body=b"Subject: \xe9\n\nx\n")
        assert (results.end.letter, results.end.status) == ("D", "5.6.3")
        assert "8-bit" in results.end.text
        assert not sink.transactions


def test_an_offer_that_is_none_is_passed_over(bed):
    with Sink(offers=("SIZE x", "AUTH=PLAIN", "", "PIPELININGS", "8BITMIME x",
                      "X" * 500)) as sink:
        assert go(bed, sink, body=EIGHT).one().letter == "K"
        assert b"SIZE=" in sink.transactions[0].mail
        assert b"BODY=8BITMIME" in sink.transactions[0].mail


UTF8 = "r\u00fcdiger@far.example"


def test_utf8_goes_to_whom_it_is_offered(bed):
    with Sink() as sink:
        assert go(bed, sink, UTF8, records=[b"U"]).one().letter == "K"
        got = sink.transactions[0]
        assert b" SMTPUTF8" in got.mail
        assert got.rcpts == [b"TO:<%s>" % UTF8.encode()]


def test_utf8_is_returned_where_it_is_not_offered(bed):
    with Sink(offers=("8BITMIME", "PIPELINING")) as sink:
        results = go(bed, sink, ["a@far.example", UTF8], records=[b"U"])
        assert results.one(0).letter == "K"
        assert (results[1].letter, results[1].status) == ("D", "5.6.7")
        assert sink.transactions[0].rcpts == [b"TO:<a@far.example>"]
        assert b"SMTPUTF8" not in sink.transactions[0].mail
        # A sender or a header field concerns everybody.
        results = go(bed, sink, sender="s\u00fc@example.net", records=[b"U"])
        assert (results.end.letter, results.end.status) == ("D", "5.6.7")
        results = go(bed, sink, body=b"Subject: \xc3\xbc\n\nx\n",
                     records=[b"U"])
        assert (results.end.letter, results.end.status) == ("D", "5.6.7")
        # Nothing of it needs SMTPUTF8, whatever the client said.
        results = go(bed, sink, body=EIGHT, records=[b"U"])
        assert results.one().letter == "K"


def test_a_domain_alone_needs_no_utf8(bed):
    with Sink(offers=()) as sink:
        results = go(bed, sink, "r@b\u00fccher.example",
                     sender="s@m\u00fcller.example", records=[b"U"])
        assert results.one().letter == "K"
        got = sink.transactions[0]
        assert got.rcpts == [b"TO:<r@xn--bcher-kva.example>"]
        assert got.mail.startswith(b"FROM:<s@xn--mller-kva.example>")


def test_notices_are_asked_for_by_recipient(bed):
    params = {4: [b"NSUCCESS,DELAY", b"Orfc822;a+2Bb@x"], 9: [b"NNEVER"]}
    with Sink() as sink:
        results = go(bed, sink, ["a@far.example", "b@far.example",
                                 "c@far.example"], numbers=[2, 4, 9],
                     params=params, records=[b"RHDRS", b"Eid+1=\xc2\xa0x"])
        assert [results.one(i).letter for i in (2, 4, 9)] == ["K"] * 3
        assert not results
        got = sink.transactions[0]
        assert b" RET=HDRS ENVID=id+2B1+3D+C2+A0x" in got.mail
        assert got.rcpts == [
            b"TO:<a@far.example>",
            b"TO:<b@far.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@x",
            b"TO:<c@far.example> NOTIFY=NEVER"]


def test_a_host_without_notices_leaves_them_to_us(bed):
    params = {1: [b"NSUCCESS", b"Orfc822;x@y"]}
    with Sink(offers=("PIPELINING",)) as sink:
        results = go(bed, sink, ["a@far.example", "b@far.example"],
                     params=params, records=[b"RFULL"])
        assert results[1].relayed and results[1].letter == "K"
        assert not results.end.relayed and 0 not in results
        got = sink.transactions[0]
        assert got.mail == b"FROM:<s@example.net>"
        assert got.rcpts[1] == b"TO:<b@far.example>"


def test_addresses_are_quoted_as_smtp_wants(bed):
    with Sink() as sink:
        results = go(bed, sink, ["a b@far.example", "a\"b@far.example"],
                     sender="")
        assert results.one(0).letter == "K"
        assert sink.transactions[0].mail.startswith(b"FROM:<>")
        assert sink.transactions[0].rcpts == [
            b'TO:<"a b"@far.example>', b'TO:<"a\\"b"@far.example>']


def test_lmtp_answers_for_each_recipient(bed):
    script = {"EOD": ["250 one", "550 5.2.2 two", "450 4.2.0 three"]}
    for offers in (OFFERS, ()):
        with Sink(script, offers, lmtp=True) as sink:
            results = go(bed, sink, ["%s@far.example" % c for c in "abc"])
            assert [results[i].letter for i in range(3)] == list("KDZ")
            assert results[0].text == ("127.0.0.1 accepted message.\n" +
                                       said("250 one"))
            assert results[1].text == (
                "127.0.0.1 failed after I sent the message.\n" +
                said("550 5.2.2 two"))
            assert sink.connections[0].lines[0] == b"LHLO mail.example"
            assert results[0].via.startswith("lmtp ")
            assert go(bed, sink).one().letter == "Z"
            assert len(sink.connections) == 1
        script = {"EOD": ["250 one", "550 5.2.2 two", "450 4.2.0 three"]}


def test_lmtp_refuses_recipients_and_answers_for_the_others(bed):
    script = {"RCPT": ["550 5.1.1 a", "250 ok", "250 ok"],
              "EOD": ["450 4.2.0 b", "250 c"]}
    with Sink(script, lmtp=True) as sink:
        results = go(bed, sink, ["%s@far.example" % c for c in "abc"])
        assert [results[i].letter for i in range(3)] == list("DZK")


def test_lmtp_breaks_between_two_answers(bed):
    with Sink({"EOD": ["250 one", DROP]}, lmtp=True) as sink:
        results = go(bed, sink, ["%s@far.example" % c for c in "abc"])
        assert [results[i].letter for i in range(3)] == list("KZZ")
        assert "Possible duplicate!" in results[1].text
        assert "Possible duplicate!" in results[2].text


def test_lmtp_has_no_helo(bed):
    with Sink({"LHLO": "500 what?"}, lmtp=True) as sink:
        assert go(bed, sink).end.letter == "Z"
        assert all(b"HELO" != line[:4] for line in sink.connections[0].lines)


def test_a_connection_is_used_again(bed):
    with Sink() as sink:
        for _ in range(5):
            assert go(bed, sink).one().letter == "K"
        assert len(sink.connections) == 1
        assert len(sink.transactions) == 5
        assert bed.stop() == 0
        sink.wait(lambda: sink.connections[0].quit)


def test_a_refusal_leaves_the_connection_clean(bed):
    refusals = [{"RCPT": "550 5.1.1 no", "DATA": "554 nobody"},
                {"DATA": "554 no"}, {"EOD": "554 no"},
                {"MAIL": "550 no", "RCPT": "503 no", "DATA": "503 no"}]
    with Sink() as sink:
        for script, offers in itertools.product(refusals, (OFFERS, ())):
            sink.script = script
            assert go(bed, sink).one().letter == "D"
            sink.script = {}
            assert go(bed, sink).one().letter == "K"
        assert len(sink.connections) == 1


def test_a_connection_that_died_in_between_is_made_anew(bed):
    with Sink() as sink:
        assert go(bed, sink).one().letter == "K"
        sink.connections[0].sock.shutdown(socket.SHUT_RDWR)
        assert go(bed, sink).one().letter == "K"
        assert len(sink.connections) == 2


def test_a_connection_that_was_given_notice_is_made_anew(bed):
    with Sink() as sink:
        assert go(bed, sink).one().letter == "K"
        sink.connections[0].sock.sendall(b"421 idle for too long\r\n")
        assert go(bed, sink).one().letter == "K"
        assert len(sink.connections) == 2


def test_a_connection_that_fails_again_is_made_anew(bed):
    with Sink() as sink:
        assert go(bed, sink).one().letter == "K"
        for reply in ("421 enough", DROP):
            sink.script = {"MAIL": [reply, "250 ok"]}
            results = go(bed, sink)
            assert results.one().letter == "K"
            assert results.end.fault == "served"
        assert len(sink.connections) == 3


def test_another_way_has_another_connection(bed):
    with Sink() as one, Sink() as two:
        assert go(bed, one).one().letter == "K"
        assert go(bed, two).one().letter == "K"
        assert (len(one.transactions), len(two.transactions)) == (1, 1)
        one.wait(lambda: one.connections[0].quit)


RELAY = {("relay.example", "A"): ["127.0.0.1", "127.0.0.2"]}

# What the first of two addresses does, so that the second is tried.
PASSED_OVER = [
    {"GREETING": ["554 no", "220 ok"]},
    {"GREETING": ["421 no", "220 ok"]},
    {"GREETING": [DROP, "220 ok"]},
    {"GREETING": [b"220 \0\r\n", "220 ok"]},
    {"EHLO": ["421 no", "250 ok"]},
    {"EHLO": ["550 no", "250 ok"], "HELO": "550 no"},
    {"MAIL": ["421 no", "250 ok"]},
    {"MAIL": [DROP, "250 ok"]},
    {"RCPT": ["421 no", "250 ok"]},
    {"RCPT": ["250 ok", DROP, "250 ok"]},
    {"RCPT": ["250 ok", "421 no", "250 ok"]},
    {"DATA": ["421 no", "354 ok"]},
    {"DATA": [DROP, "354 ok"]},
    {"EOD": ["421 4.3.2 no", "250 ok"]},
]
# What is an answer, however many addresses there are.
ANSWERS = [
    {"MAIL": ["550 no", "250 ok"], "RCPT": ["503 no", "503 no", "250 ok"],
     "DATA": ["503 no", "354 ok"]},
    {"MAIL": ["451 no", "250 ok"], "RCPT": ["503 no", "503 no", "250 ok"],
     "DATA": ["503 no", "354 ok"]},
    {"RCPT": ["450 no", "450 no", "250 ok"], "DATA": ["554 no", "354 ok"]},
    {"DATA": ["554 no", "354 ok"]},
    {"EOD": ["554 no", "250 ok"]},
    {"EOD": ["450 no", "250 ok"]},
    {"EOD": [DROP, "250 ok"]},
]


def go_to_relay(bed, sink, server):
    bed.control("dnsservers", "127.0.0.1:%d" % server.port)
    bed.route("relay.example:%d" % sink.port).start()
    return bed.errand(["a@far.example", "b@far.example"])


@pytest.mark.parametrize("offers", (OFFERS, ()), ids=("pipelined", "in turn"))
@pytest.mark.parametrize("script", PASSED_OVER)
def test_the_next_address_is_tried(bed, script, offers):
    script = {verb: list(reply) if isinstance(reply, list) else reply
              for verb, reply in script.items()}
    with Sink(script, offers, host="0.0.0.0") as sink, \
            Nameserver(RELAY) as server:
        results = go_to_relay(bed, sink, server)
        assert [results.one(i).letter for i in (0, 1)] == ["K", "K"]
        assert results.end.fault == "served"
        assert len(sink.connections) == 2
        assert sink.transactions[-1].rcpts == [
            b"TO:<a@far.example>", b"TO:<b@far.example>"]


@pytest.mark.parametrize("script", ANSWERS)
def test_an_answer_is_not_asked_for_again(bed, script):
    script = {verb: list(reply) for verb, reply in script.items()}
    with Sink(script, host="0.0.0.0") as sink, Nameserver(RELAY) as server:
        results = go_to_relay(bed, sink, server)
        assert results.one(0).letter in "ZD"
        assert len(sink.connections) == 1


def test_who_has_an_answer_is_not_sent_to_the_next_address(bed):
    script = {"RCPT": ["550 5.1.1 no", "250 ok"], "DATA": [DROP, "354 ok"]}
    with Sink(script, host="0.0.0.0") as sink, Nameserver(RELAY) as server:
        results = go_to_relay(bed, sink, server)
        assert [results.one(i).letter for i in (0, 1)] == ["D", "K"]
        assert sink.transactions[0].rcpts == [b"TO:<b@far.example>"]


def test_another_name_of_a_host_shares_its_connection(bed):
    zone = {("one.example", "A"): ["127.0.0.1"],
            ("two.example", "A"): ["127.0.0.1"],
            ("three.example", "A"): ["127.0.0.2"]}
    with Sink(host="0.0.0.0") as sink, Nameserver(zone) as server:
        bed.control("dnsservers", "127.0.0.1:%d" % server.port)
        bed.control("smtproutes", "\n".join(
            "%s:%s.example:%d" % (to, way, sink.port) for to, way in (
                ("a.example", "one"), ("b.example", "two"),
                ("c.example", "three"))))
        bed.start()
        for domain, count in (("a", 1), ("b", 1), ("a", 1), ("c", 2)):
            assert bed.errand("x@%s.example" % domain).one().letter == "K"
            assert len(sink.connections) == count


def test_dns_that_says_nothing_defers(bed):
    with Nameserver(RELAY, {("far.example", "MX"): "servfail"}) as server:
        bed.control("dnsservers", "127.0.0.1:%d" % server.port)
        bed.start()
        results = bed.errand()
        assert results.end.letter == "Z" and results.end.fault == "dead"
        results = bed.errand("x@nowhere.example")
        assert (results.end.letter, results.end.status) == ("D", "5.1.2")
        assert results.end.fault == "served"


def test_what_leads_to_another_host_by_now_is_sent_back(bed):
    with Sink() as one, Sink() as two:
        bed.control("smtproutes", "a.example:%s:%d\nb.example:%s:%d" % (
            HOST, one.port, HOST, two.port))
        bed.start()
        results = bed.errand(["x@a.example", "x@b.example", "y@a.example"])
        assert results.one(0).letter == results.one(2).letter == "K"
        assert (results[1].letter, results[1].status) == ("Z", "4.3.5")
        assert results[1].via == "" and HOST in results.one(0).via
        assert not two.transactions


def test_a_connection_comes_from_where_the_sender_wants(bed):
    bed.control("outgoingip", "one.example:127.0.0.5\n:127.0.0.6")
    with Sink() as sink:
        for sender, peer in (("s@one.example", "127.0.0.5"),
                             ("t@one.example", "127.0.0.5"),
                             ("s@two.example", "127.0.0.6")):
            assert go(bed, sink, sender=sender).one().letter == "K"
            assert sink.connections[-1].peer == peer
        assert len(sink.connections) == 2


def test_nobody_listens(bed):
    with Sink() as sink:
        port = sink.port
    bed.route("%s:%d" % (HOST, port)).start()
    results = bed.errand()
    assert results.end.letter == "Z" and results.end.status == "4.4.1"
    assert results.end.text.startswith(
        "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n")
    assert results.end.fault == "dead"


def test_a_domain_that_is_none_is_returned(bed):
    bed.start()
    results = bed.errand("x@-..example")
    assert (results.end.letter, results.end.status) == ("D", "5.1.2")


def test_settings_that_cannot_be_read_defer(bed):
    with Sink() as sink:
        bed.control("timeoutremote", "soon")
        results = go(bed, sink)
        assert (results.end.letter, results.end.status) == ("Z", "4.3.5")
        assert "control/timeoutremote:1" in results.end.text
        bed.control("timeoutremote", "60")
        assert go(bed, sink).one().letter == "K"


def test_a_damaged_body_is_held_when_it_is_tried_again(bed):
    with Sink() as sink:
        results = go(bed, sink, flags=1, crc=1)
        assert results.end.letter == "H"
        assert not sink.connections
        assert go(bed, sink, flags=1).one().letter == "K"
        assert go(bed, sink, flags=0, crc=1).one().letter == "K"


def refuse_early(reply):
    """354, and then the reply and the end while the message still comes."""
    def data(connection, argument):
        connection.sock.sendall(b"354 go on\r\n")
        connection.take(100000)
        connection.sock.sendall(reply)
        connection.sock.shutdown(socket.SHUT_WR)
        # What it has not read would reset the connection, and its word be lost.
        while connection.sock.recv(65536):
            pass
        return DROP
    return data


@pytest.mark.parametrize("reply,is_", (
    (b"552 5.3.4 too much\r\n", "D 5.3.4"),
    (b"452 4.3.1 full\r\n", "Z 4.3.1"), (b"", "Z 4.4.2")))
def test_a_host_has_enough_in_the_middle(bed, reply, is_):
    with Sink({"DATA": refuse_early(reply)}) as sink:
        results = go(bed, sink, body=b"x" * 70 + b"\n" + b"y" * 800000 + b"\n")
        assert "%s %s" % (results.end.letter, results.end.status) == is_
        assert not sink.transactions


def test_an_idle_connection_is_ended_politely(bed):
    with Sink() as sink:
        assert go(bed, sink).one().letter == "K"
        sink.wait(lambda: sink.connections[0].quit)
        assert bed.process.poll() is None
        assert go(bed, sink).one().letter == "K"
        assert len(sink.connections) == 2


def test_a_worker_without_errands_ends(bed):
    with Sink() as sink:
        assert go(bed, sink).one().letter == "K"
        assert bed.process.wait(180) == 0
        assert sink.connections[0].quit and bed.said() == ""


def test_a_silent_host_is_not_waited_for_for_ever(bed):
    bed.control("timeoutremote", "1")
    with Sink({"MAIL": Pause("250 ok")}) as sink:
        results = go(bed, sink)
        assert (results.end.letter, results.end.status) == ("Z", "4.4.2")
        assert results.end.fault == "slow"


def test_a_name_of_ours_is_given(bed):
    bed.control("helohost", "out.mail.example")
    with Sink() as sink:
        go(bed, sink)
        assert sink.connections[0].lines[0] == b"EHLO out.mail.example"


def plain(user, password):
    return base64.b64encode(b"\0%s\0%s" % (user, password))


def login_host(mechanism, password=b"pass word"):
    """A host that wants a login; what it was told."""
    told = []

    def auth(connection, argument):
        words = argument.split()
        told.append(words[0])
        if words[0] == b"PLAIN":
            answer = words[1:] or [ask(connection, b"")]
            ok = answer[0] == plain(b"me", password)
        elif words[0] == b"LOGIN":
            ok = (base64.b64decode(ask(connection, b"VXNlcm5hbWU6")),
                  base64.b64decode(ask(connection, b"UGFzc3dvcmQ6"))) == (
                      b"me", password)
        else:
            challenge = b"<1@sink>"
            answer = base64.b64decode(
                ask(connection, base64.b64encode(challenge)))
            digest = hmac.new(password, challenge, "md5").hexdigest()
            ok = answer == b"me " + digest.encode()
        return "235 2.7.0 welcome" if ok else "535 5.7.8 no"

    def ask(connection, challenge):
        connection.sock.sendall(b"334 %s\r\n" % challenge)
        return connection.line()

    sink = Sink({"AUTH": auth}, OFFERS + ("AUTH " + mechanism,))
    sink.told = told
    return sink


def go_as(bed, sink, password="pass word"):
    if sink.context is None:  # else a password goes nowhere without TLS
        bed.control("tlspolicy", ":none")
    bed.route("%s:%d|me|%s" % (HOST, sink.port, password))
    if bed.process is None:
        bed.start()
    return bed.errand()


@pytest.mark.parametrize("mechanisms,used", (
    ("PLAIN", b"PLAIN"), ("LOGIN", b"LOGIN"), ("CRAM-MD5", b"CRAM-MD5"),
    ("CRAM-MD5 LOGIN PLAIN", b"PLAIN"), ("X LOGIN CRAM-MD5", b"LOGIN")))
def test_it_logs_in(bed, mechanisms, used):
    with login_host(mechanisms) as sink:
        assert go_as(bed, sink).one().letter == "K"
        assert sink.told == [used]


def test_a_login_that_is_refused_waits_for_us(bed):
    with login_host("PLAIN", b"other") as sink:
        results = go_as(bed, sink)
        assert (results.end.letter, results.end.status) == ("Z", "4.7.8")
        assert "authentication was rejected" in results.end.text
        assert results.end.fault == "dead"
        assert not sink.transactions


def test_a_host_that_knows_no_login_of_ours_is_told_nothing(bed):
    with login_host("X") as sink:
        results = go_as(bed, sink)
        assert (results.end.letter, results.end.status) == ("Z", "4.7.11")
        assert not sink.told and not sink.transactions


def test_a_long_password_does_not_make_a_long_command(bed):
    password = "x" * 700
    with login_host("PLAIN", password.encode()) as sink:
        assert go_as(bed, sink, password).one().letter == "K"
        assert max(len(line) for line in sink.connections[0].lines) < 510


def test_a_challenge_that_is_none_is_given_up(bed):
    def auth(connection, argument):
        connection.sock.sendall(b"334 !!\r\n")
        assert connection.line() == b"*"
        return "501 5.5.2 as you like"
    with Sink({"AUTH": auth}, ("AUTH CRAM-MD5",)) as sink:
        assert go_as(bed, sink).end.letter == "Z"


def test_a_password_goes_nowhere_without_tls(bed):
    with login_host("PLAIN LOGIN") as sink:
        bed.route("%s:%d|me|secret" % (HOST, sink.port)).start()
        results = bed.errand()
        assert results.end.letter == "Z" and results.end.fault == "dead"
        assert not sink.told and not sink.transactions


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Of sink.example, by itself: (key and certificate in one file)."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
         "/CN=sink.example", "-addext", "subjectAltName=DNS:sink.example",
         "-keyout", folder / "key", "-out", folder / "cert"],
        check=True, capture_output=True)
    return folder


@pytest.fixture
def context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    return context


def test_tls_is_used_where_it_is_offered(bed, context):
    with Sink(context=context, offers=("SIZE 1", "PIPELINING"),
              offers_tls=("8BITMIME",)) as sink:
        for _ in range(3):
            results = go(bed, sink, body=EIGHT)
            assert results.one().letter == "K"
            assert results.end.tls.startswith("TLSv1.3 ")
            assert results.end.tls.endswith(" untrusted")
        # What was offered before it is forgotten (RFC 3207, 4.2).
        assert sink.connections[0].lines[:3] == [
            b"EHLO mail.example", b"STARTTLS", b"EHLO mail.example"]
        assert b"SIZE" not in sink.transactions[0].mail
        assert b"BODY=8BITMIME" in sink.transactions[0].mail
        assert len(sink.connections) == 1


def test_tls_that_is_refused_is_gone_without(bed, context):
    with Sink({"STARTTLS": "454 4.7.0 no"}, context=context) as sink:
        results = go(bed, sink)
        assert results.one().letter == "K" and results.end.tls == ""
        assert len(sink.connections) == 1


def test_tls_that_fails_is_gone_without(bed, context):
    with Sink({"STARTTLS": [b"220 go\r\n", "502 no"]},
              context=context) as sink:
        connect = sink.connections
        sink.context = None  # the handshake ends in a broken connection
        results = go(bed, sink)
        assert results.one().letter == "K" and results.end.tls == ""
        assert len(connect) == 2
        assert not any(line == b"STARTTLS" for line in connect[1].lines)


def test_nothing_is_said_in_the_clear_where_tls_is_wanted(bed, context):
    bed.control("tlspolicy", ":encrypt")
    scripts = [({}, None), ({"STARTTLS": "454 4.7.0 no"}, context)]
    for script, tls in scripts:
        with Sink(script, context=tls) as sink:
            results = go(bed, sink)
            assert results.end.letter == "Z" and results.end.fault == "dead"
            assert results.end.status.startswith("4.7.")
            assert not any(line.startswith(b"MAIL")
                           for line in sink.connections[0].lines)


@pytest.mark.parametrize("policy", ("may", "encrypt"))
def test_replies_before_the_handshake_are_an_attack(bed, context, policy):
    """Attacks 3.6, T2."""
    bed.control("tlspolicy", ":" + policy)
    evil = b"220 go\r\n250-sink.example\r\n250 SIZE 1\r\n"
    with Sink({"STARTTLS": evil}, context=context) as sink:
        results = go(bed, sink)
        assert results.end.letter == "Z"
        assert not sink.transactions
        assert all(line.split()[0] in (b"EHLO", b"STARTTLS")
                   for c in sink.connections for line in c.lines)


def test_a_host_proves_its_name(bed, context, certificate):
    authorities = bed.home / "authorities"
    authorities.write_bytes((certificate / "cert").read_bytes())
    bed.control("tlscafile", str(authorities))
    bed.control("tlspolicy", ":verify sink.example")
    with Sink(context=context) as sink:
        results = go(bed, sink)
        assert results.one().letter == "K"
        assert results.end.tls.endswith(" verified")
        assert results.end.group == ""
        bed.control("tlspolicy", ":verify other.example")
    with Sink(context=context) as sink:
        results = go(bed, sink)
        assert results.end.letter == "Z" and results.end.fault == "dead"
        # Others go to the same hosts, and are not dead for it.
        assert results.end.group == "lane"
        assert not sink.transactions


def test_a_promise_of_tls_is_not_broken(bed, context, certificate):
    """REQUIRETLS, RFC 8689."""
    for offers, tls in ((("REQUIRETLS",), None), (("REQUIRETLS",), context)):
        with Sink(offers=offers, context=tls) as sink:
            results = go(bed, sink, records=[b"Q"])
            assert (results.end.letter, results.end.status) == ("D", "5.7.30")
            assert not sink.transactions


def test_a_promise_of_tls_is_passed_on(bed, context, certificate):
    authorities = bed.home / "authorities"
    authorities.write_bytes((certificate / "cert").read_bytes())
    bed.control("tlscafile", str(authorities))
    bed.control("tlspolicy", ":verify sink.example")
    with Sink(offers=("REQUIRETLS",), context=context) as sink:
        assert go(bed, sink, records=[b"Q"]).one().letter == "K"
        assert sink.transactions[0].mail.endswith(b" REQUIRETLS")
        assert go(bed, sink).one().letter == "K"
        assert b"REQUIRETLS" not in sink.transactions[1].mail


def test_it_logs_in_within_tls(bed, context):
    with login_host("CRAM-MD5 PLAIN") as plain_sink:
        auth = plain_sink.script["AUTH"]
        with Sink({"AUTH": auth}, context=context,
                  offers_tls=("AUTH PLAIN",)) as sink:
            assert go_as(bed, sink).one().letter == "K"
            assert plain_sink.told == [b"PLAIN"]


@pytest.mark.skipif(os.geteuid() != 0, reason="port 465 is root's to give")
def test_tls_from_the_first_byte(bed, context):
    with Sink(context=context, implicit=True, host="127.0.0.9",
              port=465) as sink:
        bed.route("127.0.0.9:465").start()
        results = bed.errand()
        assert results.one().letter == "K"
        assert results.end.tls.startswith("TLSv1.3 ")
        assert b"STARTTLS" not in sink.connections[0].lines


def test_it_is_jailed(bed):
    with Sink() as sink:
        go(bed, sink)
        status = open("/proc/%d/status" % bed.process.pid).read()
        assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
        if os.geteuid() == 0:  # nobody else sees them: it is not dumpable
            fds = "/proc/%d/fd" % bed.process.pid
            assert len(os.listdir(fds)) < 20


def test_what_it_does_not_understand_ends_it(bed):
    bed.start()
    bed.sock.send(struct.pack(">I", 1) + b"nonsense")
    assert bed.process.wait() == 111
    assert "unable to understand culver-rspawn" in bed.said()


def test_the_real_spawner_starts_it():
    spawner = RemoteBed()
    try:
        worker = spawner.home / "bin/culver-remote"
        worker.write_bytes((BIN / "culver-remote").read_bytes())
        with Sink({"RCPT": ["250 ok", "550 5.1.1 no", "250 ok"]}) as sink:
            (spawner.home / "control/smtproutes").write_text(
                ":%s:%d\n" % (HOST, sink.port))
            spawner.start().connect()
            for _ in range(2):
                got = spawner.results(spawner.send(
                    spawner.put(b"Subject: y\n\nx\n"),
                    ["a@far.example", "b@far.example"]))
                assert got[-1].letter == "K" and got[-1].signal == 0
            assert [t.data for t in sink.transactions] == [
                b"Subject: y\r\n\r\nx\r\n"] * 2
            assert [len(t.rcpts) for t in sink.transactions] == [1, 2]
            assert len(sink.connections) == 1
    finally:
        spawner.close()
