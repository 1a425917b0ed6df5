"""SCAN (Lee et al., ECCV 2018): stacked cross attention between regions and words."""
