"""Which images can be trusted, and whether there are enough of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.data.images.decoder import UnreadableImageError, read
from components.data.manifest import read_table, write_table
from components.frame import files
from components.frame.errors import DataError
from components.frame.tables import write_csv

FEWEST_CLASSES = 2
SHOWN = 10
"""So many quarantined images are named on the screen; all are in quarantine.csv."""
KEEP_ORDER = ("test", "val", "train")
"""Of equal images in several given splits, the copy in the first of these stays."""
HARMLESS = ("duplicate",)
"""Reasons that do not count towards `max_bad_fraction`."""


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
    findings = [*_unreadable(table, raw, limits.min_side)]
    findings += _repeated(table[~table["path"].isin([path for path, _, _ in findings])])
    listed = pd.DataFrame(findings, columns=["path", "reason", "detail"])
    listed = listed.merge(table[["path", "class"]], on="path").sort_values("path")
    accepted = table[~table["path"].isin(listed["path"])]
    write_csv(quarantine, listed[["path", "class", "reason", "detail"]])
    write_table(images, accepted)
    files.write_json(report, _report(table, accepted, listed))
    _show(listed, quarantine)
    _gate(limits, table, accepted, listed)
    print(f"{len(accepted):,} of {len(table):,} images are usable")


def _unreadable(table: pd.DataFrame, raw: Path, min_side: int) -> list[tuple[str, str, str]]:
    findings = []
    for path in table["path"]:
        try:
            height, width = read(raw / path).shape[:2]
        except UnreadableImageError as error:
            findings.append((path, error.reason, error.detail))
            continue
        if min(height, width) < min_side:
            findings.append((path, "too-small", f"{width} x {height} pixels"))
    return findings


def _repeated(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Equal bytes: one copy stays where the class is the same, none where the classes differ."""
    findings = []
    for _, equal in table[table.duplicated("sha256", keep=False)].groupby("sha256"):
        names = sorted(equal["path"], key=_keep_rank(equal))
        if equal["class"].nunique() > 1:
            others = {name: [other for other in names if other != name] for name in names}
            findings += [(n, "label-conflict", f"same bytes as {others[n][0]}") for n in names]
        else:
            findings += [(n, "duplicate", f"same bytes as {names[0]}") for n in names[1:]]
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
