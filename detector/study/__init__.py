"""What a person and a doctor read of a log: the journal, rates, experiments, flags and the report."""
