"""Images: decoding, size limits, orientations, perceptual hashes, the process pool."""
