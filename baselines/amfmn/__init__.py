"""AMFMN (Yuan et al., IEEE TGRS 60, 2021), a file a module of the paper."""
