"""The instances of the system tests, under the name instances."""
import importlib.util
import pathlib
import sys

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
