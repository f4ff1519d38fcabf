"""A search on disk: the journal, its records, and the weights of the best trials. No TensorFlow, no keras_tuner."""
