"""A message of 1 GiB grows no program that it passes through."""
import pathlib
import poplib

from conftest import wait_for

SIZE = 1 << 30
WARM = 4 << 20      # after which every buffer has been filled
GROWTH = 1 << 10    # KiB
LINE = b"." + b"x" * 74 + b"\r\n"
SECONDS = 600


def peaks(instance):
    """Pid of every program that runs: its name and most memory, in KiB."""
    found = {}
    for name in ("smtpd", "queued", "send", "lspawn", "local", "popup",
                 "authd", "pop3d"):
        for pid in instance.processes(name):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            peak = int(status.split("VmHWM:")[1].split()[0])
            found[pid] = (name, peak)
    return found


def judge(before, after, names):
    grown = {pid: (name, peak, after[pid][1])
             for pid, (name, peak) in before.items() if pid in after}
    # Whoever had the small message had the large one, too.
    assert names <= {name for name, _, _ in grown.values()}
    for name, peak, later in grown.values():
        assert later - peak <= GROWTH, f"{name} grew from {peak} to {later}"


def deliver(instance, client, size):
    assert client.docmd("MAIL", "FROM:<>")[0] == 250
    assert client.docmd("RCPT", "TO:<ann@demo.example>")[0] == 250
    assert client.docmd("DATA")[0] == 354
    piece = LINE.replace(b".", b"..", 1) * 10000
    client.sock.sendall(b"Subject: large\r\n\r\n")
    for _ in range(size // len(piece) + 1):
        client.sock.sendall(piece)
    client.sock.sendall(b".\r\n")
    assert client.getreply()[0] == 250
    wait_for(lambda: not instance.queued(), SECONDS, "delivery")
    return len(b"Subject: large\n\n") + \
        (size // len(piece) + 1) * 10000 * (len(LINE) - 1)


def fetch(client, number, size):
    """RETR; whatever comes is thrown away."""
    client.sock.sendall(b"RETR %d\r\n" % number)
    buffer, end, total = bytearray(1 << 16), b"", 0
    while end != b"\r\n.\r\n":
        count = client.sock.recv_into(buffer)
        assert count > 0
        total += count
        end = (end + bytes(buffer[max(0, count - 5):count]))[-5:]
    assert total > size


def test_a_gibibyte_grows_nobody(instance):
    with instance.client(SECONDS) as client:
        deliver(instance, client, WARM)
        before = peaks(instance)
        size = deliver(instance, client, SIZE)
        judge(before, peaks(instance),
              {"smtpd", "queued", "send", "lspawn", "local"})
    small, large = sorted(instance.mails(), key=lambda f: f.stat().st_size)
    assert small.stat().st_size < 2 * WARM
    assert large.stat().st_size > size
    client = poplib.POP3("127.0.0.1", instance.pop3, timeout=SECONDS)
    client.user("ann@demo.example")
    client.pass_("secret")
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    order = sorted((size, n + 1) for n, size in enumerate(sizes))
    fetch(client, order[0][1], order[0][0])
    before = peaks(instance)
    fetch(client, order[1][1], order[1][0])
    judge(before, peaks(instance), {"popup", "authd", "pop3d"})
    client.quit()
