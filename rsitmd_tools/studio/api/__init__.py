"""Talking to a Label Studio server: which one, with which account, over which link."""
