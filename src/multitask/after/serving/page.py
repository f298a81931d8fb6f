"""The page for dropping an image: one file, with a policy that blocks everything else."""

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
        # The user's own image, and maps drawn by the server.
        "img-src blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""Permissions of this server's pages in a browser."""
