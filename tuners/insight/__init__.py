"""What a study teaches, as plain records: no drawing, no TensorFlow."""

from tuners.insight.conclusions import Conclusions, conclude
from tuners.insight.finding import Finding
from tuners.insight.importance import Importance
from tuners.insight.path import Step
from tuners.insight.size import front, smallest_within
from tuners.insight.verdict import Verdict

__all__ = ["Conclusions", "Finding", "Importance", "Step", "Verdict", "conclude", "front", "smallest_within"]
