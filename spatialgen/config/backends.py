"""Backends in a configuration: whatever file of a role's folder `backend` names says what its options are."""

from __future__ import annotations

import json
from typing import Any, Protocol

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from spatialgen.errors import ConfigError
from spatialgen.perception import registry


class BackendConfig(Protocol):
    """What the configurations of all backends share: the name of the backend's file."""

    @property
    def backend(self) -> str: ...


class Role:
    """Marks a field whose model is chosen by `backend` among the files of `spatialgen/perception/<name>`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def config_class(self, backend: str) -> type[BaseModel]:
        """Return the options of `backend`. Raises ConfigError where there is no such backend."""
        config: type[BaseModel] = registry.load(self.name, backend).Config
        return config

    def resolve(self, value: Any) -> BaseModel:
        """Return the backend's configuration made from `value`, a mapping with the key `backend`."""
        if isinstance(value, BaseModel):
            return value
        if not isinstance(value, dict) or not isinstance(value.get("backend"), str):
            known = ", ".join(registry.names(self.name))
            raise PydanticCustomError("backend", "expected {backend: NAME, ...}, NAME one of {known}", {"known": known})
        try:
            config = self.config_class(value["backend"])
        except ConfigError as error:
            raise PydanticCustomError("backend", "{message}", {"message": str(error)}) from error
        return config.model_validate_json(json.dumps(value))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        dump = core_schema.plain_serializer_function_ser_schema(_dump)
        return core_schema.no_info_plain_validator_function(self.resolve, serialization=dump)


def _dump(value: BaseModel) -> dict[str, Any]:
    return value.model_dump(mode="json")
