"""Whether backends compute the same: records, judgement, tables."""
