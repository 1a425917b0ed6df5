"""Live hints for annotators: an ML backend for Label Studio."""
