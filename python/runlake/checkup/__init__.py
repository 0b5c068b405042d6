"""Doctor: checks a store to every byte, without touching it, and rebuilds what can be rebuilt from what is whole."""

from runlake.checkup.examination import examine
from runlake.checkup.findings import Finding, State
from runlake.checkup.repairing import repair

__all__ = ["Finding", "State", "examine", "repair"]
