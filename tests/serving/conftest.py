import pytest


@pytest.fixture
def base(tmp_path):
    """A directory with three versions, hollow ones: what is served is not looked into."""
    base = tmp_path / "insects"
    for version in ("1", "2", "3"):
        (base / version).mkdir(parents=True)
        (base / version / "saved_model.pb").write_bytes(b"model")
    (base / "request.json").write_text("{}")
    (base / ".staging-abc").mkdir()
    return base
