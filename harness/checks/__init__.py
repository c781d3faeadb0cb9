"""Checks that are no runs: parity of backends, calibration of a machine."""
