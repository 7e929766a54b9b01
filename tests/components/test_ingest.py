"""What comes in: digits, folders, archives, unchanged, classes and splits read off names."""

import io
import os
import shutil
import tarfile
import zipfile

import pandas as pd
import pytest
from samples import draw, encode

from components.data import ingestion
from components.data.layout import places
from components.data.manifest import write_table
from components.data.source import fingerprint_of, open_source
from components.frame import apart
from components.frame.errors import DataError, UsageError


def manifest(place):
    return pd.read_parquet(place.root / "build/ingest/manifest.parquet")


def tar_of(path, entries):
    with tarfile.open(path, "w") as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_folder_is_copied_unchanged_and_listed_sorted(place, images):
    """Every image arrives with its own bytes; the user's folder is left as it was."""
    before = {path: path.read_bytes() for path in images.rglob("*.png")}
    place.source(images)
    assert place.run("ingest").code == 0
    table = manifest(place)
    assert list(table["path"]) == sorted(p.relative_to(images).as_posix() for p in before)
    assert set(table["class"]) == {"cat", "dog"}
    assert table["subset"].isna().all()
    assert (table[["width", "height"]] == 24).all(axis=None)
    for path, content in before.items():
        assert path.read_bytes() == content
        assert (place.root / "data/raw" / path.relative_to(images)).read_bytes() == content


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archive_with_one_folder_around_it_gives_the_same_classes(place, images, tmp_path, kind):
    """An archive of a folder is that folder."""
    path = tmp_path / f"pets.{kind}"
    names = {f"pets/{p.relative_to(images)}": p.read_bytes() for p in images.rglob("*.png")}
    if kind == "tar":
        tar_of(path, names)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in names.items():
                archive.writestr(name, content)
    place.source(path)
    assert place.run("ingest").code == 0
    assert manifest(place)["class"].value_counts().to_dict() == {"cat": 12, "dog": 12}


def test_brought_split_is_kept_and_not_taken_for_classes(place, images, tmp_path):
    """`train` and `test` are splits; `validation` would be one too."""
    nested = tmp_path / "split"
    for number, path in enumerate(sorted(images.rglob("*.png"))):
        split = "test" if number % 4 == 0 else "train"
        target = nested / split / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    place.source(nested)
    assert place.run("ingest").code == 0
    table = manifest(place)
    assert set(table["class"]) == {"cat", "dog"}
    assert table["subset"].value_counts().to_dict() == {"train": 18, "test": 6}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train/cat/1.png", "test/cat/2.png", "bird/3.png"], "either splits or classes"),
        (["val/cat/1.png", "test/cat/2.png"], "needs a folder `train`"),
        (["cat/1.png", "dog/2.png", "3.png"], "in a sub-folder named after its class"),
    ],
)
def test_unclear_layouts_are_refused(names, message):
    """What a folder name means is never guessed."""
    with pytest.raises(DataError, match=message):
        places(names)


def test_a_class_may_be_called_train():
    """One word that could be a split does not make a split of classes."""
    found = places(["train/1.png", "bus/2.png", "car/3.png"])
    assert {place.label for place in found.values()} == {"train", "bus", "car"}


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/../../evil.png"])
def test_archive_with_an_entry_outside_is_refused(place, tmp_path, name):
    """Nothing is written beside the project (FAULTS 40)."""
    place.source(tar_of(tmp_path / "bad.tar", {"cat/1.png": encode(draw(1)), name: b"x"}))
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "leaves the folder" in outcome.errors
    assert not (tmp_path / "evil.png").exists()


def test_archive_with_a_link_is_refused(place, tmp_path):
    """A link in an archive could point anywhere."""
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("cat/1.png")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    place.source(path)
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "is a link or a device" in outcome.errors


