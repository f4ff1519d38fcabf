"""Dense models written out in numpy: trial after trial without a graph to trace."""
