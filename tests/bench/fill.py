#!/usr/bin/python3
"""Fill the queue of an instance that is not running.

usage: tests/bench/fill.py HOME COUNT

COUNT messages of a thousand senders to sink.example, as culver-queued writes
them but for its fsyncs.  As root.
"""
import os
import pathlib
import pwd
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from sendbed import head  # noqa: E402

BODY = b"Subject: one of many\n\nhello\n"


def main():
    home, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    owner = pwd.getpwnam("culverq")
    split = int((home / "queue/format").read_text().split()[3])
    tty = sys.stderr.isatty()
    os.chdir(home / "queue/mess")
    os.umask(0o027)
    for i in range(count):
        envelope = b"Fs@c%d.example\0Tr%d@sink.example\0" % (i % 1000, i)
        fd = os.open("new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        os.fchown(fd, owner.pw_uid, owner.pw_gid)
        os.write(fd, head(time.time_ns() // 1000, os.urandom(16), BODY,
                          BODY.count(b"\n"), envelope) + BODY + envelope)
        ino = os.fstat(fd).st_ino
        os.close(fd)
        os.rename("new", "%d/%d" % (ino % split, ino))
        if tty and i % 10000 == 0:
            print(f"\r{i:,} messages ", end="", file=sys.stderr, flush=True)
    if tty:
        print("\r\033[K", end="", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main()
