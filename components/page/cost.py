"""What the run cost, as far as it can be counted."""

from components.figures.findings import Findings
from components.page.section import Section


def cost(findings: Findings) -> Section:
    """The operations of the search, as trainings; the time it took is no output of a stage."""
    trials = findings.trials
    whole = findings.whole_cost
    return Section(
        name="cost",
        title="Cost",
        content={
            "trainings": float(trials["cost"].sum() / whole),
            "trials": len(trials),
            "epochs": int(trials["epochs"].sum()),
            "cached": int(trials["cached"].sum()),
            "trained": len(findings.history),
        },
    )
