"""Signatures, `params/` and `dvc.yaml` describe the same stages, and `deps` the code they use."""

import ast
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from components.frame import files
from components.frame.params import load_params, params_model
from components.frame.spec import spec
from components.frame.stage import argument_kinds, stage_function
from components.frame.versions import LOCKED

ROOT = Path(__file__).parents[2]
PACKAGES = packages_distributions()
"""By module, the packages that bring it."""
COMPUTE_NOTHING = {
    *("Jinja2", "SQLAlchemy", "accelerate", "httpx2", "huggingface_hub", "pyarrow", "pydantic"),
}
STAGES = list(files.read_yaml(ROOT / "dvc.yaml")["stages"])


def imported_modules(path: Path) -> set[str]:
    """Every dotted name that a file imports, also inside functions and for its types alone."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.startswith("components.")}


def third_party(path: Path) -> set[str]:
    """The top-level modules that a file imports."""
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in plain | named}


def code_of(module: str) -> set[str]:
    """The project's files that a module is made of: itself and what it imports, however deep."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        path = Path(*waiting.pop().split(".")).with_suffix(".py")
        if (ROOT / path).is_file() and path.as_posix() not in found:
            found.add(path.as_posix())
            waiting += imported_modules(ROOT / path)
    return found


def models_of(stage: str) -> set[str]:
    """The files that hold the models of the parameters a stage is given besides its own."""
    if "settings" not in argument_kinds(stage_function(stage)).values():
        return set()
    return {f"components/{Path(path).stem}.py" for path in spec(stage, ROOT).params}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_list_exactly_the_code_a_stage_uses(stage):
    """A change to any line that a stage runs must make it stale, and no other change."""
    listed = {dep for dep in spec(stage, ROOT).deps if dep.endswith(".py")}
    assert listed == code_of(f"components.{stage}") | models_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_versions_name_exactly_the_libraries_a_stage_computes_with(stage):
    """What its code imports, beside the frame, which reads and writes and computes nothing."""
    code = [path for path in code_of(f"components.{stage}") if "/frame/" not in path]
    modules = {name for path in code for name in third_party(ROOT / path)}
    locked = set(files.read_yaml(ROOT / LOCKED))
    used = {package for name in modules for package in PACKAGES.get(name, [])}
    assert set(spec(stage, ROOT).versions) == used & locked
    assert used - locked <= COMPUTE_NOTHING


def test_the_page_depends_on_its_templates_one_by_one():
    """As it does on code: a rebuild compares each file with the version's."""
    templates = (ROOT / "components" / "page" / "templates").iterdir()
    named = {path.relative_to(ROOT).as_posix() for path in templates}
    assert named == {dep for dep in spec("report", ROOT).deps if "/templates/" in dep}


@pytest.mark.parametrize("stage", STAGES)
def test_every_path_argument_is_a_dep_or_an_out(stage):
    """A stage reads and makes what dvc.yaml says, nothing else and nothing less."""
    described = spec(stage, ROOT)
    paths = described.paths()
    kinds = argument_kinds(stage_function(stage))
    files_named = {name for name, kind in kinds.items() if kind in {"in", "out"}}
    assert files_named == set(paths)
    for name in files_named:
        assert (paths[name] in described.outs) is (kinds[name] == "out")


@pytest.mark.parametrize("stage", STAGES)
def test_parameter_file_fits_its_model(stage):
    """The shipped values pass their own checks, and the whole file is tracked."""
    files_listed = spec(stage, ROOT).params
    assert f"params/{stage}.yaml" in files_listed
    shown = "settings" in argument_kinds(stage_function(stage)).values()
    assert len(files_listed) == (len(STAGES) if shown else 1)
    load_params(params_model(stage_function(stage)), ROOT / "params" / f"{stage}.yaml")


@pytest.mark.parametrize("stage", STAGES)
def test_command_runs_the_module_of_the_stage(stage):
    """One way to run a stage, everywhere."""
    entry = files.read_yaml(ROOT / "dvc.yaml")["stages"][stage]
    assert entry["cmd"] == f"python -m components.{stage}"
    assert stage_function(stage).__name__ == stage


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_that_is_only_looked_at_is_a_dependency(stage):
    """How progress reads makes nothing stale; charts are drawn by `report` alone."""
    code = code_of(f"components.{stage}")
    assert "components/frame/narration.py" not in code
    if stage not in {"augment", "report"}:
        assert not [path for path in code if path.startswith("components/figures/")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_module_is_a_door(stage):
    """The parameter model and the signature; rooms are imported when the stage runs."""
    body = ast.parse((ROOT / "components" / f"{stage}.py").read_text()).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    (door,) = [function for function in functions if function.name == stage]
    imports = [node for node in ast.walk(door) if isinstance(node, ast.ImportFrom)]
    assert imports
    above = {node.module for node in body if isinstance(node, ast.ImportFrom)}
    modules = ("rates", "values", "void") if stage == "search" else ()
    model = {f"components.study.{module}" for module in modules}
    assert (
        not {name for name in above if name.startswith("components.")}
        - model
        - {f"components.frame.{name}" for name in ("effects", "params", "spec", "stage", "work")}
    )


def test_packages_hold_no_code_of_their_own():
    """An `__init__.py` is no dep, so it must change nothing."""
    for path in (ROOT / "components").rglob("__init__.py"):
        body = ast.parse(path.read_text()).body
        assert len(body) == 1, path
        assert isinstance(body[0], ast.Expr), path
