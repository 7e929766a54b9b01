"""The surroundings that every process of a project gets."""

from flows.project import environment

NOTICE = """\
import sys
sys.stdin.isatty = sys.stdout.isatty = sys.stderr.isatty = lambda: True
from prefect.analytics import initialize_analytics
initialize_analytics()
"""


def test_no_tool_is_told_that_it_may_report(toy):
    """Whatever it reads of that; a person's own words cannot turn it on."""
    given = environment(toy, {"DO_NOT_TRACK": "0", "PATH": ""})
    assert given["DO_NOT_TRACK"] == "1"
    assert given["DVC_NO_ANALYTICS"] == "1"
    assert given["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
