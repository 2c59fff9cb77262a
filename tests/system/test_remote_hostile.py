"""culver-remote against hosts that answer what they were not asked, or break
where it hurts."""
import os
import signal
import socket
import struct

import pytest
from errandbed import ErrandBed
from sinkbed import Gone, Sink

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
