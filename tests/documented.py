"""The commands and snippets that README and the pages of docs/ print."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTES = re.compile(r"docs/(log|benchmarks|transcript|decisions/.*)\.md")
"""What was done once, on some machine."""
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """A command for a shell, or a program."""

    language: str
    text: str


def pages() -> list[str]:
    """README and every page but the research notes."""
    found = (path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return ["README.md", *sorted(name for name in found if not NOTES.fullmatch(name))]


def snippets(page: str) -> list[Snippet]:
    """What a page prints, in order; a block of a shell command by command."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Snippet(language, one)
        for language, block in BLOCK.findall(text)
        for one in (commands(block) if language == "sh" else [block])
    ]


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
