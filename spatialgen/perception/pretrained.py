"""Loading networks without running their code: transformers folders and state dicts, complete or refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spatialgen.errors import WeightsError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


def load_model(model_class: Any, folder: Path, dtype: str, device: str) -> Any:
    """Return a transformers model from `folder`, in evaluation mode on `device`.

    Safetensors are preferred, pickles read with `weights_only`, remote code never run. Raises WeightsError if a
    file is missing or damaged, is of another architecture, or leaves a parameter at its random start.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model, info = _guarded(
        folder,
        lambda: model_class.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            output_loading_info=True,
        ),
    )
    missing = sorted(info["missing_keys"])
    if missing:
        raise WeightsError(
            f"weights in {folder}: {len(missing)} parameters of {model_class.__name__} are not in the file"
            f" ({', '.join(missing[:3])} ...); is this a checkpoint of that model?"
        )
    return model.to(device).eval()


def load_processor(processor_class: Any, folder: Path) -> Any:
    """Return a transformers processor, image processor or tokenizer from `folder`. Raises WeightsError."""
    return _guarded(
        folder,
        lambda: processor_class.from_pretrained(folder, local_files_only=True, trust_remote_code=False),
    )


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a .pth file, on the CPU; any code in the pickle is refused. Raises WeightsError.

    Wrappers that training scripts leave around the tensors (`model`, `state_dict`, the prefix `module.`) go.
    """
    import torch

    loaded = _guarded(path, lambda: torch.load(path, map_location="cpu", weights_only=True))
    for key in ("model", "state_dict"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if not isinstance(loaded, Mapping) or not all(isinstance(v, torch.Tensor) for v in loaded.values()):
        raise WeightsError(f"weights {path}: this is not a state dict (names and tensors)")
    return {str(name).removeprefix("module."): tensor for name, tensor in loaded.items()}


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield `items` in order, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def by_shape(tensors: Sequence[torch.Tensor], size: int) -> Iterator[list[int]]:
    """Yield the indices of tensors of equal shape, at most `size` at a time: batches that need no padding."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, tensor in enumerate(tensors):
        groups.setdefault(tuple(tensor.shape), []).append(index)
    for group in groups.values():
        yield from (list(part) for part in chunks(group, size))


def _guarded(path: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"weights {path}: refused, the file is damaged or has code in it, and only tensors are loaded"
        ) from error
    except Exception as error:  # what is wrong with a file shows in a dozen libraries in as many ways
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WeightsError(f"weights {path}: cannot be loaded ({first})") from error
