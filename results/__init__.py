"""What was measured: records, the store, statistics, tables."""
