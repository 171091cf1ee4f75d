"""Pictures of a page for a person to look at, kept where a folder for them is named."""

import os
from pathlib import Path


def keep(page, name: str) -> None:
    """Both themes, into the folder OMS_PICTURES; nothing where that is not set."""
    if folder := os.environ.get("OMS_PICTURES"):
        for theme in ("light", "dark"):
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            page.screenshot(path=Path(folder) / f"{name}-{theme}.png", full_page=True)
