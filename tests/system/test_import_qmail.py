"""The queue of a real netqmail, made by its own qmail-queue and qmail-send, becomes
ours.  $CULVER_QMAIL names its unpacked package."""
import json
import os
import re

import pytest
from conftest import BIN
from qmailroot import REAL, ROUTES, Hosts, Root, wait_for
from test_qmail_routes import ASSIGN, CONTROL, FILES, routes

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not REAL or not (BIN / "culver-import").exists(),
    reason="CULVER_QMAIL names no qmail, or we are not root")

QUEUE = "/var/lib/qmail/queue"
LATER = ("case $3 in *later*) echo later >&4; exit 111;; *bad*) echo 'no such "
         "thing. (#5.1.1)' >&4; exit 100;; esac; exit 0")


@pytest.fixture
def root():
    hosts = Hosts(ROUTES)
    one = Root({**CONTROL, "smtproutes": routes(hosts.ports)}, ASSIGN, FILES,
               hosts.ports)
    yield one
    hosts.close()
    one.close()


def ours(root):
    """Envelope: journal, of each message in our queue."""
    found = {}
    for path in (root.path / "var/culver/queue/mess").glob("*/*"):
        data = path.read_bytes()
        envelope = data[448:].split(b"\n\nx\n", 1)[1]
        journal = root.path / "var/culver/queue/info" / path.parent.name
        journal = journal / path.name
        st = path.stat()
        assert (st.st_uid, st.st_mode & 0o7777) == (901, 0o640)
        assert st.st_gid == 950 and st.st_ino == int(path.name)
        found[envelope] = journal.read_text() if journal.exists() else ""
    return found


def listed(text):
    """What qmail-qread prints: each first line without the number, and who is
    waited for below it."""
    found, lines = {}, set()
    for line in text.splitlines():
        if not line.startswith((" ", "\t")):
            lines = found.setdefault(re.sub("#[0-9]+", "#", line), set())
        elif "done" not in line.split("\t")[0]:
            lines.add(line)
    return found


def test_what_qmail_queued_and_tried_is_taken(root):
    root.culver("setup", "--home", "/var/culver", "--from", "/var/lib/qmail")
    root.start_qmail(LATER)
    root.queue("sorted@test", ["joe-fine@local.example",
                               "later@v.example", "ann-bad@local.example",
                               "joe-later@local.example", "r@r1.example"])
    log = root.path / "send.log"
    wait_for(lambda: log.read_text().count("deferral") == 2 and
             "failure" in log.read_text() and
             log.read_text().count("success") == 2)
    root.run("/src/build/bin/culver", "queue", "import", QUEUE, code=111)
    root.stop_qmail()
    before = listed(root.run("/usr/sbin/qmail-qread"))
    root.queue("waits@test", ["a@v.example", "b@far.example"])
    told = json.loads(root.culver("queue", "import", "--json", QUEUE))
    assert told["left"] == [] and told["messages"] == 2
    # Of remote/, where all was done, qmail-send has left nothing.
    assert (told["recipients_waiting"], told["recipients_done"],
            told["recipients_failed"]) == (4, 1, 1)
    found = ours(root)
    waits = b"Fwaits@test\0Ta@v.example\0Tb@far.example\0"
    assert found.pop(waits) == ""
    ((envelope, journal),) = found.items()
    sender, *to, end = envelope.split(b"\0")
    assert (sender, end) == (b"Fsorted@test", b"")
    assert set(to) == {b"Tlater@v.example", b"Tann-bad@local.example",
                       b"Tjoe-later@local.example"}
    assert journal.count(" fail ") == 1 and "status=5.1.1" in journal
    assert "no\\x20such\\x20thing" in journal
    assert "fail r=%d " % to.index(b"Tann-bad@local.example") in journal
    left = [p for part in ("mess", "todo", "intd", "info", "local", "remote",
                           "bounce")
            for p in (root.path / QUEUE[1:] / part).glob("**/*") if p.is_file()]
    assert left == []
    after = listed(root.run("/src/build/bin/qmail-qread"))
    (head,) = [h for h in before if "sorted@test" in h]
    assert after[head] == before[head]
    assert "messages in queue: 2" in root.run("/src/build/bin/qmail-qstat")
    assert "later@v.example" in root.run("/src/build/bin/qmail-qread")
    root.culver("queue", "check", code=0)
