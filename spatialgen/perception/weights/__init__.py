"""Weights: the model list, and pulling, checking and finding what it lists."""

from spatialgen.perception.weights.cache import cache_dir, ensure, is_cached, path, sha256, use
from spatialgen.perception.weights.catalog import ModelEntry, WeightFile, entries, entry

__all__ = ["ModelEntry", "WeightFile", "cache_dir", "ensure", "entries", "entry", "is_cached", "path", "sha256", "use"]
