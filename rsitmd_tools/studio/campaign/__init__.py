"""What the annotation lead does: people, pilot, review, status, payment."""
