"""Sides held against each other: within a run, or run against run."""
