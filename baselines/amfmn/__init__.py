"""AMFMN (Yuan et al., IEEE TGRS 60, 2021): one file per module of the paper."""
