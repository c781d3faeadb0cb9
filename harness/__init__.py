"""How it is run: options, plan, child processes, progress and the command line."""
