"""The command line as typed: options and help. What they do is imported when they run."""
