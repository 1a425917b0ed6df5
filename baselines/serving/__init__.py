"""The local page: search a dataset and locate in a scene with one or two runs."""
