"""rsitmd-tools: build and benchmark RSITMD-format image-text datasets."""

__version__ = "0.1.0"
