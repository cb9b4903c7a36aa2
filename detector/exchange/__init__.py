"""Episodes of the log in the formats of other programs, one module for each; libraries are imported when used."""
