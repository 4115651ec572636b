"""Analyses of trained weights: why a variant is better or worse, in arrays with named axes."""
