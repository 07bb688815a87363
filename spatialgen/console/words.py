"""Numbers, times and names as people read them, safe to print on any terminal."""

from __future__ import annotations


def shown(text: str, limit: int = 60) -> str:
    """Return `text` on one line: control characters escaped, the middle of long names left out."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if len(line) <= limit:
        return line
    half = (limit - 3) // 2
    return f"{line[:half]}...{line[-half:]}"


def size(count: float) -> str:
    """Return a number of bytes, for example "12.3 MB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Return a time span, for example "2:05" or "1:02:05"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def rate(per_second: float) -> str:
    """Return a rate with three digits that matter."""
    return f"{per_second:.1f}" if per_second >= 10 else f"{per_second:.2f}"
