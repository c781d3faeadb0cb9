"""The gate: what is asked of each metric, how it is judged, and how the verdict is told."""
