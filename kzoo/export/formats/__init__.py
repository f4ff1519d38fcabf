"""The model of an export in other formats beside its SavedModel, each checked in its own runtime."""
