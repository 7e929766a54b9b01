"""The store of runs, models and verdicts: MLflow, and the ledger beside it."""
