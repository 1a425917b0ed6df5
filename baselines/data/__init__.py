"""Images and captions as batches."""
