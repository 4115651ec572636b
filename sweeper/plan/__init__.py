"""What to run, what to skip and why, what it costs. Pure: reads no store, starts nothing."""
