"""Layers that are one operation each while a training step is traced, with the numbers of Keras' own."""
