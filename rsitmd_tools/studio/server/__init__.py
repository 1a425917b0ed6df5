"""The embedded server: Label Studio as a child process on loopback."""
