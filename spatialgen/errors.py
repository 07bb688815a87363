"""The exceptions that users see. Each says what was wrong, where, and what to do."""


class SpatialgenError(Exception):
    """Base class: the command line prints its message without a traceback and ends with `exit_code`."""

    exit_code = 1


class ConfigError(SpatialgenError):
    """A configuration that cannot be used: names the key, the file and the nearest right key."""

    exit_code = 2


class PlanError(SpatialgenError):
    """A plan that cannot run: too few GPUs, another fingerprint in the folder, nothing to read."""

    exit_code = 2


class SourceError(SpatialgenError):
    """The source as a whole cannot be read (one bad record is a Reject, not an error)."""


class WeightsError(SpatialgenError):
    """Weights are missing, or do not match the sha256 that the model list gives."""


class StoreError(SpatialgenError):
    """The output folder cannot be used or trusted: full disk, no permission, lost, damaged."""


class LeaseError(StoreError):
    """Another run holds this output folder."""


class BuildFailed(SpatialgenError):
    """The run ended, but too many records were rejected or internal errors happened.

    `report` is what the build holds (a `reports.BuildReport`), where it could be finished all the same.
    """

    report: object | None = None
