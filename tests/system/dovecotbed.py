"""A real Dovecot on the mailboxes of an instance, by a passwd-file that culver
user export writes: IMAP, and LMTP on a port of its own."""
import imaplib
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import PATIENCE, wait_for

LIBEXEC = pathlib.Path("/usr/lib/dovecot")

marks = [
    pytest.mark.skipif(
        not shutil.which("dovecot") or not (LIBEXEC / "imap").exists() or
        not (LIBEXEC / "lmtp").exists(),
        reason="dovecot-imapd or dovecot-lmtpd is not installed"),
    pytest.mark.skipif(os.geteuid() != 0,
                       reason="Dovecot's accounts need root")]

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
auth_failure_delay = 0
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-256
first_valid_uid = 1
recipient_delimiter = +
auth_username_chars =
mail_plugins = quota
protocol imap {{
  mail_plugins = $mail_plugins imap_quota
}}
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = passwd-file
  args = {users}
}}
plugin {{
  quota = maildir:User quota
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Dovecot:
    def __init__(self, instance):
        self.instance = instance
        self.folder = instance.folder / "dovecot"
        self.folder.mkdir(mode=0o755)
        self.users = self.folder / "users"
        self.users.touch(0o600)
        shutil.chown(self.users, instance.uid, instance.gid)
        self.users.chmod(0o644)  # Dovecot's own account reads it
        shutil.chown(self.folder, instance.uid, instance.gid)
        self.imap_port, self.lmtp_port = free_port(), free_port()
        config = self.folder / "dovecot.conf"
        config.write_text(CONFIG.format(
            folder=self.folder, users=self.users, imap=self.imap_port,
            lmtp=self.lmtp_port))
        self.export()
        self.process = subprocess.Popen(
            ["dovecot", "-F", "-c", config], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        for port in self.imap_port, self.lmtp_port:
            wait_for(lambda p=port: self.listens(p), why="Dovecot to listen")

    def export(self, *more):
        self.instance.command("user", "export", "--output", str(self.users))
        if more:
            with open(self.users, "a", encoding="ascii") as file:
                file.writelines(line + "\n" for line in more)

    def listens(self, port):
        assert self.process.poll() is None, "Dovecot has ended"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def login(self, user, password):
        """A session of imaplib; None where the password was refused."""
        client = imaplib.IMAP4("127.0.0.1", self.imap_port, PATIENCE)
        try:
            client.login(user, password)
        except client.error:
            client.shutdown()
            return None
        return client

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
