"""culver-smtpd behind a real HAProxy, and with swaks as a front end."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402
from test_listen import (  # noqa: E402, F401
    Connection, deliver, free_port, serve)

HAPROXY = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")

CONFIG = """
global
    stats socket {folder}/stats
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend smtp
    bind 127.0.0.1:{port}
    default_backend culver
backend culver
    option smtpchk EHLO haproxy.example
    server s 127.0.0.1:{target} {send} check inter 200ms
"""


class Proxy:
    def __init__(self, folder, target, send):
        self.port = free_port(socket.AF_INET, "127.0.0.1")
        config = folder / "haproxy.cfg"
        config.write_text(CONFIG.format(
            folder=folder, port=self.port, target=target, send=send))
        self.stats = folder / "stats"
        self.process = subprocess.Popen(
            [HAPROXY, "-db", "-f", str(config)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def status(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.stats))
            s.sendall(b"show stat\n")
            text = b"".join(iter(lambda: s.recv(65536), b""))
        return re.search(rb"^culver,s,.*$", text, re.M).group(0).split(b",")

    def wait_until_checked(self):
        limit = time.monotonic() + talk.PATIENCE
        while True:
            assert time.monotonic() < limit
            try:
                # status, and that of the last check
                words = self.status()
                if words[17] == b"UP" and words[36] in (b"L7OK", b"* L7OK"):
                    return
            except OSError:
                pass
            time.sleep(0.05)

    def connect(self, source):
        return Connection(socket.create_connection(
            ("127.0.0.1", self.port), talk.PATIENCE, (source, 0)))

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.mark.skipif(HAPROXY is None, reason="no haproxy here")
@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2",
                                  "send-proxy-v2-ssl-cn"])
def test_behind_haproxy_each_client_is_itself(serve, tmp_path, send):
    server = serve(
        proxyclients="127.0.0.1", concurrencyip="3",
        **{"tcp.smtp": '127.0.0.6:deny\\n127.0.0.7:allow,RELAYCLIENT=""'})
    proxy = Proxy(tmp_path, server.port4, send)
    try:
        proxy.wait_until_checked()
        for i in range(10):
            deliver(proxy.connect("127.0.0.%d" % (10 + i)), "a@example.org")
        t = proxy.connect("127.0.0.6")
        assert t.line().startswith(b"554 5.7.1 ")
        t.close()
        for source, code in (("127.0.0.7", b"250"), ("127.0.0.8", b"553")):
            t = proxy.connect(source)
            assert t.line().startswith(b"220 ")
            assert t.say("HELO x", "MAIL FROM:<a@b.example>",
                         "RCPT TO:<far@away.example>") == code
            t.close()
    finally:
        proxy.stop()
    server.stop()
    for i, message in enumerate(server.queue.messages):
        assert b"([127.0.0.%d])" % (10 + i) in message.trace
    assert len(server.queue.messages) == 10
    log = server.read_log()
    # Its own checks are LOCAL in version 2; version 1 says who it is.
    assert "noproxy" not in log
    assert "helo=haproxy.example" in log


@pytest.mark.skipif(shutil.which("swaks") is None, reason="no swaks here")
@pytest.mark.parametrize("front", ["xclient", "proxy-1", "proxy-2"])
def test_swaks_as_a_front_end_is_believed(serve, front):
    server = serve(**{"xclientclients" if front == "xclient"
                      else "proxyclients": "127.0.0.1"})
    options = {
        "xclient": ["--xclient-addr", "203.0.113.7",
                    "--xclient-name", "spike.example",
                    "--xclient-port", "1234"],
        "proxy-1": ["--proxy-version", "1", "--proxy-family", "TCP4",
                    "--proxy-source", "203.0.113.7",
                    "--proxy-source-port", "1234",
                    "--proxy-dest", "198.51.100.1",
                    "--proxy-dest-port", "25"],
        "proxy-2": ["--proxy-version", "2", "--proxy-family", "AF_INET",
                    "--proxy-source", "203.0.113.7",
                    "--proxy-source-port", "1234",
                    "--proxy-dest", "198.51.100.1",
                    "--proxy-dest-port", "25"],
    }[front]
    server.connect().close()  # it listens
    run = subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(server.port4),
         "--ehlo", "front.example", "--from", "a@b.example",
         "--to", "u@local.test", *options],
        capture_output=True, timeout=talk.PATIENCE)
    assert run.returncode == 0, run.stdout.decode()
    server.stop()
    trace = server.queue.messages[-1].trace
    assert b"203.0.113.7]" in trace
    assert (b"spike.example" in trace) == (front == "xclient")
