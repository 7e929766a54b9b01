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


def full_disk(error: BaseException) -> UnreachableError | None:
    """The fault for a person where a full disk lies behind an error of any library.

    Not all of them pass the system's own error on: SQLite and safetensors have words of theirs.
    """
    chain: list[BaseException] = []
    behind: BaseException | None = error
    while behind is not None and behind not in chain:
        chain.append(behind)
        behind = behind.__cause__ or behind.__context__
    for one in chain:
        number = one.errno if isinstance(one, OSError) else None
        full = any(words in str(one) for words in ("disk is full", "No space left on device"))
        if number in (errno.ENOSPC, errno.EDQUOT) or full:
            return UnreachableError(
                f"The disk has no room left ({one}). Make room, then run again: what was finished "
                "is kept."
            )
    return None


class InertError(RuntimeError):
    """What was asked for is not in force: an internal error, never to be trained through."""
