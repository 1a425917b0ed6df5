"""One extension of each kind for rsitmd-tools."""
