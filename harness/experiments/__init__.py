"""From options to a stored run: chosen, planned, forecast, executed."""
