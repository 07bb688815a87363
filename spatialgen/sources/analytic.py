"""Rendered scenes with exact truth as a source: for trying a build out, and for tests of plug-ins."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from spatialgen.records import Frame, Reject
from spatialgen.sources.base import PlanRow
from spatialgen.testing.furniture import Shapes


@dataclass(frozen=True, slots=True)
class AnalyticSource:
    """Scenes drawn from the seeds `seed`, `seed` + 1, ...: depth, instances, labels, camera and up are given."""

    scenes: int
    size_wh: tuple[int, int] = (320, 240)
    seed: int = 0
    shapes: Shapes = "usual"
    objects: tuple[int, int] = (3, 7)
    all_colors_differ: bool = False

    def list(self) -> Iterator[PlanRow | Reject]:
        """Yield one row a scene; `locator` is its seed."""
        from spatialgen.testing.scenes import scene_id

        size = 3 * self.size_wh[0] * self.size_wh[1]
        for seed in range(self.seed, self.seed + self.scenes):
            name = scene_id("room", seed, self.shapes)
            yield PlanRow(name, name.encode(), size, 0, str(seed))

    def given(self, row: PlanRow) -> frozenset[str]:
        """Return the fields of the frame that the scene gives."""
        return frozenset({"camera", "detections", "depth", "instances", "texts", "gravity"})

    def read(self, row: PlanRow) -> tuple[Frame | Reject, tuple[Reject, ...]]:
        """Return the rendered frame of a scene."""
        from spatialgen.testing.frames import to_frame
        from spatialgen.testing.render import render
        from spatialgen.testing.scenes import sample_scene

        scene = sample_scene(
            int(row.locator),
            size_wh=self.size_wh,
            objects=self.objects,
            shapes=self.shapes,
            all_colors_differ=self.all_colors_differ,
        )
        frame = to_frame(scene, render(scene))
        return replace(frame, encoded=_png(frame.rgb), image_format="png"), ()


def _png(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()
