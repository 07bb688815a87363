"""What every backend of every role owes: a cheap start, plain options, no heavy import before it is set up."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import pytest

from spatialgen.config.loader import dump_config
from spatialgen.perception import registry, weights

BACKENDS = [(role, name) for role in registry.ROLES for name in registry.names(role)]
HEAVY = ("torch", "transformers", "segment_anything", "groundingdino", "onnxruntime", "ray", "open3d", "cv2")


@pytest.mark.parametrize(("role", "name"), BACKENDS)
def test_a_backend_starts_cheaply_and_travels(role: str, name: str) -> None:
    module = registry.load(role, name)
    config = module.Config.model_validate({})
    assert config.backend == name
    backend = module.Backend(config)
    assert backend.version
    assert backend.batch_size >= 1
    twin = pickle.loads(pickle.dumps(backend))  # noqa: S301 (our own bytes)
    assert twin.weights == backend.weights
    backend.close()


@pytest.mark.parametrize(("role", "name"), BACKENDS)
def test_the_options_survive_a_file_and_refuse_what_they_do_not_know(role: str, name: str) -> None:
    config_class = registry.load(role, name).Config
    config = config_class.model_validate({})
    assert config_class.model_validate_json(config.model_dump_json(), strict=True) == config
    assert f"backend: {name}" in dump_config(config)
    with pytest.raises(ValueError, match="no_such_option"):
        config_class.model_validate_json(json.dumps({"no_such_option": 1}))


@pytest.mark.parametrize(("role", "name"), BACKENDS)
def test_the_weights_of_the_defaults_are_listed_with_their_licence(role: str, name: str) -> None:
    module = registry.load(role, name)
    for key in module.Backend(module.Config.model_validate({})).weights:
        assert weights.entry(key).license
        assert weights.sha256(key)


def test_nothing_heavy_is_imported_before_set_up() -> None:
    code = (
        "import sys\nfrom spatialgen.perception import registry\n"
        f"for role, name in {BACKENDS!r}:\n"
        "    module = registry.load(role, name)\n    module.Backend(module.Config.model_validate({}))\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
