"""Find images that cannot be trusted, and stop where too much of the data is bad."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from components.frame import files
from components.frame.errors import DataError
from components.frame.params import Params
from components.frame.spec import In, Out
from components.frame.stage import run

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10
"""So many quarantined images are named on the screen; all are in quarantine.csv."""
KEEP_ORDER = ("test", "val", "train")
"""Of equal images in several given splits, the copy in the first of these stays."""
HARMLESS = ("duplicate",)
"""Reasons that do not count towards `max_bad_fraction`."""


class ValidateParams(Params):
    """What is still good enough."""

    max_bad_fraction: Annotated[float, Field(ge=0, le=1)]
    """Fraction of broken, tiny or contradictory images above which the run stops."""
    min_per_class: Annotated[int, Field(ge=3)]
    """Usable images a class needs: at least one each to train, select and test on."""
    min_side: Annotated[int, Field(ge=1)]
    """Shorter images are left out, pixels."""


def validate(
    params: ValidateParams, *, manifest: In, raw: In, images: Out, quarantine: Out, report: Out
) -> None:
    """Decode every image once, fully; list broken, tiny, doubled and contradictory ones."""
    import pandas as pd

    from components.data.manifest import read_table, write_table
    from components.frame.tables import write_csv

    table = read_table(manifest)
    findings = [*_unreadable(table, raw, params.min_side)]
    findings += _repeated(table[~table["path"].isin([path for path, _, _ in findings])])
    listed = pd.DataFrame(findings, columns=["path", "reason", "detail"])
    listed = listed.merge(table[["path", "class"]], on="path").sort_values("path")
    accepted = table[~table["path"].isin(listed["path"])]
    write_csv(quarantine, listed[["path", "class", "reason", "detail"]])
    write_table(images, accepted)
    files.write_json(report, _report(table, accepted, listed))
    _show(listed, quarantine)
    _gate(params, table, accepted, listed)
    print(f"{len(accepted):,} of {len(table):,} images are usable")


def _unreadable(table: "pd.DataFrame", raw: Path, min_side: int) -> list[tuple[str, str, str]]:
    from components.data.images.decoder import UnreadableImageError, read

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


def _repeated(table: "pd.DataFrame") -> list[tuple[str, str, str]]:
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


def _keep_rank(equal: "pd.DataFrame") -> Callable[[str], tuple[int, str]]:
    """A sort key: the copy that stays comes first."""
    subsets = dict(zip(equal["path"], equal["subset"], strict=True))
    ranks = {split: rank for rank, split in enumerate(KEEP_ORDER)}
    return lambda name: (ranks.get(subsets[name], len(ranks)), name)


def _report(
    table: "pd.DataFrame", accepted: "pd.DataFrame", listed: "pd.DataFrame"
) -> dict[str, object]:
    return {
        "images": len(table),
        "usable": len(accepted),
        "left_out": _counts(listed["reason"]),
        "classes": _counts(accepted["class"]),
    }


def _counts(values: "pd.Series[str]") -> dict[str, int]:
    return {str(key): int(count) for key, count in values.value_counts().sort_index().items()}


def _show(listed: "pd.DataFrame", quarantine: Path) -> None:
    for row in listed.head(SHOWN).itertuples():
        print(f"left out: {row.path} ({row.reason}: {row.detail})")
    if len(listed) > SHOWN:
        print(f"left out: {len(listed) - SHOWN} more, see {quarantine.name}")


def _gate(
    params: ValidateParams, table: "pd.DataFrame", accepted: "pd.DataFrame", listed: "pd.DataFrame"
) -> None:
    """Stop where the data is not fit to learn from; every broken rule is named.

    Raises:
        DataError: one sentence for each rule that is broken.
    """
    counts = accepted["class"].value_counts()
    faults = [
        f"class {name!r} needs at least {params.min_per_class} usable images "
        f"(validate.min_per_class), but has {counts.get(name, 0)} of "
        f"{(table['class'] == name).sum()}. Add images or remove the class."
        for name in sorted(table["class"].unique())
        if counts.get(name, 0) < params.min_per_class
    ]
    if table["class"].nunique() < 2:  # noqa: PLR2004  # two is the rule itself
        found = table["class"].iloc[0]
        faults.insert(0, f"there must be at least 2 classes, but there is only {found!r}. "
                         "Put each class into a sub-folder of its own.")  # fmt: skip
    bad = (~listed["reason"].isin(HARMLESS)).sum()
    if bad > params.max_bad_fraction * len(table):
        faults.append(
            f"at most {params.max_bad_fraction:.1%} of the images may be bad "
            f"(validate.max_bad_fraction), but {bad} of {len(table)} are: "
            f"{_reasons(listed)}. Fix or remove them, or raise the limit."
        )
    if faults:
        raise DataError("\n".join(faults))


def _reasons(listed: "pd.DataFrame") -> str:
    bad = listed[~listed["reason"].isin(HARMLESS)]
    groups = [(reason, list(group["path"])) for reason, group in bad.groupby("reason")]
    return ", ".join(f"{len(paths)} {reason} (such as {paths[0]})" for reason, paths in groups)


if __name__ == "__main__":
    run(validate)
