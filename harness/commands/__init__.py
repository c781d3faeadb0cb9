"""What each command does, from its words to its output and exit status."""
