"""Whole acts: run a sweep, plan it, build its report, show its state. Wires the packages below together; prints nothing."""
