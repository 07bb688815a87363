"""The exact truth of every question type, from the true shapes: an oracle that shares no code with what it judges."""

from spatialgen.testing.truth.answer import Answer
from spatialgen.testing.truth.scene import TrueObject, TrueScene, from_analytic, from_json, to_json
from spatialgen.testing.truth.value import truth_value

__all__ = ["Answer", "TrueObject", "TrueScene", "from_analytic", "from_json", "to_json", "truth_value"]
