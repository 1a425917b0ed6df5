"""The demo: the whole way on drawn scenes."""
