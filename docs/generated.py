"""What pages take from the code when they are built: the commands and the parameters.

A page names it in a comment, `<!-- generated: commands -->`.
"""

import subprocess
import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from flows.parameters import listing
from flows.parameters.sections import model_of
from flows.project import Project

ROOT = Path(__file__).parents[1]


def commands() -> str:
    """Every command with its arguments and options, as Typer writes them."""
    asked = [sys.executable, "-m", "typer", "flows.cli", "utils", "docs", "--name", "thawline"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[2].replace("\n### ", "\n## ")


def parameters() -> str:
    """Every parameter by its stage or action: as it is shipped, what it means, what it may be."""
    project = Project(ROOT)
    found = listing.parameters(project)
    parts = []
    for section in dict.fromkeys(one.key.partition(".")[0] for one in found):
        parts.append(f"### {section}\n\n{model_of(project, section).__doc__}\n")
        parts += [_entry(one) for one in found if one.key.startswith(f"{section}.")]
    return "\n".join(parts)


def _entry(one: listing.Parameter) -> str:
    meaning = " ".join(one.meaning.split()).rstrip(".")
    return f"`{one.key}` = `{listing.shown(one.default)}`\n: {meaning}. *{one.range}*\n"


GENERATED = {"commands": commands, "parameters": parameters}


def fill(_app: Sphinx, _name: str, source: list[str]) -> None:
    """Put what is generated where a page names it."""
    for name, make in GENERATED.items():
        mark = f"<!-- generated: {name} -->"
        if mark in source[0]:
            source[0] = source[0].replace(mark, make())


def setup(app: Sphinx) -> dict[str, bool]:
    """Take part in Sphinx."""
    app.connect("source-read", fill)
    app.add_lexer("mermaid", TextLexer)  # drawn where the page is read on a forge, text elsewhere
    return {"parallel_read_safe": True, "parallel_write_safe": True}
