"""The embedded server: what TensorFlow Serving does, in Python, for where TensorFlow Serving is not installed."""
