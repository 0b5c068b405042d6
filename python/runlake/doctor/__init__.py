"""Doctor: checks a store to every byte, without touching it, and rebuilds what can be rebuilt from what is whole."""

from runlake.doctor.examination import examine
from runlake.doctor.findings import Finding, State
from runlake.doctor.repairing import repair

__all__ = ["Finding", "State", "examine", "repair"]
