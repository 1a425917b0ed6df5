"""The embedded server: a child process on loopback."""
