"""Locating by text in a large scene, later called semantic localisation (SeLo)."""
