"""Statistics of a sweep on plain numbers by variant and seed: estimates, intervals, tests, verdicts, power.

It knows no store and writes no report. `plan`, `report` and what is above them may import it.
"""
