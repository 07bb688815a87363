"""The conditions that answers are tried under: exact input, and input as sensors and networks spoil it."""

from __future__ import annotations

from spatialgen.errors import ConfigError
from spatialgen.testing.degrade import Degradation

CONDITIONS: dict[str, Degradation] = {
    "exact": Degradation(),
    "exact_no_up": Degradation(give_up=False),
    "noise_1": Degradation(smooth_noise=0.01),
    "noise_3": Degradation(smooth_noise=0.03),
    "noise_3_fine": Degradation(smooth_noise=0.03, smooth_px=8.0),
    "noise_3_broad": Degradation(smooth_noise=0.03, smooth_px=80.0),
    "masks_small": Degradation(mask_px=-2),
    "masks_large": Degradation(mask_px=2),
    "flying": Degradation(flying_px=1),
    "noise_1_no_up": Degradation(smooth_noise=0.01, give_up=False),
    "noise_3_no_up": Degradation(smooth_noise=0.03, give_up=False),
    "white_1": Degradation(white_noise=0.01),
    "holes": Degradation(holes=0.1),
    "half_depth": Degradation(depth_scale=0.5),
    "no_camera": Degradation(give_camera=False),
    "all_bad": Degradation(smooth_noise=0.03, mask_px=-2, flying_px=1, holes=0.05, give_up=False),
}
"""By name. See `spatialgen.testing.degrade` for what each number means and how it is made."""

DEFAULT_CONDITIONS = ("exact", "exact_no_up", "noise_1", "noise_3", "masks_small", "masks_large", "flying")
"""Those of the goals."""


def condition(name: str) -> Degradation:
    """Return the condition of that name. Raises ConfigError that lists the known ones."""
    if name not in CONDITIONS:
        raise ConfigError(f"no condition {name!r}; known are {', '.join(CONDITIONS)}")
    return CONDITIONS[name]
