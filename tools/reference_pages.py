"""The pages that are made from the code: docs/reference and docs/fields.md.

`python tools/reference_pages.py` (`make reference`) writes them; a test holds that they are up to date.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import fields_page
from reference import admin, cli, errors, formats, headers, limits, log_fields, metrics, objects, providers

_FOLDER: Final = Path(__file__).parent.parent / "docs" / "reference"

PAGES: Final[dict[Path, Callable[[], str]]] = {
    _FOLDER / "admin.md": admin.page,
    _FOLDER / "cli.md": cli.page,
    _FOLDER / "errors.md": errors.page,
    _FOLDER / "formats.md": formats.page,
    _FOLDER / "headers.md": headers.page,
    _FOLDER / "limits.md": limits.page,
    _FOLDER / "log-fields.md": log_fields.page,
    _FOLDER / "metrics.md": metrics.page,
    _FOLDER / "objects.md": objects.page,
    _FOLDER / "providers.md": providers.page,
    fields_page.PAGE: fields_page.page,
}


if __name__ == "__main__":
    for file, page in PAGES.items():
        file.write_text(page())
