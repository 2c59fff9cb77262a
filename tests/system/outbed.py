"""A private instance and the hosts that it sends to, in a network namespace of
their own: NSD serves a signed zone and one that is not, Unbound validates, a
web server on port 443 has policies, and sinks stand at 192.0.2.0/24 and
2001:db8::/64.  Only root can make one.

The zones, what is in them and whom certificates are for are made of CASES: each
is a domain of its own, with an exchanger of its own."""
import hashlib
import os
import pathlib
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import tempfile
import time

from attackbed import wait_for_port, write_control
from conftest import Instance, wait_for
from policybed import Page, Web, make_certificates, text, within
from sinkbed import Sink
from test_dns_real import KEYGEN, NSD, SIGN, UNBOUND, environment, run

ME4, WEB = "192.0.2.1", "127.0.0.1"
PROGRAMS = ("queued", "lspawn", "rspawn", "bounce", "policyd", "send", "smtpd")

NSD_CONF = """server:
  ip-address: 127.0.0.1@5353
  username: ""
  chroot: ""
  zonesdir: {folder}
  database: ""
  pidfile: {folder}/nsd.pid
  xfrdfile: {folder}/xfrd.state
  zonelistfile: {folder}/zone.list
  xfrdir: {folder}
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: example.test.signed
zone:
  name: insecure.test
  zonefile: insecure.test
"""

UNBOUND_CONF = """server:
  interface: 127.0.0.1@53
  username: ""
  chroot: ""
  directory: {folder}
  pidfile: {folder}/unbound.pid
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  num-threads: 1
  module-config: "validator iterator"
  trust-anchor-file: {folder}/example.test.ds
  local-zone: "test." nodefault
  domain-insecure: "insecure.test"
remote-control:
  control-enable: no
stub-zone:
  name: example.test
  stub-addr: 127.0.0.1@5353
stub-zone:
  name: insecure.test
  stub-addr: 127.0.0.1@5353
"""

HEAD = """$ORIGIN {zone}.
$TTL 300
@ IN SOA ns hostmaster 1 3600 900 604800 300
@ IN NS ns
ns IN A 127.0.0.1
"""
WRONG = "0" * 64


class Case:
    """A domain: records are lines more of its zone, in which {d} is its name,
    {own} and {ca} are hashes; sts is (mode, patterns) of its policy; mx None:
    there is none but those of records."""

    def __init__(self, *records, sts=None, mx="10 mx.{d}", zone="example.test"):
        self.records, self.sts, self.mx, self.zone = records, sts, mx, zone
        self.name = self.domain = self.host = None

    def take_name(self, name, number):
        self.name, self.domain = name, f"{name}.{self.zone}"
        self.host, self.address = f"mx.{self.domain}", f"192.0.2.{number}"

    def lines(self, hashes):
        lines = [f"mx.{self.name} IN A {self.address}", *self.records]
        if self.mx:
            lines.append("{d} IN MX " + self.mx)
        if self.sts:
            lines += ['_mta-sts.{d} IN TXT "v=STSv1; id=1;"',
                      f"mta-sts.{{d}} IN A {WEB}"]
        return [line.format(d=self.name, **hashes) for line in lines]


def digest(*words, cwd):
    done = subprocess.run(["openssl", *words], cwd=cwd, check=True,
                          capture_output=True)
    return hashlib.sha256(done.stdout).hexdigest()


