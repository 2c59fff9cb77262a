"""culver-smtpd -l: who may come in, and how many at once."""

import pathlib
import re
import socket
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402
from test_listen import GREETING, serve  # noqa: E402, F401

CROWDED = b"421 4.7.0 too many connections from your address\r\n"


def greeted(server, source="127.0.0.1", header=b""):
    connection = server.connect(source=source)
    connection.socket.sendall(header)
    assert connection.line() == GREETING, server.read_log()
    return connection


def refused(server, source="127.0.0.1", header=b"", line=CROWDED):
    connection = server.connect(source=source)
    connection.socket.sendall(header)
    assert connection.line() == line, server.read_log()
    assert connection.line() == b""
    connection.close()


def eventually_greeted(server, source="127.0.0.1", header=b""):
    """Once the listener has seen that a place is free."""
    limit = time.monotonic() + talk.PATIENCE
    while time.monotonic() < limit:
        connection = server.connect(source=source)
        connection.socket.sendall(header)
        line = connection.line()
        if line == GREETING:
            return connection
        assert line == CROWDED
        connection.close()
    raise AssertionError("a place does not come back: " + server.read_log())


def wait_for_log(server, text):
    limit = time.monotonic() + talk.PATIENCE
    while text not in server.read_log():
        assert time.monotonic() < limit, server.read_log()
        time.sleep(0.02)


def proxied(client):
    return b"PROXY TCP4 %s 198.51.100.1 1234 25\r\n" % client.encode()


def test_an_address_at_its_limit_is_told_and_others_come_in(serve):
    server = serve(concurrencyip="2")
    first, second = greeted(server), greeted(server)
    refused(server)
    refused(server)
    other = greeted(server, "127.0.0.2")
    first.close()
    eventually_greeted(server).close()
    other.close()
    second.close()
    server.stop()
    assert re.search(r"smtpd: crowded ip=127\.0\.0\.1 address=2 network=2 "
                     r"refused=1\n", server.read_log())


def test_a_network_at_its_limit_is_told(serve):
    server = serve(concurrencyip="2", concurrencynet="3")
    talks = [greeted(server, "127.0.0.%d" % i) for i in (1, 2, 3)]
    refused(server, "127.0.0.4")
    talks.append(greeted(server, "127.0.1.1"))
    for t in talks:
        t.close()
    server.stop()


def test_the_last_quarter_of_all_places_is_for_other_networks(serve):
    server = serve(concurrencyincoming="8")
    talks = [greeted(server) for _ in range(6)]
    refused(server)
    talks += [greeted(server, "127.0.%d.1" % i) for i in (1, 2)]
    for t in talks:
        t.close()
    server.stop()


def test_a_limit_of_0_is_none_and_changes_without_a_restart(serve):
    server = serve(concurrencyip="1", concurrencynet="0")
    talks = [greeted(server)]
    refused(server)
    server.home.control("concurrencyip", "0")
    talks += [greeted(server) for _ in range(20)]
    for t in talks:
        t.close()
    server.stop()


def test_a_flood_of_refusals_is_few_lines_in_the_log(serve):
    server = serve(concurrencyip="1")
    held = greeted(server)
    began = time.monotonic()
    for _ in range(300):
        refused(server)
    took = time.monotonic() - began
    held.close()
    limit = time.monotonic() + talk.PATIENCE
    told = []
    while sum(told) < 300 and time.monotonic() < limit:
        told = [int(n) for n in re.findall(
            r"crowded .*refused=(\d+)\n", server.read_log())]
        time.sleep(0.05)
    assert sum(told) == 300
    assert len(told) <= took + 2
    server.stop()


def test_one_client_behind_a_proxy_does_not_take_all_its_places(serve):
    server = serve(concurrencyip="2", proxyclients="127.0.0.1")
    talks = [greeted(server, header=proxied("203.0.113.7"))
             for _ in range(2)]
    refused(server, header=proxied("203.0.113.7"))
    # The proxy itself has more than an address may have.
    talks += [greeted(server, header=proxied("203.0.114.%d" % i))
              for i in range(5)]
    # Whoever comes by both ways is one.
    talks.pop(0).close()
    talks.append(eventually_greeted(server, header=proxied("203.0.113.7")))
    for t in talks:
        t.close()
    server.stop()
    log = server.read_log()
    assert "crowded ip=203.0.113.7 address=2" in log
    assert "crowded ip=127" not in log


