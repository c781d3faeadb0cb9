"""What runs in a child process, one module per role, started by `bootstrap`."""
