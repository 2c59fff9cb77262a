"""mlmmj runs a list through .qmail files: subscriptions by mail, posts with a
sender for each subscriber, and bounces that come back to it."""
import os
import pathlib
import re
import shutil

import pytest

from conftest import DOMAIN, TOP, wait_for

TOOLS = [TOP / "build/deps/tools", pathlib.Path("/")]
ROOT = next((r for r in TOOLS if (r / "usr/bin/mlmmj-receive").exists()), None)

pytestmark = pytest.mark.skipif(not ROOT, reason="mlmmj is not unpacked")

LISTS = "lists.example"
CLUB = "club@" + LISTS
FOLDERS = ("incoming", "queue", "queue/discarded", "archive", "subconf",
           "unsubconf", "bounce", "control", "moderation", "subscribers.d",
           "digesters.d", "requeue", "nomailsubs.d")


class Club:
    """The list club@lists.example; its folder is what mlmmj-make-ml makes."""

    def __init__(self, instance):
        self.instance = instance
        self.folder = instance.folder / "club"
        for name in ("", *FOLDERS):
            (self.folder / name).mkdir(exist_ok=True)
        # Where any account may run it; its programs find each other.
        self.programs = instance.folder / "mlmmj"
        self.programs.mkdir()
        for program in (ROOT / "usr/bin").glob("mlmmj-*"):
            shutil.copy(program, self.programs)
        shutil.copytree(ROOT / "usr/share/mlmmj/text.skel/en",
                        self.folder / "text")
        for name, text in (("index", "0\n"), ("control/listaddress", CLUB),
                           ("control/owner", "ann@" + DOMAIN),
                           ("control/delimiter", "-"),
                           ("control/relayhost", "127.0.0.1"),
                           ("control/smtpport", str(instance.smtp))):
            (self.folder / name).write_text(text + "\n")
        (self.folder / "index").write_text("0")
        alias = instance.home / "alias"
        for name in (".qmail-club", ".qmail-club-default"):
            (alias / name).write_text(
                f"|{self.programs}/mlmmj-receive -L {self.folder}\n")
        (alias / ".qmail-gone").write_text("|echo no such person; exit 100\n")
        instance.command("domain", "add", LISTS, "--local")
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.rglob("*"),
                         *alias.iterdir()):
                os.chown(path, instance.uid, instance.gid)

    def subscribers(self):
        return sorted(line for file in
                      (self.folder / "subscribers.d").iterdir()
                      for line in file.read_text().split())

    def mail(self, user, subject):
        """The message with that subject in a mailbox."""
        def look():
            for file in self.instance.mails(user):
                text = file.read_text(errors="replace")
                if re.search(f"(?m)^Subject: .*{subject}", text):
                    return text
            return None
        return wait_for(look, why=f"{subject} for {user}")


@pytest.fixture
def club(instance):
    return Club(instance)


def write(instance, user, to, subject):
    instance.send((f"From: {user}@{DOMAIN}\nTo: {to}\nSubject: {subject}\n"
                   "Message-ID: <x@client.example>\n\nhello\n").replace("\n", "\r\n").encode(),
                  to=[to], sender=f"{user}@{DOMAIN}")


def test_a_list_lives_by_mail_alone(instance, club):
    for user in ("ann", "bob"):
        write(instance, user, f"club-subscribe@{LISTS}", "let me in")
        text = club.mail(user, "Confirm")
        confirm, = set(re.findall(rf"club-confsub-\w+-{user}={DOMAIN}@{LISTS}",
                                  text))
        write(instance, user, confirm, "yes")
        wait_for(lambda u=user: f"{u}@{DOMAIN}" in club.subscribers())
    write(instance, "ann", CLUB, "first")
    for user in ("ann", "bob"):
        text = club.mail(user, "first")
        assert re.match(rf"Return-Path: <club-bounces-1-{user}={DOMAIN}@"
                        rf"{LISTS}>\n", text)
    write(instance, "bob", f"club-unsubscribe@{LISTS}", "let me out")
    text = club.mail("bob", "unsubscribe|Confirm unsub")
    confirm = re.search(rf"club-confunsub-\w+-bob={DOMAIN}@{LISTS}", text)
    write(instance, "bob", confirm.group(), "yes")
    wait_for(lambda: club.subscribers() == [f"ann@{DOMAIN}"])
    instance.wait_empty()


def test_a_bounce_comes_back_for_whom_it_is(instance, club):
    subscribers = club.folder / "subscribers.d"
    for name in (f"ann@{DOMAIN}", f"gone@{LISTS}"):
        with open(subscribers / name[0], "w", encoding="ascii") as file:
            file.write(name + "\n")
        if os.geteuid() == 0:
            os.chown(subscribers / name[0], instance.uid, instance.gid)
    write(instance, "ann", CLUB, "second")
    club.mail("ann", "second")
    bounce = club.folder / "bounce" / f"gone={LISTS}"
    wait_for(bounce.exists, why="the bounce")
    # What it keeps is the number of the post, and when.
    wait_for(lambda: bounce.read_text().startswith("1:"))
    instance.wait_empty()
    assert not (club.folder / "bounce" / f"ann={DOMAIN}").exists()
