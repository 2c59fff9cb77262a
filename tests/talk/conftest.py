"""Which tests are cases of the catalogue of attacks, the report says."""
import pytest


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "attack(section): a case of a catalogue of attacks")


@pytest.fixture(autouse=True)
def counted_attack(request):
    mark = request.node.get_closest_marker("attack")
    if mark:
        request.node.user_properties.append(("attack", mark.args[0]))
