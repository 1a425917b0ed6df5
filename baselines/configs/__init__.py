"""Configurations by name, one YAML file each."""
