"""The instances of the system tests, under the name instances."""
import importlib.util
import multiprocessing
import pathlib
import sys
import traceback

import pytest

SYSTEM = pathlib.Path(__file__).resolve().parents[1] / "system"
sys.path.append(str(SYSTEM))

# By its file: the name conftest is this one's, too.
spec = importlib.util.spec_from_file_location("instances",
                                              SYSTEM / "conftest.py")
instances = importlib.util.module_from_spec(spec)
sys.modules["instances"] = instances
spec.loader.exec_module(instances)

pytest_configure = instances.pytest_configure
make_instance = instances.make_instance
instance = instances.instance


def work(pipe, make):
    """The other process: make() once, then what it is told to do with it."""
    tool = make()
    try:
        for what, words in iter(pipe.recv, None):
            try:
                pipe.send((what(tool, *words), None))
            except Exception:
                pipe.send((None, traceback.format_exc()))
    finally:
        tool.close()


@pytest.fixture(scope="module")
def in_a_process():
    """in_a_process(make): a function that has another process call others
    with what make() made there, which may so change what a process has."""
    begun = []

    def begin(make):
        here, there = multiprocessing.Pipe()
        child = multiprocessing.Process(target=work, args=(there, make))
        child.start()
        there.close()
        begun.append((child, here))

        def do(what, *words):
            here.send((what, words))
            result, trouble = here.recv()
            assert trouble is None, trouble
            return result
        return do

    yield begin
    for child, pipe in begun:
        pipe.send(None)
        child.join()
