"""`runlake.tracking`: where scripts for MLflow look for the client and the tracking URI."""

from runlake import lazy
from runlake.client import MlflowClient
from runlake.location import get_tracking_uri, is_tracking_uri_set, set_tracking_uri

__all__ = ["MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]


__getattr__ = lazy.attributes(__name__)
