import sys
from pathlib import Path

# Faults of engines.
sys.path.append(str(Path(__file__).parents[1] / "engine"))
