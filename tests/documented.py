"""The commands and snippets that README and the pages of docs/ print."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTES = re.compile(r"docs/(log|benchmarks|transcript|decisions/.*)\.md")
"""What was done once, on some machine."""
BLOCK = re.compile(
    r"^## (?P<section>[^\n]+)$|^```(?P<language>\w*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Snippet:
    """A command for a shell, or a program."""

    section: str
    language: str
    text: str


def pages() -> list[str]:
    """README and every page but the research notes."""
    found = (path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return ["README.md", *sorted(name for name in found if not NOTES.fullmatch(name))]


def snippets(page: str) -> list[Snippet]:
    """What a page prints, in order; what goes into a shell command by command."""
    section, found = "", []
    for block in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")):
        section = block["section"] or section
        if block["language"] == "python":
            found.append(Snippet(section, "python", block["text"]))
        elif block["language"] is not None:
            found += [Snippet(section, "sh", one) for one in _typed(block)]
    return found


def _typed(block: re.Match[str]) -> list[str]:
    """All of a block for a shell; of a screen what stands behind a `$`."""
    if block["language"] == "sh":
        return commands(block["text"])
    return re.findall(r"^\$ (.+)$", block["text"], re.MULTILINE) if not block["language"] else []


def commands(block: str) -> list[str]:
    """The commands of a block: as many lines each as it takes until a shell understands it."""
    found, open_ = [], ""
    for line in block.splitlines():
        open_ = f"{open_}\n{line}".strip("\n")
        checked = subprocess.run(["bash", "-n", "-c", open_], capture_output=True, check=False)
        if open_.strip() and checked.returncode == 0:
            found.append(open_)
            open_ = ""
    assert not open_, open_
    return found
