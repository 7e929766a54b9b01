"""Whether a version was built again to the bit, and what is different where it was not."""

from components.frame import files
from flows.project import Project
from flows.rebuilding.lineage import Lineage, md5_of
from flows.registry import machine

WEIGHTS = "build/train/weights.safetensors"
MANIFEST = "build/ingest/manifest.parquet"


def compare(project: Project, lineage: Lineage) -> tuple[bool, list[str]]:
    """Whether the weights are equal, and lines for a person that say so."""
    made, others = files.sha256(project.root / WEIGHTS), _differing(project, lineage)
    if made == lineage.weights:
        lines = [f"equal: {WEIGHTS} is that of {lineage.called}, SHA-256 {made}"]
        return True, lines + [f"  other outputs that differ: {', '.join(others)}"] * bool(others)
    return False, [
        f"differs: {WEIGHTS} is not that of {lineage.called}",
        f"  SHA-256 of the version  {lineage.weights}",
        f"  SHA-256 as rebuilt      {made}",
        f"  first output to differ  {others[0] if others else WEIGHTS}",
        *_machines(lineage),
    ]


def _differing(project: Project, lineage: Lineage) -> list[str]:
    """The outputs whose content is another, in the order of the stages in `dvc.lock`."""
    now: dict[str, str | None] = {**_outs(files.read_yaml(project.lock)["stages"])}
    now[MANIFEST] = md5_of(project.root / MANIFEST)
    then = _outs({name: lineage.stages[name] for name in lineage.described})
    return [path for path, md5 in then.items() if now.get(path) != md5]


def _outs(stages: dict[str, dict[str, list[dict[str, str]]]]) -> dict[str, str]:
    return {out["path"]: out["md5"] for entry in stages.values() for out in entry.get("outs", [])}


def _machines(lineage: Lineage) -> list[str]:
    """What is another where the version was built."""
    there, here = lineage.machine, machine.describe()
    if there is None:
        return [f"  the version does not say where it was built; here is a {here['cpu']}"]
    names = [name for name in here if there.get(name) != here[name]]
    if not names:
        return ["  processor, system and packages are the same on both machines"]
    return [f"  {name}: {there.get(name)} there, {here[name]} here" for name in names]
