"""culver-remote against hosts that answer what they were not asked, or break
where it hurts."""
import os
import signal
import socket
import struct

import pytest
from errandbed import ErrandBed
from sinkbed import Gone, OFFERS, Sink

HOST = "127.0.0.1"
TWO = ["a@far.example", "b@far.example"]


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


def reset_after(bed, reply):
    """A reply, and a reset that is there before anybody has read it."""
    def say(connection, argument):
        os.kill(bed.process.pid, signal.SIGSTOP)
        try:
            connection.sock.sendall(reply)
            connection.sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sock.close()
        finally:
            os.kill(bed.process.pid, signal.SIGCONT)
        raise Gone
    return say


def test_a_refusal_is_not_that_of_whom_the_host_took(bed):
    """The connection has gone before DATA can be sent."""
    with Sink(offers=()) as sink:
        sink.script["RCPT"] = ["250 ok", reset_after(bed, b"550 no\r\n"),
                               "250 ok"]
        results = go(bed, sink, TWO)
        assert results[1].letter == "D"
        assert (results.one(0).letter, results.one(0).status) == ("Z", "4.4.2")


def test_rset_refused_is_no_answer_to_who_was_not_asked(bed):
    script = {"RCPT": ["550 5.1.1 no", "250 ok"], "RSET": "500 what?"}
    with Sink(script, ("LIMITS RCPTMAX=1",)) as sink:
        results = go(bed, sink, TWO)
        assert results[0].letter == "D"
        assert results.one(1).letter == "Z"
        assert results.one(1).status.startswith("4.")


@pytest.mark.parametrize("verb,script", (
    ("EOD", {}), ("BDAT", {}),
    ("DATA", {}), ("EOD", {"RCPT": ["250 ok", "452 4.5.3 enough", "250 ok"]})))
@pytest.mark.parametrize("refusal,letter", (
    ("554 5.7.1 she takes no such thing", "D"), ("451 4.2.0 later", "Z")))
def test_a_message_refused_for_one_is_offered_to_the_next(
        bed, verb, script, refusal, letter):
    """Who takes one recipient at a time has them decide by themselves."""
    offers = OFFERS + (() if script else ("LIMITS RCPTMAX=1",)) + (
        ("CHUNKING",) if verb == "BDAT" else ())
    script = {k: list(v) for k, v in script.items()}
    good = "354 go on" if verb == "DATA" else "250 taken"
    with Sink({**script, verb: [refusal, good]}, offers) as sink:
        results = go(bed, sink, TWO)
        assert results.one(0).letter == letter
        assert results.one(1).letter == "K"
        assert sink.transactions[-1].rcpts == [b"TO:<b@far.example>"]


def test_a_host_that_has_enough_is_not_asked_for_the_next(bed):
    with Sink({"EOD": "451 4.7.0 slow down"},
              OFFERS + ("LIMITS RCPTMAX=1",)) as sink:
        results = go(bed, sink, TWO)
        assert [results.one(i).letter for i in range(2)] == ["Z", "Z"]
        assert len(sink.transactions) == 1


BODY = b"Subject: x\n\n" + b"y" * 70000 + b"\n"


@pytest.mark.parametrize("body", (b"Subject: x\n\nhi\n", BODY),
                         ids=("short", "long"))
@pytest.mark.parametrize("lmtp", (False, True), ids=("smtp", "lmtp"))
@pytest.mark.parametrize("offers", (OFFERS, ()), ids=("pipelined", "in turn"))
def test_an_answer_before_the_message_is_none(bed, body, lmtp, offers):
    script = {"DATA": b"354 go on\r\n250 taken\r\n", "EOD": "554 no"}
    with Sink(script, offers, lmtp=lmtp) as sink:
        results = go(bed, sink, body=body)
        assert results.one().letter == "Z"
        assert not sink.transactions
        sink.script = {}
        assert go(bed, sink, body=body).one().letter == "K"


@pytest.mark.parametrize("body", (b"Subject: x\n\nhi\n", BODY),
                         ids=("short", "long"))
def test_an_answer_too_many_is_not_that_to_a_chunk(bed, body):
    """The host refuses it, but has said something better before."""
    script = {"RCPT": ["250 ok", b"250 ok\r\n250 ok\r\n"], "BDAT": "554 no"}
    with Sink(script, OFFERS + ("CHUNKING",)) as sink:
        results = go(bed, sink, TWO, body=body)
        assert [results.one(i).letter for i in range(2)] == ["Z", "Z"]


@pytest.mark.parametrize("reply", (b"250 ok\r\n250 ok\r\n",
                                   b"250 ok\r\n550 no\r\n"))
@pytest.mark.parametrize("verb", ("MAIL", "RCPT"))
def test_an_answer_that_nobody_asked_for_is_nobodys(bed, verb, reply):
    with Sink({verb: [reply, "250 ok"]}, ()) as sink:
        results = go(bed, sink, TWO)
        assert [results.one(i).letter for i in range(2)] == ["Z", "Z"]
        assert not sink.transactions


def test_nothing_is_sent_to_whom_the_sender_was_refused_for(bed):
    """An empty message would be one, where the recipients were taken."""
    with Sink({"MAIL": b"550 no\r\n250 ok\r\n354 go on\r\n",
               "DATA": "354 go on"}) as sink:
        assert go(bed, sink).one().letter == "D"
        assert bed.stop() == 0
        sink.threads[0].join()
        assert not sink.transactions


def test_a_policy_holds_for_a_connection_that_is_there(bed):
    """What went in the clear yesterday must not do so today."""
    with Sink() as sink:
        assert go(bed, sink).one().letter == "K"
        assert go(bed, sink).one().letter == "K"
        assert len(sink.connections) == 1
        bed.control("tlspolicy", ":encrypt")
        assert go(bed, sink).one().letter == "Z"
        assert len(sink.transactions) == 2
        bed.control("tlspolicy", ":may")
        assert go(bed, sink).one().letter == "K"
