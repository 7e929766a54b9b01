"""What was done and from what: the ledger, digests, revisions."""
