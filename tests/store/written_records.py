"""Records as a search writes them."""

HEADER = {"objective": {"val_loss": "min"}, "seed": 3}


def record(kind, trial_id, number, **more):
    """A record of a trial, as one is written."""
    made = {"kind": kind, "number": number, "point": {"x": 0.5}, "values": {"x": 1}, **more}
    if kind == "created":
        return {**made, "trial_id": trial_id}
    metrics = {"val_loss": {"direction": "min", "observations": [{"value": [1.0, 2.0], "step": 0}]}}
    state = {"trial_id": trial_id, "status": "COMPLETED", "score": 1.0, "best_step": 0, "message": None}
    return {"runs": 1, "state": {**state, "metrics": {"metrics": metrics}}, **made}
