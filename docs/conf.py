"""How Sphinx builds the pages of this folder: `make docs`, every warning an error."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

project = "Thawline"
author = "the Thawline authors"
copyright = f"2026 {author}"  # noqa: A001  # Sphinx's name
extensions = ["myst_parser", "generated"]
exclude_patterns = ["figures"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
highlight_language = "none"
html_theme = "furo"
html_title = "Thawline"
html_show_sphinx = False
html_copy_source = False
