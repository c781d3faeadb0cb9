"""What a machine can do at most, and how finely it measures."""
