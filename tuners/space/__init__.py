"""The search space: scales, and hyperparameters as dimensions of a unit cube. Knows numpy and scipy only."""