def test_archive_that_unpacks_beyond_the_limit_is_refused(place, tmp_path):
    """A small archive cannot fill the disk."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/1.png", bytes(3 * 2**20))
    place.source(path)
    place.change("ingest", source=str(path), max_unpacked_gib=0.001)
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "max_unpacked_gib" in outcome.errors


def test_truncated_archive_is_refused(place, tmp_path):
    """Half an archive is said to be one."""
    whole = tar_of(tmp_path / "whole.tar", {"cat/1.png": encode(draw(1, height=200, width=200))})
    path = tmp_path / "half.tar"
    path.write_bytes(whole.read_bytes()[:60_000])
    place.source(path)
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "cannot be unpacked" in outcome.errors


def test_link_in_a_folder_is_refused(place, images, tmp_path):
    """A link's target lies outside what is versioned (FAULTS 34)."""
    (tmp_path / "secret.png").write_bytes(encode(draw(1)))
    (images / "cat" / "link.png").symlink_to(tmp_path / "secret.png")
    place.change("ingest", source=str(images))
    (place.root / "data").mkdir(exist_ok=True)
    (place.root / "data/source.yaml").write_text("sha256: x\n")
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "cat/link.png" in outcome.errors


def test_pipe_in_a_folder_is_reported_and_does_not_hang(place, images):
    """Only plain files are opened."""
    os.mkfifo(images / "cat" / "pipe.png")
    place.change("ingest", source=str(images))
    (place.root / "data").mkdir(exist_ok=True)
    (place.root / "data/source.yaml").write_text("sha256: x\n")
    assert place.run("ingest").code == 3


def test_changed_source_stops_with_the_remedy(place, images):
    """A stage builds what is pinned, not what happens to lie there."""
    place.source(images)
    (images / "cat" / "new.png").write_bytes(encode(draw(999)))
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "thawline sync" in outcome.errors


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_source_without_images_is_named(place, tmp_path, what):
    """No images at all is said at once (FAULTS 25)."""
    folder = tmp_path / "nothing"
    if what == "empty":
        folder.mkdir()
    place.change("ingest", source=str(folder))
    (place.root / "data").mkdir(exist_ok=True)
    (place.root / "data/source.yaml").write_text("sha256: x\n")
    outcome = place.run("ingest")
    assert outcome.code == {"missing": 2, "empty": 3}[what]
    assert str(folder) in outcome.errors


def test_fingerprint_depends_on_names_and_contents_alone():
    """Two clones agree whatever the order in which a folder is listed."""
    assert fingerprint_of([("a", "1"), ("b", "2")]) == fingerprint_of([("b", "2"), ("a", "1")])
    assert fingerprint_of([("a", "1"), ("b", "2")]) != fingerprint_of([("a", "2"), ("b", "1")])


def test_hidden_files_and_system_leftovers_are_no_images(place, images):
    """What systems leave behind neither comes in nor stops anything."""
    (images / "cat" / ".hidden.png").write_bytes(b"x")
    (images / "__MACOSX").mkdir()
    (images / "__MACOSX" / "1.png").write_bytes(b"x")
    (images / "cat" / "Thumbs.db").write_bytes(b"x")
    place.source(images)
    assert place.run("ingest").code == 0
    assert len(manifest(place)) == 24


def test_images_that_lie_where_they_would_be_replaced_are_refused(place, images):
    """The customary name of the folder is an output of this stage; nothing is touched."""
    raw = place.root / "data" / "raw"
    shutil.copytree(images, raw)
    before = {path: path.read_bytes() for path in raw.rglob("*.png")}
    place.source(raw)
    failed = place.run("ingest")
    assert failed.code == 2
    assert "ingest.source must lie apart from what a run replaces, but" in failed.errors
    assert {path: path.read_bytes() for path in raw.rglob("*.png")} == before


def test_images_that_no_run_put_there_are_moved_aside(place, images):
    """Before the first run or after one; what a run put there goes when the source lets it go."""
    raw = place.root / "data" / "raw"
    mine = encode(draw(999))
    (raw / "cat").mkdir(parents=True)
    (raw / "cat" / "mine.png").write_bytes(mine)
    place.source(images)
    done = place.run("ingest")
    assert done.code == 0
    assert (
        "files in raw that no run put there, 1 in all, were moved to data/raw.aside-1"
        in done.output
    )
    assert (place.root / "data" / "raw.aside-1" / "cat" / "mine.png").read_bytes() == mine
    assert len(manifest(place)) == 24
    (raw / "dog" / "later.png").write_bytes(mine)
    (images / "cat" / "00.png").unlink()
    place.source(images)
    assert place.run("ingest").code == 0
    aside = place.root / "data" / "raw.aside-2"
    assert [path.name for path in aside.rglob("*.png")] == ["later.png"]
    assert not (raw / "cat" / "00.png").exists()
    place.source(images)
    assert place.run("ingest").code == 0
    assert not (place.root / "data" / "raw.aside-3").exists()


