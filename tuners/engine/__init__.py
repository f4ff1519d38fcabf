"""Engines: ways to train the model of a trial, all to the same result."""
