"""Shipped configurations, one YAML file each."""
