"""What is found in whole images: the same pixels again, nothing at all, or very little."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image, PngImagePlugin
from samples import draw, encode

from components.data.manifest import read_table, write_table
from components.data.validation import Limits, sift
from components.frame import files
from components.frame.errors import DataError

LIMITS = Limits(max_bad_fraction=0.3, min_per_class=3, min_side=8)


@pytest.fixture
def sifted(tmp_path):
    """A function from files by path, and splits that were brought, to what is made of them."""

    def sift_all(contents, subsets=None, limits=LIMITS):
        rows = [
            {"path": path, "class": path.split("/")[-2], "sha256": path_digest(content)}
            for path, content in contents.items()
        ]
        table = pd.DataFrame(rows)
        table["subset"] = pd.array([(subsets or {}).get(p) for p in table["path"]], dtype="string")
        for path, content in contents.items():
            files.write_bytes(tmp_path / "raw" / path, content)
        write_table(tmp_path / "manifest.parquet", table)
        made = {name: tmp_path / name for name in ("images", "quarantine", "report")}
        sift(tmp_path / "manifest.parquet", tmp_path / "raw", limits, **made)
        listed = pd.read_csv(made["quarantine"]).set_index("path")
        return read_table(made["images"]), listed, files.read_json(made["report"])

    return sift_all


def path_digest(content):
    return str(hash(content))


def noise(classes=("cat", "dog"), each=6):
    return {
        f"{name}/{number}.png": encode(draw(100 * label + number))
        for label, name in enumerate(classes)
        for number in range(each)
    }


def saved(image, form, **options):
    content = BytesIO()
    Image.fromarray(image).save(content, form, **options)
    return content.getvalue()


def noted():
    note = PngImagePlugin.PngInfo()
    note.add_text("by", "somebody")
    return saved(draw(900), "PNG", pnginfo=note)


TURNED = Image.Exif()
TURNED[274] = 6
SAME = {
    "another format": saved(draw(900), "BMP"),
    "other metadata": noted(),
    "stored turned": saved(np.rot90(draw(900)), "PNG", exif=TURNED),
    "without loss": saved(draw(900), "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", SAME)
def test_equal_pixels_are_one_image_whatever_the_file(sifted, name):
    """Only one goes on, so none can lie in two splits; one in test is not in train."""
    again = {"cat/a.png": saved(draw(900), "PNG"), "cat/b.img": SAME[name]}
    kept, listed, _ = sifted(noise() | again)
    assert dict(listed["reason"]) == {"cat/b.img": "duplicate"}
    assert listed["detail"]["cat/b.img"] == "same pixels as cat/a.png"
    assert len(kept) == 13
    kept, listed, _ = sifted(noise() | again, {"cat/a.png": "train", "cat/b.img": "test"})
    assert dict(listed["reason"]) == {"cat/a.png": "duplicate"}


def test_equal_pixels_of_two_classes_are_both_left_out(sifted):
    """Nobody knows which label is right."""
    again = {"cat/a.png": saved(draw(900), "PNG"), "dog/b.bmp": SAME["another format"]}
    _, listed, _ = sifted(noise() | again)
    assert dict(listed["reason"]) == dict.fromkeys(again, "label-conflict")
    assert listed["detail"]["dog/b.bmp"] == "same pixels as cat/a.png"


def test_equal_bytes_are_still_said_to_be(sifted):
    """It tells a person that the files are the same."""
    _, listed, _ = sifted(noise() | {"cat/a.png": encode(draw(0))})
    assert listed["detail"]["cat/a.png"] == "same bytes as cat/0.png"


def test_blank_images_are_left_out_and_count_as_bad(sifted):
    """Paper, a closed shutter; two of them are no duplicates but nothing at all."""
    blank = {f"cat/{v}.jpg": saved(np.full((24, 24, 3), v, np.uint8), "JPEG") for v in (3, 250)}
    kept, listed, report = sifted(noise() | blank)
    assert dict(listed["reason"]) == dict.fromkeys(blank, "blank")
    assert listed["detail"]["cat/250.jpg"] == "all of it is RGB 250 250 250, within 2 of 255"
    assert len(kept) == 12
    assert report["left_out"] == {"blank": 2}
    limits = Limits(max_bad_fraction=0.1, min_per_class=3, min_side=8)
    with pytest.raises(DataError, match=r"2 of 14 are: 2 blank \(such as"):
        sifted(noise() | blank, limits=limits)


def test_a_class_that_is_nearly_black_is_said(sifted, capsys):
    """Masks, or 8 bits stored in 16: kept, since drawings look the same, and written down."""
    rng = np.random.default_rng(1)
    masks = {
        f"cow/{number}.png": encode(rng.integers(0, 4, (24, 24, 3), dtype=np.uint8))
        for number in range(4)
    }
    rich = {"cow/4.png": encode(draw(700)), "dog/6.png": masks.pop("cow/0.png")}
    kept, _, report = sifted(noise() | masks | rich)
    assert report["few_levels"] == {"cow": 3}
    said = [line for line in capsys.readouterr().out.splitlines() if "levels" in line]
    assert len(said) == 1
    assert "class 'cow': 3 of 4 images have 4 levels of a colour or fewer" in said[0]
    assert list(kept.columns) == ["path", "class", "sha256", "subset"]


def test_one_damaged_image_is_that_image_alone(sifted):
    """Whatever is wrong with it, the others are looked at."""
    odd = {f"cat/{number}.png": encode(draw(1))[:number] for number in (10, 40, 200)}
    kept, listed, _ = sifted(noise(each=9) | odd)
    assert dict(listed["reason"]) == {
        "cat/10.png": "no-image",
        "cat/40.png": "no-image",
        "cat/200.png": "damaged",
    }
    assert len(kept) == 18
