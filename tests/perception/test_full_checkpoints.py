"""Checkpoints are found, hashed, licensed, and refused when they are not what they should be."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
import torch
from full_fixtures import save_blip, save_depth_anything, write_card

from spatialgen.errors import WeightsError
from spatialgen.perception import registry, weights
from spatialgen.perception.checkpoints import Checkpoint, HubConfig, card_license, digest, from_key
from spatialgen.perception.hub_list import listed
from spatialgen.perception.pretrained import by_shape, load_model, load_state_dict


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_blip(tmp_path_factory.mktemp("blip"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hub client that finds nothing in its cache and has no network."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def nothing(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no network\nand a long story")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", nothing)


def hub(**fields: object) -> Checkpoint:
    return HubConfig.model_validate(fields).checkpoint()


def blip_class() -> type:
    from transformers import BlipForConditionalGeneration

    return BlipForConditionalGeneration


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('code in weights ran')",))


def test_the_list_fills_in_revision_sha256_and_licence() -> None:
    known = hub(model="IDEA-Research/grounding-dino-tiny")
    assert known.revision == "a2bb814dd30d776dcf7e30523b00659f4f141c71"
    assert known.sha256 is not None
    assert known.sha256.startswith("1a2412ef")
    assert known.license == "Apache-2.0"
    other = hub(model="IDEA-Research/grounding-dino-tiny", revision="main")
    assert other.sha256 is None  # of another revision nothing is known
    assert hub(model="somebody/else").revision == "main"


def test_each_size_of_a_repository_has_its_own_facts() -> None:
    config = HubConfig(model="ybelkada/segment-anything", sha256=None, batch_size=1)
    sizes = [config.checkpoint(f"checkpoints/sam_vit_{name}.pth") for name in ("b_01ec64", "l_0b3195", "h_4b8939")]
    assert [c.sha256[:8] for c in sizes if c.sha256] == ["ec2df627", "3adcc431", "a7bf3b02"]


def test_names_of_the_list_are_unique_and_their_licences_stated() -> None:
    assert len({e.name for e in listed()}) == len(listed())
    assert all(e.license and "/" not in e.name for e in listed())
    unfree = {e.name for e in listed() if "NC" in e.license}
    assert unfree == {n for n in (e.name for e in listed()) if n.startswith("depth-anything") and "small" not in n}


@pytest.mark.parametrize(("role", "name"), [(r, n) for r in registry.ROLES for n in registry.names(r)])
def test_the_default_weights_of_every_backend_are_listed_with_their_licence(role: str, name: str) -> None:
    module = registry.load(role, name)
    for key in module.Backend(module.Config.model_validate({})).weights:
        assert weights.entry(key).license
        assert weights.sha256(key)


@pytest.mark.usefixtures("offline")
def test_a_plan_needs_no_network() -> None:
    pinned = hub(model="IDEA-Research/grounding-dino-tiny")
    assert pinned.identity().startswith("IDEA-Research/grounding-dino-tiny@a2bb814d")
    assert hub(model="somebody/else").identity() == "somebody/else@main"
    assert weights.sha256(pinned.key) == pinned.identity()
    assert weights.sha256("somebody/else@main") == "somebody/else@main"
    assert not weights.is_cached(pinned.key)


def test_a_download_changes_no_fingerprint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = []

    def download(model: str, *, local_files_only: bool, **_: object) -> str:
        asked.append((model, local_files_only))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    moving = hub(model="somebody/else")
    assert moving.fetch() == folder
    assert moving.identity() == "somebody/else@main"
    assert moving.use("captioner").version == f"main sha256:{digest(folder)}"  # but which files they were is kept
    pinned = hub(model="somebody/else", revision="0" * 40)
    assert pinned.fetch() == folder
    assert asked[-1] == ("somebody/else", True)  # a commit that is here already needs no network
    assert pinned.use("captioner").version == pinned.identity() == "somebody/else@" + "0" * 40


@pytest.mark.usefixtures("offline")
def test_without_network_the_error_says_what_to_do() -> None:
    with pytest.raises(WeightsError, match=r"somebody/else@main.*no network.*models pull.*local folder"):
        hub(model="somebody/else").fetch()


def test_a_local_folder_is_known_by_its_files(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    assert hub(model=str(copy)).identity() == hub(model=str(folder)).identity()
    write_card(copy, "mit")
    assert hub(model=str(copy)).identity() == hub(model=str(folder)).identity()
    (copy / "generation_config.json").write_text("{}")
    assert hub(model=str(copy)).identity() != hub(model=str(folder)).identity()


def test_the_licence_is_the_users_or_the_cards_or_not_stated(folder: Path, tmp_path: Path) -> None:
    assert hub(model=str(folder)).use("captioner").license == "not stated"
    copy = tmp_path / "carded"
    shutil.copytree(folder, copy)
    write_card(copy, "bsd-3-clause")
    use = hub(model=str(copy)).use("captioner")
    assert (use.role, use.name, use.license) == ("captioner", "carded", "bsd-3-clause")
    assert use.version == f"sha256:{digest(folder)}"
    assert hub(model=str(copy), license="my own").use("captioner").license == "my own"


@pytest.mark.parametrize(
    "text", ["", "no head", "---\nlicense: [a, b]\n---\n", "---\n: : {\n---\n", "---\nlicense: mit"]
)
def test_a_card_without_a_readable_licence(text: str) -> None:
    assert card_license(text) == "not stated"


def test_keys_name_the_checkpoint_again(folder: Path) -> None:
    local = hub(model=str(folder))
    assert from_key(local.key).identity() == local.identity()
    unlisted = HubConfig.model_validate({"model": "some/body", "revision": "v2"}).checkpoint("sub/a.pth")
    assert unlisted.key == "some/body@v2:sub/a.pth"
    assert from_key(unlisted.key) == unlisted
    assert hub(model="IDEA-Research/grounding-dino-tiny").key == "grounding-dino-tiny"
    assert weights.path(local.key) == folder


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"there is no .*nowhere"):
        hub(model=str(tmp_path / "nowhere")).fetch()


def test_a_wrong_sha256_is_refused(folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"model.safetensors has sha256 [0-9a-f]{64}, not 0{64}"):
        hub(model=str(folder), sha256="0" * 64).fetch()


def test_truncated_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cut"
    shutil.copytree(folder, copy)
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_model(blip_class(), copy, "float32", "cpu")


def test_weights_of_another_network_are_refused(tmp_path: Path, folder: Path) -> None:
    other = save_depth_anything(tmp_path / "depth")
    shutil.copy(folder / "config.json", other / "config.json")
    with pytest.raises(WeightsError, match="parameters of BlipForConditionalGeneration are not in the file"):
        load_model(blip_class(), other, "float32", "cpu")


def test_a_folder_without_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "empty"
    shutil.copytree(folder, copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_model(blip_class(), copy, "float32", "cpu")


def test_code_in_a_pickle_never_runs(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"weight": Payload()}, protocol=2))
    with pytest.raises(WeightsError, match="refused"):
        load_state_dict(tmp_path / "evil.pth")
    torch.save({"weight": Payload()}, tmp_path / "zipped.pth")
    with pytest.raises(WeightsError, match="has code in it"):
        load_state_dict(tmp_path / "zipped.pth")
    copy = tmp_path / "evil"
    shutil.copytree(folder, copy)
    (copy / "model.safetensors").unlink()
    torch.save({"weight": Payload()}, copy / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"evil"):
        load_model(blip_class(), copy, "float32", "cpu")


def test_a_pickled_state_dict_of_tensors_loads_and_gives_the_same_network(folder: Path, tmp_path: Path) -> None:
    pickled = load_model(blip_class(), save_blip(tmp_path, safe=False), "float32", "cpu").state_dict()
    safe = load_model(blip_class(), folder, "float32", "cpu").state_dict()
    assert pickled.keys() == safe.keys()
    assert all(torch.equal(pickled[name], safe[name]) for name in safe)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {"model": {"a": "text"}}])
def test_what_is_no_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="not a state dict"):
        load_state_dict(tmp_path / "a.pth")


def test_wrappers_around_a_state_dict_go(tmp_path: Path) -> None:
    torch.save({"model": {"module.a.weight": torch.ones(2)}, "epoch": 3}, tmp_path / "a.pth")
    assert list(load_state_dict(tmp_path / "a.pth")) == ["a.weight"]


def test_batches_hold_equal_shapes_in_order() -> None:
    tensors = [torch.zeros(s) for s in (2, 3, 2, 2, 3, 2)]
    assert list(by_shape(tensors, 3)) == [[0, 2, 3], [5], [1, 4]]
