"""What a schedule is asked for is done, or refused."""

import pytest

from components.frame.errors import UsageError
from flows.project import Project
from flows.scheduling import schedule


def test_a_port_beside_a_named_server_is_refused(tmp_path, monkeypatch):
    """No server would be started on it."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    options = schedule.ScheduleOptions(cron="0 3 * * *", port=4300)
    with pytest.raises(UsageError, match=r"--port must have an effect, .* PREFECT_API_URL=http"):
        schedule.schedule(Project(tmp_path), options)
