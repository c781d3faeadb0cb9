"""Statistics on plain arrays: intervals, tests, designs, changes of level. They know nothing of runs."""
