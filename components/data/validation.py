"""Which images can be trusted, and whether there are enough of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.data.images.content import BLANK, content
from components.data.images.costs import UnreadableImageError
from components.data.images.decoder import read
from components.data.manifest import read_table, write_table
from components.frame import files
from components.frame.errors import DataError
from components.frame.progress import printed
from components.frame.tables import write_csv

FEWEST_CLASSES = 2
SHOWN = 10
"""So many quarantined images are named on the screen; all are in quarantine.csv."""
KEEP_ORDER = ("test", "val", "train")
"""Of equal images in several given splits, the copy in the first of these stays."""
HARMLESS = ("duplicate",)
"""Reasons that do not count towards `max_bad_fraction`."""
FEW_LEVELS = 4
"""Different values of a colour; most images with so few are drawings, masks, or stored wrongly."""

Finding = tuple[str, str, str]
"""An image's path, a reason of one word, and the particulars."""


@dataclass(frozen=True)
class Limits:
    """What is still good enough."""

    max_bad_fraction: float
    """Of the images, 0 to 1."""
    min_per_class: int
    min_side: int
    """Pixels."""


def sift(
    manifest: Path, raw: Path, limits: Limits, *, images: Path, quarantine: Path, report: Path
) -> None:
    """Decode every image once and keep those that can be trusted; the others are listed.

    Raises:
        DataError: too many are bad, or a class has too few; all is written by then.
    """
    table = read_table(manifest)
    table, findings = _looked_at(table, raw, limits.min_side)
    findings += _repeated(table[table["pixels"].notna()])
    listed = pd.DataFrame(findings, columns=["path", "reason", "detail"])
    listed = listed.merge(table[["path", "class"]], on="path").sort_values("path")
    accepted = table[~table["path"].isin(listed["path"])]
    write_csv(quarantine, listed[["path", "class", "reason", "detail"]])
    write_table(images, accepted.drop(columns=["pixels", "levels"]))
    flat = _flat_classes(accepted)
    files.write_json(report, _report(table, accepted, listed) | {"few_levels": flat})
    _show(listed, quarantine)
    _show_flat(flat, accepted)
    _gate(limits, table, accepted, listed)
    print(f"{len(accepted):,} of {len(table):,} images are usable")


def _looked_at(table: pd.DataFrame, raw: Path, min_side: int) -> tuple[pd.DataFrame, list[Finding]]:
    """The table with `pixels`, a digest, and `levels` of each usable image; what the others are."""
    findings: list[Finding] = []
    looks: list[tuple[str | None, int]] = []
    tell = printed("decoded")
    for number, path in enumerate(table["path"], start=1):
        tell(number, len(table))
        try:
            looks.append(_look(raw / path, min_side))
        except UnreadableImageError as error:
            findings.append((path, error.reason, error.detail))
            looks.append((None, 0))
    digests, levels = zip(*looks, strict=True)
    return table.assign(pixels=digests, levels=levels), findings


