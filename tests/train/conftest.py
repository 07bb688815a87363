"""Random towers in their real on-disk formats, made once."""

import pytest
from train_parts import save_tower


@pytest.fixture(scope="session")
def towers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("towers")
    kinds = ("dinov2", "clip", "siglip", "registers", "dinov3", "siglip2")
    return {kind: save_tower(folder / kind, kind) for kind in kinds}
