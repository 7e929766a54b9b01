"""The command `thawline history`: every champion there was, and what made it one."""

from datetime import UTC, datetime

from flows.project import Project
from flows.records import ledger

NONE = "There was no champion yet: thawline run"


def screen(project: Project) -> str:
    """A paragraph for each promotion, the newest first."""
    promotions = ledger.read(project, "promoted")
    return "\n".join(_told(project, entry) for entry in reversed(promotions)) or NONE


def _told(project: Project, entry: ledger.Entry) -> str:
    lines = [f"{_when(entry)}  {entry['name']} version {entry['version']}: {entry['why']}"]
    if entry["said"]:
        lines.append(f'"{entry["said"]}"')
    verdict = ledger.last(project, "verdict", challenger=entry["model"], champion=entry["previous"])
    if verdict is not None:
        lines.append(f"{verdict['reason']}{_images(verdict)}")
    return "\n                  ".join(lines)


def _images(verdict: ledger.Entry) -> str:
    """On how many both were judged, where there were two to compare."""
    return f" On {verdict['images']:,} images." if verdict["champion"] else ""


def _when(entry: ledger.Entry) -> str:
    """To the minute, where this machine stands."""
    return f"{datetime.fromtimestamp(entry['at'], UTC).astimezone():%Y-%m-%d %H:%M}"