def test_what_is_passed_over_is_told_by_ending(place, images):
    """So is what is an image only by its content, and a folder without any."""
    for name in ("a.HEIC", "b.heic", "list.csv"):
        (images / "cat" / name).write_bytes(b"x")
    (images / "cat" / "without").write_bytes(encode(draw(900)))
    (images / "cat" / "more" / "deeper").mkdir(parents=True)
    place.source(images)
    done = place.run("ingest")
    assert done.code == 0
    assert "25 images in 2 classes" in done.output
    assert "classes: cat (13), dog (12)\nsizes: 24 x 24 pixels each\n" in done.output
    assert "images by their content: 1 without an ending\n" in done.output
    assert "no images that can be read: 2 .heic, 1 .csv\n" in done.output
    assert "folders without an image: 'cat/more/'\n" in done.output


def test_an_empty_class_folder_stops_the_run(place, images):
    """Five classes of six would be learnt; nothing half copied is left behind."""
    (images / "owl").mkdir()
    place.source(images)
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "the folder 'owl' holds none" in outcome.errors
    assert not (place.root / "data" / "raw").exists()


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_and_a_folder_of_one_name_are_refused(place, tmp_path, order):
    """No disk can have both."""
    entries = {"cat/1.png": encode(draw(1)), "cat/1.png/2.png": encode(draw(2))}
    place.source(tar_of(tmp_path / "a.tar", dict(list(entries.items())[::order])))
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "files and folders must have names of their own" in outcome.errors


def test_a_name_that_this_disk_cannot_have_is_refused(place, tmp_path):
    """Each of its parts is short, all together are not."""
    name = "/".join(["cat", *["n" * 200] * 25, "1.png"])
    place.source(tar_of(tmp_path / "a.tar", {name: encode(draw(1))}))
    outcome = place.run("ingest")
    assert outcome.code == 3
    assert "cannot be named so on this disk (File name too long)" in outcome.errors


def test_an_image_never_takes_the_place_of_another(tmp_path):
    """As on a disk that does not tell `A` from `a`."""
    ingestion._write(tmp_path, "cat/a.png", b"one")
    with pytest.raises(DataError, match=r"another has that of 'cat/a\.png'"):
        ingestion._write(tmp_path, "cat/a.png", b"two")
    assert (tmp_path / "cat" / "a.png").read_bytes() == b"one"


def test_a_table_names_each_image_once(tmp_path):
    """A path is its key in every table that follows."""
    table = pd.DataFrame({"path": ["a.png", "b.png", "a.png"]})
    with pytest.raises(
        DataError, match=r"t\.parquet must name each image once, but names 'a\.png'"
    ):
        write_table(tmp_path / "t.parquet", table)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ring", "x" * 5000, "~nobody-of-this-name/x", "a\0b", "pipe.tar"])
def test_a_source_that_no_disk_could_have_is_refused(tmp_path, monkeypatch, name):
    """A ring of links, an endless name, no such user, NUL, a pipe."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ring").symlink_to("ring")
    os.mkfifo(tmp_path / "pipe.tar")
    assert apart._resolved(name)
    with pytest.raises(UsageError, match="must be `digits`, a folder"):
        open_source(name)


def test_an_image_that_a_killed_run_half_wrote_is_no_stranger(place, images):
    """The beginning of what the source has under that name was ours; another is a person's."""
    place.source(images)
    content = (images / "cat" / "00.png").read_bytes()
    raw = place.root / "data" / "raw"
    (raw / "cat").mkdir(parents=True)
    (raw / "cat" / "00.png").write_bytes(content[: len(content) // 2])
    (raw / "cat" / "01.png").write_bytes(b"")
    (raw / "cat" / "02.png").write_bytes(content[: len(content) // 2])
    done = place.run("ingest")
    assert done.code == 0
    assert "1 in all" in done.output
    aside = place.root / "data" / "raw.aside-1"
    assert [path.name for path in aside.rglob("*.png")] == ["02.png"]
    assert (raw / "cat" / "00.png").read_bytes() == content
