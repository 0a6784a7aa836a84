"""Pictures inside the page: smaller than the files beside it, without loss."""

from __future__ import annotations

import base64
import io
from pathlib import Path


def embedded(path: Path) -> tuple[str, int, int]:
    """Return a PNG as an address that holds the picture itself, with its width and height in pixels.

    WebP without loss takes a third of the size; the little more that greater effort would save takes thrice the time.
    """
    from PIL import Image

    with Image.open(path) as picture:
        stream = io.BytesIO()
        picture.convert("RGB").save(stream, "WEBP", lossless=True, method=2, quality=20)
        width, height = picture.size
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}", width, height
