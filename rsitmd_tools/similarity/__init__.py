"""The prior: similarity of every image with every caption."""

from rsitmd_tools.similarity.compute import compute_prior, write_prior
from rsitmd_tools.similarity.prior import Prior, load_prior

__all__ = ["Prior", "compute_prior", "load_prior", "write_prior"]