def _look(path: Path, min_side: int) -> tuple[str, int]:
    """The digest of an image's pixels, and how many levels they have.

    Raises:
        UnreadableImageError: also where nothing can be learned from it.
    """
    image = read(path)
    height, width = image.shape[:2]
    if min(height, width) < min_side:
        raise UnreadableImageError("too-small", f"{width} x {height} pixels")
    seen = content(image)
    if seen.blank:
        colour = " ".join(map(str, image[height // 2, width // 2]))
        raise UnreadableImageError("blank", f"all of it is RGB {colour}, within {BLANK} of 255")
    return seen.digest, seen.levels


def _repeated(table: pd.DataFrame) -> list[Finding]:
    """Equal pixels: one copy stays where the class is the same, none where the classes differ."""
    findings = []
    for _, equal in table[table.duplicated("pixels", keep=False)].groupby("pixels"):
        names = sorted(equal["path"], key=_keep_rank(equal))
        same = f"same {'bytes' if equal['sha256'].nunique() == 1 else 'pixels'} as"
        if equal["class"].nunique() > 1:
            others = {name: [other for other in names if other != name] for name in names}
            findings += [(n, "label-conflict", f"{same} {others[n][0]}") for n in names]
        else:
            findings += [(n, "duplicate", f"{same} {names[0]}") for n in names[1:]]
    return findings


def _keep_rank(equal: pd.DataFrame) -> Callable[[str], tuple[int, str]]:
    """A sort key: the copy that stays comes first."""
    subsets = dict(zip(equal["path"], equal["subset"], strict=True))
    ranks = {split: rank for rank, split in enumerate(KEEP_ORDER)}
    return lambda name: (ranks.get(subsets[name], len(ranks)), name)


def _report(table: pd.DataFrame, accepted: pd.DataFrame, listed: pd.DataFrame) -> dict[str, object]:
    return {
        "images": len(table),
        "usable": len(accepted),
        "left_out": _counts(listed["reason"]),
        "classes": _counts(accepted["class"]),
    }


def _counts(values: "pd.Series[str]") -> dict[str, int]:
    return {str(key): int(count) for key, count in values.value_counts().sort_index().items()}


def _show(listed: pd.DataFrame, quarantine: Path) -> None:
    for row in listed.head(SHOWN).itertuples():
        print(f"left out: {row.path} ({row.reason}: {row.detail})")
    if len(listed) > SHOWN:
        print(f"left out: {len(listed) - SHOWN} more, see {quarantine.name}")


def _flat_classes(accepted: pd.DataFrame) -> dict[str, int]:
    """How many images have few levels, for each class in which most do."""
    flat = accepted["levels"] <= FEW_LEVELS
    counts = flat.groupby(accepted["class"]).agg(["sum", "mean"])
    return {str(name): int(row["sum"]) for name, row in counts.iterrows() if row["mean"] > 1 / 2}


def _show_flat(flat: dict[str, int], accepted: pd.DataFrame) -> None:
    for name, number in flat.items():
        print(
            f"class {name!r}: {number:,} of {(accepted['class'] == name).sum():,} images have "
            f"{FEW_LEVELS} levels of a colour or fewer; if they are no drawings, store them anew"
        )


def _gate(
    limits: Limits, table: pd.DataFrame, accepted: pd.DataFrame, listed: pd.DataFrame
) -> None:
    """Stop where the data is not fit to learn from; every broken rule is named.

    Raises:
        DataError: one sentence for each rule that is broken.
    """
    faults = [
        *_too_few_classes(table),
        *_too_small_classes(limits, table, accepted),
        *_too_many_bad(limits, table, listed),
    ]
    if faults:
        raise DataError("\n".join(faults))


def _too_few_classes(table: pd.DataFrame) -> list[str]:
    names = sorted(table["class"].unique())
    if len(names) >= FEWEST_CLASSES:
        return []
    return [
        (
            f"there must be at least {FEWEST_CLASSES} classes, but there is only {names[0]!r}. "
            "Put each class into a sub-folder of its own."
        )
    ]


def _too_small_classes(limits: Limits, table: pd.DataFrame, accepted: pd.DataFrame) -> list[str]:
    usable, least = accepted["class"].value_counts(), limits.min_per_class
    return [
        f"class {name!r} needs at least {least} usable images "
        f"(validate.min_per_class), but has {usable.get(name, 0)} of "
        f"{(table['class'] == name).sum()}. Add images or remove the class."
        for name in sorted(table["class"].unique())
        if usable.get(name, 0) < least
    ]


def _too_many_bad(limits: Limits, table: pd.DataFrame, listed: pd.DataFrame) -> list[str]:
    bad = (~listed["reason"].isin(HARMLESS)).sum()
    if bad <= limits.max_bad_fraction * len(table):
        return []
    return [
        (
            f"at most {limits.max_bad_fraction:.1%} of the images may be bad "
            f"(validate.max_bad_fraction), but {bad} of {len(table)} are: "
            f"{_reasons(listed)}. Fix or remove them, or raise the limit."
        )
    ]


def _reasons(listed: pd.DataFrame) -> str:
    bad = listed[~listed["reason"].isin(HARMLESS)]
    groups = [(reason, list(group["path"])) for reason, group in bad.groupby("reason")]
    return ", ".join(f"{len(paths)} {reason} (such as {paths[0]})" for reason, paths in groups)
