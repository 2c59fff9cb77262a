"""Certificates made on the spot, and a plain socket that becomes TLS."""
import os
import socket
import ssl
import subprocess

from conftest import PATIENCE

KINDS = {"rsa": ("rsa:2048",), "ec": ("ec", "-pkeyopt",
         "ec_paramgen_curve:P-256"), "ed25519": ("ed25519",)}


def make_pem(folder, name, kind="ec"):
    """Key and certificate for a host, as one text."""
    key, cert = folder / "k.pem", folder / "c.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj",
         f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-newkey",
         *KINDS[kind], "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True)
    text = key.read_text() + cert.read_text()
    key.unlink()
    cert.unlink()
    return text


def put_pem(instance, where, text, mode=0o600):
    """control/WHERE holds it from now on; renamed into place."""
    path = instance.home / "control" / where
    new = path.parent / "new"
    new.write_text(text)
    os.chown(new, instance.uid, instance.gid)
    new.chmod(mode)
    new.rename(path)


def client_context(low=None, high=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    if low:
        context.minimum_version = low
    if high:
        context.maximum_version = high
    return context


class Talk:
    """A client that says exactly these bytes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.held = b""

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.socket.close()

    def line(self):
        """The next line; b"" at the end."""
        while b"\n" not in self.held:
            more = self.socket.recv(4096)
            if not more:
                return b""
            self.held += more
        line, self.held = self.held.split(b"\n", 1)
        return line.rstrip(b"\r")

    def reply(self):
        """The last line of the next reply, and all of it."""
        lines = [self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(self.line())
        self.lines = lines
        return lines[-1].decode()

    def say(self, *lines):
        self.socket.sendall(b"".join(x.encode() + b"\r\n" for x in lines))
        return self.reply()

    def secure(self, name=None, context=None, session=None):
        assert not self.held
        self.socket = (context or client_context()).wrap_socket(
            self.socket, server_hostname=name, session=session)
        return self.socket

    def common_name(self):
        der = self.socket.getpeercert(True)
        done = subprocess.run(
            ["openssl", "x509", "-inform", "DER", "-noout", "-subject"],
            input=der, capture_output=True, check=True)
        return done.stdout.decode().split("=")[-1].strip()
