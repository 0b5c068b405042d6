"""`runlake.tracking`: where scripts for MLflow look for the client and the tracking URI."""

from typing import Any

from runlake.client import MlflowClient
from runlake.location import get_tracking_uri, is_tracking_uri_set, set_tracking_uri

__all__ = ["MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]


def __getattr__(name: str) -> Any:
    from runlake.missing_names import missing_name

    raise missing_name(__name__, name)
