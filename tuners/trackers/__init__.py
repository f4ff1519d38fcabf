"""A study as other programs keep theirs: Optuna and MLflow."""
