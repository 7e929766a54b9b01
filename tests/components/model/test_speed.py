"""How fast a machine trains is found out in about a second."""

from components.model import speed


def test_an_image_takes_some_time():
    """No more than a second, whatever the machine."""
    assert 0 < speed.seconds_an_image("test_resnet", 32) < 1
