"""VSE++ (Faghri et al., BMVC 2018)."""