class World:
    """cases: {name: Case}; spoilt: (pattern, instead) of what is changed in
    the zone after it was signed; control: what stands in control/."""

    def __init__(self, cases, spoilt=(), control=None):
        self.cases, self.servers, self.web = cases, [], None
        for number, (name, case) in enumerate(cases.items(), 10):
            case.take_name(name, number)
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix="culver-out.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.instance = Instance(users=("ann:secret",))
        self.make_keys()
        self.make_zones(spoilt)
        with within(None):
            self.net = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            for words in (["addr", "add", ME4 + "/32", "dev", "lo"],
                          ["route", "add", "local", "192.0.2.0/24", "dev",
                           "lo"],
                          ["-6", "route", "add", "local", "2001:db8::/64",
                           "dev", "lo"]):
                subprocess.run(["ip", *words], check=True)
            # The sinks' addresses are on no interface: they are other hosts'.
            subprocess.run("echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind",
                           shell=True, check=True)
            self.serve_names()
            self.serve_policies()
            self.start({"tlscafile": str(self.folder / "ca.pem"),
                        "dnsservers": "127.0.0.1", "timeoutconnect": "20",
                        "tlsrptfrom": "tls", "tcp.smtp":
                        '127.:allow,RELAYCLIENT=""', **(control or {})})

    def make_keys(self):
        """known: of the authority, for every host; stranger: of nobody."""
        hosts = [h for c in self.cases.values()
                 for h in (c.host, "mta-sts." + c.domain)]
        make_certificates(self.folder, hosts)
        with open(self.folder / "web.pem", "ab") as chain:
            chain.write((self.folder / "ca.pem").read_bytes())
        self.known = self.context("web.pem")
        self.stranger = self.context("stranger.pem")
        key = ("pkey", "-in", "s.key", "-pubout", "-outform", "DER")
        self.hashes = {
            "own": digest(*key, cwd=self.folder),
            "ca": digest("x509", "-in", "ca.pem", "-outform", "DER",
                         cwd=self.folder)}

    def context(self, pem):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / pem)
        return context

    def make_zones(self, spoilt):
        for zone in ("example.test", "insecure.test"):
            lines = [line for c in self.cases.values() if c.zone == zone
                     for line in c.lines(self.hashes)]
            (self.folder / zone).write_text(
                HEAD.format(zone=zone) + "\n".join(lines) + "\n")
        key = run(KEYGEN, "-a", "ECDSAP256SHA256", "-k", "example.test",
                  cwd=self.folder)
        (self.folder / f"{key}.ds").rename(self.folder / "example.test.ds")
        run(SIGN, "-n", "-e", "20361231000000", "-f", "example.test.signed",
            "example.test", key, cwd=self.folder)
        signed = self.folder / "example.test.signed"
        for pattern, instead in spoilt:
            was, count = re.subn(pattern, instead, signed.read_text())
            assert count, pattern
            signed.write_text(was)

    def serve_names(self):
        for name, conf in (("nsd", NSD_CONF), ("unbound", UNBOUND_CONF)):
            (self.folder / (name + ".conf")).write_text(
                conf.format(folder=self.folder))
        with open(self.folder / "log", "wb") as log:
            for argv in ([NSD, "-d", "-c", "nsd.conf"],
                         [UNBOUND, "-d", "-c", "unbound.conf"]):
                self.servers.append(subprocess.Popen(
                    argv, cwd=self.folder, env=environment(), stdout=log,
                    stderr=log, stdin=subprocess.DEVNULL))
        wait_for_port(5353)
        wait_for_port(53)

    def serve_policies(self):
        self.web = Web(self.folder)
        for case in self.cases.values():
            if case.sts:
                mode, patterns = case.sts
                self.web.pages["mta-sts." + case.domain] = Page(text(
                    mode, [p.format(d=case.domain) for p in patterns]))
        self.web.start()

    def start(self, control):
        for name, value in control.items():
            write_control(self.instance, name, value + "\n")
        self.instance.start(*PROGRAMS)
        wait_for(lambda: (self.instance.home / "state/policy").exists(),
                 why="culver-policyd to start")

    def close(self):
        if self.instance.running.get("policyd"):
            self.instance.stop("policyd")
        self.instance.close()
        if self.web:
            self.web.close()
        for server in self.servers:
            server.terminate()
            server.wait(60)
        os.close(self.net)
        shutil.rmtree(self.folder)

    # What a test does

    def sink(self, name, script=None, address=None, port=25, **how):
        """A host at the case's address, or another."""
        with within(self.net):
            return Sink(script, host=address or self.cases[name].address,
                        port=port, **how)

    def send(self, *to, body="Subject: x\n\nhello\n", mail=(), rcpt=()):
        """Mail from ann, by SMTP."""
        with within(self.net), smtplib.SMTP(
                "127.0.0.1", self.instance.smtp, "client.example",
                timeout=60) as client:
            client.ehlo()
            client.sendmail("ann@demo.example", list(to),
                            body.replace("\n", "\r\n").encode(),
                            list(mail), list(rcpt))

    def log(self):
        return self.instance.log_text("send")

    def outcome(self, address):
        """What culver-send's log says of the latest delivery to address, when
        it has ended."""
        def ended():
            begun = re.findall(
                r"starting delivery (\d+): msg (\d+) to remote " +
                re.escape(address) + "\n", self.log())
            if not begun:
                return None
            return re.search(rf"(?m)^.*\bdelivery {begun[-1][0]}: (\w+: .*)$",
                             self.log())
        return wait_for(ended, why=f"an end of mail to {address}")[1]

    def number(self, address):
        """That of the latest message to address, 0 for none."""
        found = re.findall(r"starting delivery \d+: msg (\d+) to remote " +
                           re.escape(address) + "\n", self.log())
        return int(found[-1]) if found else 0

    def ended(self, address):
        """The latest message to address is done with."""
        log = self.log()
        begun = log.rfind(f" to remote {address}\n")
        return log.find(f"end msg {self.number(address)}\n", begun) > 0

    def journal(self, address, event):
        """The latest line of that event for the latest message to address."""
        def line():
            return re.findall(
                rf"(?m)^\S+ {event} .*$",
                self.instance.journals().get(self.number(address), ""))
        return wait_for(line, why=f"{event} in the journal: {address}")[-1]

    def notices(self, address):
        """The mails in ann's mailbox that speak of it."""
        every = [mail.read_bytes() for mail in self.instance.mails()]
        return [data for data in every if address.encode() in data]

    def bounce(self, address):
        return wait_for(lambda: self.notices(address),
                        why=f"a notice about {address}")[0]

    def retry_until(self, done):
        """Attempts for whoever waits, until it is done; a message in hand is
        not reached by the signal."""
        end = time.monotonic() + 60
        while not done():
            assert time.monotonic() < end, "it is tried again"
            self.instance.running["send"].send_signal(signal.SIGALRM)
            time.sleep(0.05)
