"""Layers that are affine in serving, taken into their neighbours."""
