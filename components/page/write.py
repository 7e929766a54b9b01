"""The page itself: sections put into one file that needs nothing else."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.data.naming import source_name
from components.figures.findings import Findings
from components.frame import files
from components.page import registry
from components.page.evaluation import score_of
from components.page.section import Advice, Section

TEMPLATES = Path(__file__).parent / "templates"
MOST_ADVICE = 6


def write(path: Path, findings: Findings) -> None:
    """Write the page of a run."""
    sections = registry.sections(findings)
    page = (
        _environment()
        .get_template("page.html")
        .render(
            sections=sections,
            advice=best(sections),
            score=score_of(findings),
            network=findings.network,
            task=findings.task,
            source=source_name(findings.settings["ingest"].source),
            images=len(findings.splits),
        )
    )
    files.write_text(path, page)


def best(sections: list[Section]) -> list[Advice]:
    """The advice of all sections, what may be worth most first."""
    given = [advice for section in sections for advice in section.advice]
    return sorted(given, key=lambda advice: -advice.weight)[:MOST_ADVICE]


def _environment() -> Environment:
    """Names of classes and files are data: whatever stands in them is written as text."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
