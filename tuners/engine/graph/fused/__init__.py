"""Layers that are one operation each while a step is traced, with the numbers of Keras' own."""
