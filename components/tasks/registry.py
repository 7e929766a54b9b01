"""The tasks there are, by name; a new one is a file beside this and a line here."""

from collections.abc import Mapping
from typing import Any

from components.frame.errors import UsageError
from components.tasks.classification import Classification
from components.tasks.task import Task

TASKS: dict[str, type[Task]] = {Classification.name: Classification}


def task_class(name: str) -> type[Task]:
    """The task of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in TASKS:
        raise UsageError(f"task must be one of {', '.join(TASKS)}, but is {name!r}.")
    return TASKS[name]


def described(task: Task) -> dict[str, Any]:
    """A task as documents hold it."""
    return {"name": task.name, **task.description()}


def from_description(content: Mapping[str, Any]) -> Task:
    """The task that `described` wrote down.

    Raises:
        UsageError: there is no such task.
        DataError: it is not what this task writes down.
    """
    own = {key: value for key, value in content.items() if key != "name"}
    return task_class(content.get("name", "")).from_description(own)
