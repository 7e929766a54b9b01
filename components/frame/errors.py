"""What can go wrong for a person, each kind with its exit code."""

import errno


class ThawlineError(Exception):
    """A fault that a person can fix; its text is the rule, the value and the remedy."""

    exit_code = 1


class UsageError(ThawlineError):
    """A parameter, or the way a command was called, breaks a rule."""

    exit_code = 2


class DataError(ThawlineError):
    """The images, or weights handed in, break a rule."""

    exit_code = 3


class GateRefusedError(ThawlineError):
    """A person asked for a promotion that the evidence does not allow."""

    exit_code = 4


class UnreachableError(ThawlineError):
    """A service, the network or the disk is out of reach: trying again later may help."""

    exit_code = 5


FULL = ({errno.ENOSPC, errno.EDQUOT}, ("disk is full", "No space left on device"))
CLOSED = (
    {errno.EROFS, errno.EACCES, errno.EPERM},
    ("readonly database", "unable to open database file", "Read-only file system"),
)
"""The system's numbers, and the words of libraries that do not pass them on."""


def disk_fault(error: BaseException) -> UnreachableError | None:
    """The fault for a person where a disk that takes nothing lies behind an error of any library.

    Not all of them pass the system's own error on: SQLite and safetensors have words of theirs.
    """
    for one in reversed(_chain(error)):
        if _is(one, FULL):
            return UnreachableError(
                f"The disk has no room left ({one}). Make room, then run again: what was finished "
                "is kept."
            )
        if _is(one, CLOSED):
            return UnreachableError(
                f"Files must be readable and their folders writable, but: {one}. "
                "Change that, then run again: what was finished is kept."
            )
    return None


def _chain(error: BaseException) -> list[BaseException]:
    """An error and those behind it."""
    chain: list[BaseException] = []
    behind: BaseException | None = error
    while behind is not None and behind not in chain:
        chain.append(behind)
        behind = behind.__cause__ or behind.__context__
    return chain


def _is(error: BaseException, kind: tuple[set[int], tuple[str, ...]]) -> bool:
    numbers, words = kind
    number = error.errno if isinstance(error, OSError) else None
    return number in numbers or any(one in str(error) for one in words)


class InertError(RuntimeError):
    """What was asked for is not in force: an internal error, never to be trained through."""
