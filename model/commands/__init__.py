"""The sub-commands of `python -m model`, a file each: its options, and what it does with them. Imported by `model.__main__` alone."""
