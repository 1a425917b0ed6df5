"""The demo: all steps of the tool on synthetic scenes."""
