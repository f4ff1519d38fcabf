"""Dense models written out in numpy, those of one structure together: no trial waits for a graph to be traced."""
