"""The templates of the forms: they load, with ids of their own, several for everything that is asked."""

from __future__ import annotations

import re
from importlib import resources

import pytest
import yaml

from spatialgen.export.forms import names
from spatialgen.export.forms.base import form_wording

FILES = sorted(p.name for p in (resources.files("spatialgen.export.forms") / "templates").iterdir())
GROUPS = [
    (file.removesuffix(".yaml"), group)
    for file in FILES
    for group in yaml.safe_load((resources.files("spatialgen.export.forms") / "templates" / file).read_text("utf-8"))
    if group != "vocabulary"
]


def test_each_file_is_of_a_form() -> None:
    assert {file.removesuffix(".yaml") for file in FILES} <= set(names())


@pytest.mark.parametrize(("form", "group"), GROUPS)
def test_templates_load_and_are_clean(form: str, group: str) -> None:
    own = form_wording(form, group)
    templates = [t for section in own.sections for t in own.of(section)]
    assert len({t.id for t in templates}) == len(templates)
    for section in own.sections:
        texts = [t.text for t in own.of(section)]
        assert len(set(texts)) == len(texts)
        assert len(texts) >= (1 if section == "predicate" else 4), section
        for text in texts:
            assert text == text.strip()
            assert not re.search(r" {2}| [.,?!;]|\.\.|\?\.|[‘’“”…]", text)
