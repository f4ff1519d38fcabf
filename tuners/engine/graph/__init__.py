"""The engine that runs whole epochs as one compiled function."""
