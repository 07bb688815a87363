"""What goes wrong with one record inside a source; the source turns it into a Reject."""

from __future__ import annotations

from spatialgen.records import Reject, RejectCode

STAGE = "read"


class Fault(Exception):
    """One record, or one file of it, cannot be used."""

    def __init__(self, code: RejectCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail

    def reject(self, image_id: str, object_id: str | None = None) -> Reject:
        """Return the row of the rejects table."""
        return Reject(image_id, STAGE, self.code, self.detail, object_id)
