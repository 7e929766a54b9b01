"""What these tests take from those of flows."""

from stage_outputs import empty_store, template  # noqa: F401  # fixtures
