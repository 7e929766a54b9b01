"""What is taken for an image is what the decoder reads."""

from io import BytesIO

import pytest
from PIL import Image

from components.data import kinds
from components.data.images import decoder


def test_endings_are_those_of_the_decoder():
    """Neither is an image left lying, nor anything else taken for one."""
    Image.init()
    endings = {
        end for end, form in Image.registered_extensions().items() if form in decoder.FORMATS
    }
    assert endings == kinds.SUFFIXES


@pytest.mark.parametrize("form", decoder.FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_what_the_decoder_reads_is_told_by_its_first_bytes(form, mode):
    """Whatever wrote it."""
    content = BytesIO()
    Image.new(mode, (5, 7)).save(content, form)
    decoder.decode(content.getvalue())
    assert kinds.is_image("cat/1", lambda: content.getvalue()[: kinds.HEAD])


@pytest.mark.parametrize(
    "text", [b"", b"BMW builds cars", b"P2 stands for", b"II. Chapter", b"RIFF"]
)
def test_a_text_is_no_image(text):
    """A file without an ending may be anything."""
    assert not kinds.is_image("README", lambda: text)


def test_files_are_counted_by_their_ending():
    """The commonest first, and not endlessly."""
    names = ["a/1.HEIC", "a/2.heic", "README", ".git", "a/.b/c.png"]
    assert kinds.counted(names) == "2 .heic, 2 hidden, 1 without an ending"
    assert kinds.counted(f"1.{number}" for number in range(15)).endswith(", 5 others")
    assert kinds.counted([]) == ""
