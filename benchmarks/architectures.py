"""The table of `thawline models`: timm's networks that Thawline can train, and what each costs.

    python -m benchmarks.architectures           adds what the table lacks
    python -m benchmarks.architectures --anew    counts all again, an hour on two cores

A network is taken up if it is built for images, its layers fall into groups, and it answers for one
image with the outputs asked for. Multiply-accumulates are those of one pass at the size its weights
were trained at, counted as the search counts them; no weights are fetched.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import timm
import torch

from components.frame import files
from components.model.groups import groups
from components.model.head import classifier_names
from components.model.partial.cost import cost
from flows.parameters.architectures import TABLE, Architecture

OUTPUTS = 10
RGB = 3
FAULTS = (AssertionError, AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What networks raise that are not made for this."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--anew", action="store_true")
    known = {} if parser.parse_args().anew else dict(present())
    names = timm.list_models()
    rows = {name: row for name, row in known.items() if name in names}
    for name in names:
        if name not in rows:
            try:
                rows[name] = counted(name)
            except FAULTS as error:
                print(f"{name}: {' '.join(str(error).split())[:120]}", file=sys.stderr)
                continue
            write(rows)
    write(rows)


def counted(name: str) -> Architecture:
    """What the table says of one network."""
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=OUTPUTS)
        images = torch.empty(1, *model.pretrained_cfg["input_size"])
        shapes: list[tuple[int, ...]] = []
        model.register_forward_hook(lambda _model, _images, answer: shapes.append(answer.shape))
        macs = sum(cost(model, groups(model), images).groups)
    if shapes != [(1, OUTPUTS)] or not classifier_names(model) or images.shape[1] != RGB:
        raise ValueError(f"takes {tuple(images.shape)}, answers {shapes}")
    tags, licence = weights(name)
    return Architecture(
        name=name,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        size=images.shape[-1],
        macs=macs,
        licence=licence,
        tags=tags,
    )


def weights(name: str) -> tuple[str, str]:
    """The tags of the weights that the hub has, timm's default first; the licence of that one."""
    stated: dict[str, Any] = timm.models.get_arch_pretrained_cfgs(name)
    found = {
        full.partition(".")[2]: config
        for full, config in stated.items()
        if config.hf_hub_id and not config.hf_hub_filename
    }
    default = timm.get_pretrained_cfg(name)
    first = default.tag if default and default.tag in found else next(iter(found), "")
    tags = sorted(found, key=lambda tag: tag != first)
    return " ".join(tags), (found[first].license or "unknown") if found else ""


def present() -> Iterator[tuple[str, Architecture]]:
    if TABLE.exists():
        from flows.parameters.architectures import architectures

        yield from architectures().items()


def write(rows: dict[str, Architecture]) -> None:
    """The whole table each time, so that what was counted outlives a kill."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Architecture._fields)
    table.writerows(rows[name] for name in sorted(rows))
    files.write_text(TABLE, text.getvalue())


if __name__ == "__main__":
    main()
