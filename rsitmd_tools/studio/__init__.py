"""Label Studio: the embedded server, push, pull, status."""
