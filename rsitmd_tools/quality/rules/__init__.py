"""The rules, one file each; every module here is found by the registry."""
