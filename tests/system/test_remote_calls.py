"""What a message for another host costs culver-remote, seen by strace."""
import os
import shutil
import subprocess
import time

import pytest
from errandbed import ErrandBed
from sinkbed import Sink

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("strace"),
    reason="strace of a jailed program wants root")

MESSAGES = 50
# Of each message on a connection that is open, without CHUNKING: the commands
# and the message, a packet each; whether the host is quiet before either, and
# up to a packet for each of its four replies; envelope and body; two looks
# for each of the four tables that hold at once.
MOST = {"sendto": 2, "recvfrom": 6, "pread64": 2, "newfstatat": 8,
        "recvmsg": 1, "sendmsg": 1, "close": 1}
# And of each second: a look at all settings.
LOOKS = 40


@pytest.fixture
def bed():
    bed = ErrandBed()
    yield bed
    bed.close()


def count(path):
    """How often each call was made."""
    counts = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
            counts[words[-1]] = int(words[3])
    return counts


def test_a_message_on_an_open_connection_costs_few_calls(bed):
    with Sink() as sink:
        bed.route("127.0.0.1:%d" % sink.port).start()
        body = b"Subject: x\n\n" + b"A line of text.\n" * 250
        assert bed.errand(body=body).one().letter == "K"
        out = bed.home / "calls"
        with subprocess.Popen(
                ["strace", "-c", "-o", out, "-p", str(bed.process.pid)],
                stderr=subprocess.PIPE) as tracer:
            assert b"attached" in tracer.stderr.readline()
            began = time.monotonic()
            for _ in range(MESSAGES):
                assert bed.errand(body=body).one().letter == "K"
            seconds = time.monotonic() - began
            tracer.terminate()
            tracer.stderr.read()
        assert len(sink.connections) == 1
        counts = count(out)
        assert counts["sendto"] >= 2 * MESSAGES
        over = {name: n / MESSAGES for name, n in counts.items()
                if n > MOST.get(name, 0) * MESSAGES + LOOKS * (seconds + 1)
                * (name == "newfstatat") + 2}
        assert not over
