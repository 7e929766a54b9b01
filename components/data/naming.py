"""What a person calls a source of images."""

from pathlib import PurePosixPath

ENDINGS = (
    *(".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst"),
    ".zip",
)
"""Of archives."""


def source_name(source: str) -> str:
    """The last part of its path, without the ending of an archive."""
    name = PurePosixPath(source).name or source
    endings = (ending for ending in ENDINGS if name.endswith(ending) and name != ending)
    return name.removesuffix(max(endings, key=len, default=""))
