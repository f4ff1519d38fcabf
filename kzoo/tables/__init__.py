"""Tables as people have them: read, their columns understood, and encoded once for training and for serving."""
