"""The page where a person drops an image: one file, and a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path


def _part(ending: str) -> str:
    return Path(__file__).with_name(f"page.{ending}").read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


STYLE, SCRIPT = _part("css"), _part("js")
PAGE = _part("html").replace("/* style */", STYLE).replace("/* script */", SCRIPT)
POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src 'sha256-{_hash(SCRIPT)}'",
        f"style-src 'sha256-{_hash(STYLE)}'",
        # The person's own image, and maps that the server has drawn.
        "img-src blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""What browsers let pages of this server do."""
