"""The prior: similarity of every image with every caption."""

from rsitmd_tools.similarity.prior import Prior, compute_prior, load_prior, write_prior

__all__ = ["Prior", "compute_prior", "load_prior", "write_prior"]