def test_a_front_end_by_xclient_is_limited_by_its_clients(serve):
    server = serve(concurrencyip="1", xclientclients="127.0.0.1")
    first, second = greeted(server), greeted(server)
    first.socket.sendall(b"XCLIENT ADDR=203.0.113.7\r\n")
    assert first.line() == GREETING
    second.socket.sendall(b"XCLIENT ADDR=203.0.113.7\r\n")
    assert second.line() == CROWDED
    assert second.line() == b""
    first.close()
    second.close()
    server.stop()


def test_a_rule_is_in_force_at_the_next_connection(serve):
    denied = b"554 5.7.1 sorry, you may not connect here (#5.7.1)\r\n"
    server = serve(**{"tcp.smtp": "127.0.0.2:deny"})
    refused(server, "127.0.0.2", line=denied)
    talks = [greeted(server)]
    server.home.control("tcp.smtp", "127.0.0.0/31:deny\\n:allow")
    refused(server, line=denied)
    talks.append(greeted(server, "127.0.0.2"))
    assert talks[0].say("NOOP") == b"250"
    for t in talks:
        t.close()
    server.stop()


def test_who_relays_is_said_for_each_connection_anew(serve):
    server = serve(concurrencyincoming="1",
                   **{"tcp.smtp": '127.0.0.2:allow,RELAYCLIENT=""'})
    for source, answer in [("127.0.0.2", b"250"), ("127.0.0.1", b"553")] * 3:
        t = greeted(server, source)
        assert t.say("HELO x", "MAIL FROM:<a@b.example>",
                     "RCPT TO:<far@away.example>") == answer
        t.close()
    server.stop()


@pytest.mark.parametrize("header", [b"", b"PROXY TCP4 1.2"])
def test_a_proxy_that_is_silent_holds_up_nobody_else(serve, header):
    server = serve(proxyclients="127.0.0.2")
    slow = server.connect(source="127.0.0.2")
    slow.socket.sendall(header)
    greeted(server).close()
    slow.close()
    wait_for_log(server, "noproxy ip=127.0.0.2 why=closed")
    server.stop()


def test_a_client_that_never_reads_is_left(serve):
    server = serve(timeoutsmtpd="1", maxrcpt="100", concurrencyincoming="1")
    deaf = greeted(server)
    # Smaller, and the acknowledgements of what it sends are dropped with the
    # replies: then it is silent for a second.
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    deaf.say("HELO x")
    flood = b"MAIL FROM:<a@b.example>\r\n" + \
        b"RCPT TO:<u@local.test>\r\n" * 500000
    with pytest.raises(OSError):  # it stops reading, too, and hangs up
        deaf.socket.sendall(flood)
    wait_for_log(server, "disconnect ip=127.0.0.1 helo=x why=lost")
    greeted(server).close()
    deaf.close()
    server.stop()


def test_popup_tells_an_address_at_its_limit(serve):
    crowded = b"-ERR [SYS/TEMP] too many connections from your address\r\n"
    server = serve(program="popup", concurrencypop3ip="2",
                   concurrencypop3net="3", proxyclients="127.0.0.9")
    talks = [server.connect() for _ in range(2)]
    talks.append(server.connect(source="127.0.0.2"))
    assert all(t.line().startswith(b"+OK ") for t in talks)
    refused(server, line=crowded)
    refused(server, "127.0.0.3", line=crowded)
    for _ in range(3):
        talks.append(server.connect(source="127.0.0.9"))
        talks[-1].socket.sendall(proxied("203.0.113.%d" % len(talks)))
        assert talks[-1].line().startswith(b"+OK ")
    refused(server, "127.0.0.9", proxied("203.0.113.4"), crowded)
    for t in talks:
        t.close()
    server.stop()
    assert "popup: crowded ip=127.0.0.1 address=2 " in server.read_log()
