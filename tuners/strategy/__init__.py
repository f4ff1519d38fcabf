"""How the next trial is chosen: the coarse stage, the zoom, the ranking. Knows numpy and scipy only."""
