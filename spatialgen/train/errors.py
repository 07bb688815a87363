"""Errors of training that users see."""

from spatialgen.errors import SpatialgenError


class TrainError(SpatialgenError):
    """Training cannot start or go on: says why, and which checkpoint is the last good one."""


class LabelError(SpatialgenError):
    """A conversation that cannot be trained on: nothing to learn from, control tokens in the text, no room."""
