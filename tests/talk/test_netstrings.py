"""culver-qmtpd and culver-qmqpd: a client that goes away after any byte leaves
nothing, and one that does not read its answers is given up."""

import pathlib
import socket
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402

QMTP = '["\\rSubject: x\\r\\n\\r\\nhello\\r\\n"] ["a@example.org"] ' \
       '[["u@local.test"]["x@other.test"]]'
QMQP = '[["Subject: x\\n\\nhello\\n"]["a@example.org"]["u@local.test"]' \
       '["x@other.test"]]'
BOTH = [("qmtpd", QMTP), ("qmqpd", QMQP)]


@pytest.fixture
def make_case():
    made = []

    def make(program):
        case = talk.Case(program)
        made.append(case)
        case.do_control("me mail.example")
        case.do_control("rcpthosts local.test")
        return case
    yield make
    for case in made:
        if case.home.path.exists():
            case.clean_up()


@pytest.mark.parametrize("program,text", BOTH, ids=["qmtp", "qmqp"])
def test_a_message_cut_at_any_byte_is_none(make_case, program, text):
    whole = talk.parse_bytes(text)
    for cut in range(len(whole)):
        case = make_case(program)
        case.start()
        case.client.send(whole[:cut])
        case.client.shut()
        case.do_end("")
        assert case.queue.answers == 0, cut
        case.clean_up()


@pytest.mark.parametrize("program,text", BOTH, ids=["qmtp", "qmqp"])
def test_a_byte_that_is_wrong_is_never_a_second_message(
        make_case, program, text):
    """Each byte of the lengths and marks is changed: none or one is queued."""
    whole = talk.parse_bytes(text)
    for at in range(len(whole)):
        for other in b"0:,9":
            case = make_case(program)
            case.start()
            case.client.send(whole[:at] + bytes([other]) + whole[at + 1:])
            case.client.shut()
            limit = time.monotonic() + talk.PATIENCE
            while not case.client.ended and time.monotonic() < limit:
                case.client.receive(1)
            case.client.got = b""
            case.finish()
            assert len(case.queue.messages) <= 1, (at, other)
            case.clean_up()


def test_answers_that_nobody_reads_end_the_connection(make_case):
    case = make_case("qmtpd")
    case.do_control("timeoutsmtpd 1")
    case.start()
    case.client.send(talk.parse_bytes(
        '["\\nx\\n"] [] [["u@other.test"] * 100000]'))
    case.client.wait_until_read()
    assert case.client.process.wait(talk.PATIENCE) == 0
    case.client.log.seek(0)
    assert b"why=lost" in case.client.log.read()
    assert case.queue.answers == 0


@pytest.mark.parametrize("code,answers", [
    (0, [b"Kok ", b"Dsorry, that domain"]), (31, [b"D", b"Dsorry, that"]),
    (71, [b"Z", b"Dsorry, that"])])
def test_qmailqueue_of_the_environment_is_the_only_way(
        make_case, code, answers):
    case = make_case("qmtpd")
    seen = case.home.path / "seen"
    seen.mkdir(mode=0o777)
    seen.chmod(0o777)
    filter_ = case.home.path / "filter"
    filter_.write_text("#!/bin/sh\ncat >%s/message; cat <&1 >%s/envelope; "
                       "exit %d\n" % (seen, seen, code))
    filter_.chmod(0o755)
    case.do_env("QMAILQUEUE " + str(filter_))
    case.start()
    case.client.send(talk.parse_bytes(QMTP))
    for answer in answers:
        assert case.client.netstring().encode().startswith(answer)
    case.client.shut()
    case.do_end("")
    assert case.queue.answers == 0
    assert (seen / "message").read_bytes().endswith(
        b"\nSubject: x\n\nhello\n")
    assert (seen / "envelope").read_bytes() == \
        b"Fa@example.org\0Tu@local.test\0\0"


@pytest.mark.parametrize("program,text", BOTH, ids=["qmtp", "qmqp"])
def test_a_client_that_is_gone_before_it_is_asked_for_is_not_let_in(
        make_case, program, text):
    """Where no environment says who it is, inetd's way."""
    case = make_case(program)
    case.do_control("tcp." + program[:-1] + " 10.:allow\\n:deny")
    case.queue = talk.Queue(case.home)
    case.queue.start()
    case.home.hand_over()
    with socket.create_server(("127.0.0.1", 0)) as server, \
            socket.create_connection(server.getsockname()) as client:
        ours, _ = server.accept()
        client.sendall(talk.parse_bytes(text))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
    with ours:
        done = subprocess.run(
            [str(talk.binary(program))], stdin=ours, stdout=ours,
            stderr=subprocess.PIPE, timeout=talk.PATIENCE,
            env={"CULVER_HOME": str(case.home.path)})
    assert (done.returncode, case.queue.answers) == (0, 0), done.stderr
    assert b": deny ip=" in done.stderr
