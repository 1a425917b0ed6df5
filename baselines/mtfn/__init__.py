"""MTFN (Wang et al., ACM Multimedia 2019): multi-modal tensor fusion."""
