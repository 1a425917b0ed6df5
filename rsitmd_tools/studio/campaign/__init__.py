"""Tools of the annotation lead: annotators, pilot, review, status, payment, backup."""
