"""What README and docs name exists, and one word stands for one thing."""

import ast
import re
from pathlib import Path

import pytest

from components.frame.effects import flat
from flows.parameters.sections import model_of, sections
from flows.project import Project

ROOT = Path(__file__).parents[1]
GUIDES = ("README.md", "docs/architecture.md")
PLACES = ("components/", "flows/", "params/", "tests/", "benchmarks/", "docs/", "dvc.yaml")
TREES = ("components", "flows")
NAMED = re.compile(r"^\| `((?:components|flows)/\S+\.py)` \| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)
"""A row that begins with a file and what of it is meant."""

HISTORY = re.compile(r"docs/(log|benchmarks|decisions/000[1-7]-.*)\.md")
"""Written in the words of their day, and left so."""
REPLACED = {
    "picture": r"pictures?",
    "side": r"chang\w+ sides|on one side",
    "freeze depth": r"(?<!freeze )(?<!stochastic )depths?|(?:deep|middle|shallow) cuts?",
    "fraction": r"(?:a|the|its|their|of) shares?",
    "confidence": r"certainty",
    "baseline": r"customary|custom",
    "pruning threshold": r"hurdles?",
    "tie": r"alike",
    "rate": r"bold|gentle|boldly|gently",
    "norm scale": r"gains?",
    "shapes": r"ghosts?",
    "cut points": r"survey\w*",
    "pending": r"ow(?:es?|ed|ing)",
    "action": r"acts?",
    "internal error": r"defects?",
    "options": r"wish(?:es)?",
    "fix": r"mend(?:s|ed|ing)?",
    "must be": r"ha(?:s|ve) to be",
}
"""By the word that is said (in English or in the code), what is no longer said for it."""
ALLOWED = {
    ("components/data/images/decoder.py", "depth"),  # bits of a pixel
    ("docs/reliability.md", "depth"),  # the same
    ("docs/images.md", "depth"),  # the same
    ("components/figures/sheet.py", "alike"),  # on light and dark pages alike
    ("components/figures/sheet.py", "bold"),  # of letters
    ("components/training/inputs.py", "alike"),  # what search and train read alike
}
NO_PARAMETERS = {"base.licence"}
"""Of the like form: the name of a tag."""
OLD = re.compile("|".join(rf"\b(?:{words})\b" for words in REPLACED.values()), re.IGNORECASE)


def tracked(pattern):
    """Files below the project's own folders, as `dvc.yaml` or `docs/search.md`."""
    found = (path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))
    return sorted(name for name in found if not HISTORY.fullmatch(name))


TEXTS = [
    *("README.md", "NOTICE", "Makefile", "dvc.yaml", "prefect.yaml", "mlflow/README.md"),
    *tracked("docs/**/*.md"),
    *tracked("params/*.yaml"),
]
MODULES = [*tracked("components/**/*.py"), *tracked("flows/**/*.py")]


def strings(path):
    """The sentences in a source file, docstrings among them, with their first lines.

    A single word is none: it may be another library's, or a name of before that is refused.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def old_words(name, texts):
    """Each replaced word as `line: word`."""
    return [
        f"{line}: {match[0]}"
        for line, text in texts
        for match in OLD.finditer(text)
        if (name, match[0].lower()) not in ALLOWED
    ]


def quoted(text):
    """What stands in backticks or in blocks of code."""
    blocks = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", rest)]


def tree_rooms(text, top):
    """The rooms that a tree lists below a folder, `name/` or within a comment `name/:`."""
    block = next(block for block in quoted(text) if re.search(rf"^{top}/", block, re.MULTILINE))
    within, found = False, set()
    for line in block.splitlines():
        if re.match(r"\S", line):
            within = line.startswith(f"{top}/")
        elif within:
            found |= set(re.findall(r"(?<![\w/])(\w+)/(?=[\s:]|$)", line))
    return found


def rooms(top):
    """The packages below a folder that hold code."""
    found = (ROOT / top).rglob("__init__.py")
    return {path.parent.name for path in found if path.parent.name != top}


@pytest.mark.parametrize("name", GUIDES)
def test_every_path_that_a_guide_names_exists(name):
    """A newcomer who follows a path finds a file."""
    words = {
        word.strip("`|,;:()").split(":")[0]
        for code in quoted((ROOT / name).read_text(encoding="utf-8"))
        for word in code.split()
    }
    paths = {word for word in words if word.startswith(PLACES)}
    placeholders = {path for path in paths if re.search(r"\b(NAME|VERB|STAGE)\b", path)}
    missing = sorted(path for path in paths - placeholders if not (ROOT / path).exists())
    assert not missing


def test_every_name_that_architecture_gives_a_file_is_defined_there():
    """The ways of an image and of a learning rate are those of the code."""
    rows = NAMED.findall((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))
    missing = []
    for file, names in rows:
        path = ROOT / file
        source = path.read_text(encoding="utf-8") if path.exists() else ""
        defined = {
            node.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        missing += [f"{file}: {name}" for name in re.findall(r"\w+", names) if name not in defined]
    assert rows
    assert not missing


@pytest.mark.parametrize("name", GUIDES)
@pytest.mark.parametrize("top", TREES)
def test_the_tree_names_every_room_and_no_other(name, top):
    """A room that is added, renamed or removed is so in the trees as well."""
    assert tree_rooms((ROOT / name).read_text(encoding="utf-8"), top) == rooms(top)


@pytest.mark.parametrize("name", TEXTS)
def test_texts_say_the_words_of_the_field(name):
    """One word a thing: none that was replaced comes back."""
    lines = enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1)
    assert not old_words(
        name, ((n, re.sub(r"decisions/000[1-7]\S*", "", line)) for n, line in lines)
    )


def test_code_says_the_words_of_the_field():
    """What a person reads of the code, in messages or in the source, is in the same words."""
    found = {name: old_words(name, strings(ROOT / name)) for name in MODULES}
    assert not {name: words for name, words in found.items() if words}


def test_files_are_named_in_the_words_of_the_field():
    """A file's name is read more often than what is in it."""
    assert not [name for name in MODULES if OLD.search(Path(name).stem.replace("_", " "))]


def test_every_parameter_that_a_text_names_exists():
    """A remedy or an example that is refused in turn would be none."""
    project = Project(ROOT)
    known = {key for name in sections(project) for key in flat(name, model_of(project, name)())}
    within = {key.rpartition(".")[0] for key in known}
    named = re.compile(rf"(?<![\w/.])(?:{'|'.join(sections(project))})\.[a-z_]{{2,}}[a-z_.]*\b")
    texts = {name: [(0, (ROOT / name).read_text(encoding="utf-8"))] for name in TEXTS}
    texts |= {name: strings(ROOT / name) for name in MODULES}
    found = {key for lines in texts.values() for _, text in lines for key in named.findall(text)}
    assert "search.max_trials" in found
    assert not found - known - within - NO_PARAMETERS


def test_every_test_that_reliability_names_exists():
    """A case is held by a test that is there."""
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", text))
    assert len(named) > 100
    held = {path for path, _ in named}
    sources = {path: (ROOT / "tests" / path).read_text(encoding="utf-8") for path in held}
    assert not [(path, name) for path, name in named if f"def {name}(" not in sources[path]]
