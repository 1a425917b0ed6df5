"""``benchmark suite``: configurations over seeds and folds, to one table."""
