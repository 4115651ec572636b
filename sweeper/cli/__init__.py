"""The command line: parses, prints, and knows nothing else."""
