"""What can go wrong for a person, each kind with its exit code."""


class ThawlineError(Exception):
    """A fault that a person can mend; its text is the rule, the value and the remedy."""

    exit_code = 1


class UsageError(ThawlineError):
    """A parameter, or the way a command was called, breaks a rule."""

    exit_code = 2


class DataError(ThawlineError):
    """The pictures, or weights handed in, break a rule."""

    exit_code = 3


class GateRefusedError(ThawlineError):
    """A person asked for a promotion that the evidence does not allow."""

    exit_code = 4


class UnreachableError(ThawlineError):
    """A service, the network or the disk is out of reach: trying again later may help."""

    exit_code = 5
