"""The page of a run as MLflow holds it: what `report` wrote, and what only the world knows.

A stage's outputs hold no clock, and a verdict follows when all stages are done: the page has places
for both, which are filled in the copy among the run's artifacts.
"""

import hashlib
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from components.frame.durations import duration
from flows.project import Project
from flows.records import identity, ledger
from flows.registry import versions

if TYPE_CHECKING:
    from flows.tracking.stores import Store

ARTIFACT = "Report.html"
"""MLflow lists files by the codes of their letters: a capital comes first; folders stand above."""
PAGE_TAG = "thawline.page"
"""On a run: the digest of the page that it holds."""
SECONDS = "seconds/"
"""Begins the names of metrics that tell what a stage took."""
FOLLOW = """\
<script>
// MLflow shows this page in a frame where no link leads to a place of its own page.
addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && location.protocol === "blob:") {
    event.preventDefault();
    document.getElementById(link.hash.slice(1)).scrollIntoView();
  }
});
</script>
"""
"""Nothing that is read depends on it."""
NO_STAGE = frozenset({"epoch", "total"})


def bring(project: Project, store: "Store", run: str) -> bool:
    """Bring the page to its run, or renew it there; True if it was not as it should be.

    Raises:
        UsageError: the page was not built yet.
    """
    held = store.client.get_run(run)
    page = completed(project, dict(held.data.metrics))
    digest = hashlib.sha256(page.encode()).hexdigest()
    sizes = {entry.path: entry.file_size for entry in store.client.list_artifacts(run)}
    if held.data.tags.get(PAGE_TAG) == digest and sizes.get(ARTIFACT) == len(page.encode()):
        return False
    store.client.log_text(run, page, ARTIFACT)
    store.client.set_tag(run, PAGE_TAG, digest)
    return True


def path(experiment: str, run: str) -> str:
    """Where MLflow's pages show it."""
    return f"/experiments/{experiment}/runs/{run}/artifacts/{ARTIFACT}"


def completed(project: Project, metrics: Mapping[str, float]) -> str:
    """The page with the times that a run's metrics tell, and the last verdict on its model."""
    page = identity.built(project, "build/report/index.html").read_text(encoding="utf-8")
    seconds = {
        key.removeprefix(SECONDS): value
        for key, value in metrics.items()
        if key.startswith(SECONDS) and key.removeprefix(SECONDS) not in NO_STAGE
    }
    name, model = versions.model_name(project), identity.model_digest(project)
    verdict = ledger.last(project, "verdict", name=name, challenger=model)
    if seconds:
        page = _filled(page, "durations", _durations(seconds))
    if verdict:
        page = _filled(page, "verdict", _verdict(verdict))
    before, end, after = page.rpartition("</body>")
    return f"{before}{FOLLOW}{end}{after}" if end else page


def _filled(page: str, place: str, content: str) -> str:
    """The page with something else in one of its places."""
    before, begin, rest = page.partition(f"<!--{place}-->")
    _, end, after = rest.partition(f"<!--/{place}-->")
    return f"{before}{begin}\n{content}\n{end}{after}" if end else page


def _durations(seconds: Mapping[str, float]) -> str:
    """What each stage took, the longest first, and all together."""
    total = sum(seconds.values())
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td class="n">{duration(value)}</td>'
        f'<td class="n quiet">{value / total:.0%}</td></tr>'
        for name, value in sorted(seconds.items(), key=lambda one: -one[1])
        if total
    ]
    head = (
        '<thead><tr><th scope="col">Stage</th><th scope="col" class="n">Took</th>'
        '<th scope="col" class="n">Of all</th></tr></thead>'
    )
    return (
        f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"
        f'<p class="quiet">{duration(total)} in all.</p>'
    )


def _verdict(entry: ledger.Entry) -> str:
    """What the gate said, and the figures that it said it by."""
    may = "may take" if entry["promote"] else "does not take"
    facts = {
        "this model": entry["challenger_score"],
        "the champion": entry["champion_score"],
        "p-value": entry["p_value"],
    }
    listed = "".join(
        f"<div><dt>{name}</dt><dd>{value:.3f}</dd></div>"
        for name, value in facts.items()
        if value is not None
    )
    judged = f"<div><dt>images</dt><dd>{entry['images']:,}</dd></div>" if entry["images"] else ""
    figures = f'<dl class="metrics">{listed}{judged}</dl>' if listed else ""
    return (
        f'<p class="lead">This model <strong>{may}</strong> the champion\'s place. '
        f"{escape(str(entry['reason']))}</p>{figures}"
    )
