"""Drive a running sweep: lease attempts in the store, hand their jobs to workers, write down what comes back.

Imported by `service` alone. Knows the store and the jobs of `execution`; plans nothing, prints nothing.
"""
