"""`questions`: a record a question, as it was asked. No turn gives another's answer away: there is but one."""

from __future__ import annotations

from collections.abc import Iterator

from spatialgen.export.forms.base import Form, Record
from spatialgen.export.pages import Page


def _records(page: Page) -> Iterator[Record]:
    for row in page.rows:
        turns = [("human", f"<image>\n{row['question']}"), ("gpt", row["answer"])]
        yield {"id": row["qa_id"], "conversations": [{"from": who, "value": said} for who, said in turns]}


FORM = Form(_records)
