"""Turn a question about diffusion training into trials, run them, keep every result, and answer the question in a table."""
