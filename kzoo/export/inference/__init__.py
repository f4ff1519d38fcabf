"""Requests to an export, answered here as the server answers them."""
