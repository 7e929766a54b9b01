"""Fitting a network: what search and train share."""
