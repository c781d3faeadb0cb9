"""From trials to figures: which stand together, and what they come to."""
