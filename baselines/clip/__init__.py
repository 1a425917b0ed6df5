"""CLIP (Radford et al., 2021) by open_clip: zero-shot, fine-tuned, or with a linear probe."""
