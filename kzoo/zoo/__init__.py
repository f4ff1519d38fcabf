"""The zoo: families of models with their hyperparameters, optimizers and heads."""
