"""culver simulate: what it prints, and that it needs and touches nothing."""

import json
import os
import re
import subprocess

import pytest

from conftest import BIN, TOP

PROGRAM = BIN / "culver-simulate"


def simulate(*arguments, load=""):
    return subprocess.run(
        [str(PROGRAM), *arguments], input=load, capture_output=True,
        text=True, check=False, timeout=300, cwd="/",
        env={"PATH": os.environ["PATH"]})


def of_manual():
    """The load that the manual page shows."""
    page = (TOP / "man" / "culver-simulate.8").read_text()
    return re.search(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page,
                     re.S | re.M).group(1)


def test_the_manuals_load_runs_and_fits_a_terminal():
    answer = simulate(load=of_manual())
    assert (answer.returncode, answer.stderr) == (0, "")
    lines = answer.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = {line.split()[0]: line.split() for line in lines if line}
    assert rows["joe"][0] == "joe"
    assert sum(line.startswith("destination ") for line in lines) == 2
    assert sum(line.startswith("customer ") for line in lines) == 2


def test_the_numbers_add_up_and_are_the_same_each_time():
    texts = [simulate("--json", load=of_manual()).stdout for _ in range(2)]
    assert texts[0] == texts[1]
    result = json.loads(texts[0])
    for row in result["destinations"] + result["customers"]:
        assert row["messages"] == (
            row["delivered"] + row["bounced"] + row["waiting"])
        assert row["attempts"] >= row["delivered"]
        assert row["median_us"] <= row["p90_us"] <= row["most_us"]
    for kind in "destinations", "customers":
        assert sum(row["messages"] for row in result[kind]) == 75100
    joe = result["customers"][3]
    assert joe["delivered"] == 100 and joe["first_us"] < 1000000
    gone = result["destinations"][1]
    assert gone["attempts_while_dead"] <= 8 * 60 + 40


def test_a_host_that_comes_up_is_served_in_full_soon():
    load = ("concurrencyremote 40\n"
            "destination gone latency 1s dead 1h..9h\n"
            "mail bulk gone 50000 at 1h\n")
    text = simulate(load=load).stdout
    assert re.search(r"^gone is served in full \S+ after it came up", text,
                     re.M)
    gone = json.loads(simulate("--json", load=load).stdout)["destinations"][0]
    assert gone["delivered"] == 50000
    assert gone["attempts_while_dead"] <= 8 * 60 + 40
    assert gone["recovered_us"] <= 120 * 1000000


def test_a_flood_for_a_slow_host_does_not_touch_others_mail():
    """The times are simulated: the same on each machine."""
    load = (TOP / "tests/bench/fair.load").read_text()
    idle = "".join(line for line in load.splitlines(True)
                   if "tar.example" not in line)

    def joe(text):
        return next(row for row in json.loads(
            simulate("--json", load=text).stdout)["customers"]
            if row["name"] == "joe")
    alone, beside = joe(idle), joe(load)
    assert alone["delivered"] == beside["delivered"] == 300
    assert beside["first_us"] < 1000000
    assert beside["median_us"] <= 1.5 * alone["median_us"]


def test_another_seed_gives_other_numbers():
    load = "destination a defer 50\nmail joe a 500\n"
    answers = {simulate("--json", load="seed %d\n%s" % (seed, load)).stdout
               for seed in (1, 2)}
    assert len(answers) == 2


def test_a_retryschedule_is_followed():
    """Ten attempts that fail, at known times, and then it is too old."""
    load = ("retryschedule 1m 10m\nqueuelifetime 1h\n"
            "destination no defer 100 latency 0ms\nmail joe no 1\n")
    result = json.loads(simulate("--json", load=load).stdout)
    row = result["customers"][0]
    # 0, 1, 11, 21 ... minutes, each pause up to a tenth longer or shorter.
    assert row["bounced"] == 1
    assert row["attempts"] in (7, 8)
    assert 60 * 60 <= result["end_us"] / 1e6 <= 72 * 60


def test_a_file_is_read_like_the_standard_input(tmp_path):
    path = tmp_path / "load"
    path.write_text(of_manual())
    assert simulate(str(path)).stdout == simulate(load=of_manual()).stdout


@pytest.mark.parametrize("load,says", [
    ("destination a\nmail b a x\n",
     "standard input:2: no number, or out of bounds: x"),
    ("queue 5\n", "standard input:1: unknown word: queue"),
    ("x" * (1 << 19), "standard input:1: unknown word: x"),
    ("x" * ((1 << 20) + 5000), "the description is too long"),
], ids=["number", "word", "long-line", "too-long"])
def test_what_does_not_parse_is_named(load, says):
    answer = simulate(load=load)
    assert answer.returncode == 100
    assert says in answer.stderr
    assert len(answer.stderr) < 500
    assert answer.stdout == ""


def test_wrong_arguments_and_files_are_told_apart(tmp_path):
    assert simulate("--no").returncode == 100
    assert simulate("a", "b").returncode == 100
    answer = simulate(str(tmp_path / "absent"))
    assert answer.returncode == 111 and "absent" in answer.stderr


def test_culver_finds_it():
    answer = subprocess.run(
        [str(BIN / "culver"), "simulate"], input="seed 1\n",
        capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0 and "destination" in answer.stdout
