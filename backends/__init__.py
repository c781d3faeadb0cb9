"""Where it runs: one pair of files per framework, behind one seam."""
