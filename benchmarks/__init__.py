"""Heavy measurements against truth and rivals, run by hand."""
