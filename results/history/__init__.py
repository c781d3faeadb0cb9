"""One case over many runs: the index, changes of level, baselines."""
