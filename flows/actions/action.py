"""The actions by their names: how each is called, with its parameters, and what it says it did."""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from components.frame.errors import ThawlineError, disk_fault
from components.frame.params import load_params, params_model
from flows import proxies
from flows.project import Project

ACTIONS = ("sync", "publish", "register", "judge", "promote", "push")
"""Each in the module of its name."""
AFTER_BUILD = ("publish", "register", "judge", "promote", "push")
"""What is pending after a finished build, in this order."""


def function(name: str) -> Callable[..., Any] | None:
    """The function of an action, which takes the project and its parameters; none has that name."""
    return _action(name) if name in ACTIONS else None


def has_params(action: Callable[..., Any]) -> bool:
    """Whether an action takes parameters, which then lie in the file of its name in `params/`."""
    return "params" in inspect.signature(action).parameters


@proxies.reaching_out()
def perform(project: Project, name: str) -> str:
    """Do an action with what `params/` says; its sentence on what it did.

    Raises:
        ThawlineError: it could not be done.
    """
    action, given = _action(name), []
    if has_params(action):
        given = [load_params(params_model(action), project.params / f"{name}.yaml")]
    try:
        result = action(project, *given)
    except ThawlineError:
        raise
    except Exception as error:
        if fault := disk_fault(error):
            raise fault from error
        raise
    return result if isinstance(result, str) else str(result.message)


def _action(name: str) -> Callable[..., Any]:
    action: Callable[..., Any] = getattr(import_module(f"flows.actions.{name}"), name)
    return action
