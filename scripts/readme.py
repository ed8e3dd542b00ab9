"""README.md from nbs/index.ipynb, by nbconvert (`make readme`). nbdev's own way needs Quarto.

The index is run first, because its tables are made from settings.ini and from the lessons.
"""
import re

import nbformat
from nbconvert import MarkdownExporter
from outputs import ROOT, remake

INDEX, README = ROOT/"nbs/index.ipynb", ROOT/"README.md"
NOTE = "<!-- Made from nbs/index.ipynb by `make readme`. Edit that. -->\n\n"


def shown(cell):
    "What a reader sees of `cell`, as markdown: nothing of a cell with `#| hide`, only the output of one with `#| echo: false`"
    if cell.cell_type == "markdown": return cell.source
    if re.search(r"^#\|\s*hide\s*$", cell.source, re.M): return ""
    made = "\n\n".join(o.get("data", {}).get("text/markdown", "") for o in cell.outputs)
    if re.search(r"^#\|\s*echo:\s*false", cell.source, re.M): return made
    raise ValueError(f"index.ipynb: begin this cell with `#| hide` or `#| echo: false`, README.md shows no code cells:\n{cell.source}")


def readme(nb):
    "The text of README.md for an executed index"
    cells = [nbformat.v4.new_markdown_cell(text) for text in map(shown, nb.cells) if text]
    text, _ = MarkdownExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    return NOTE + re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


if __name__ == "__main__":
    remake(INDEX)
    README.write_text(readme(nbformat.read(INDEX, as_version=4)), encoding="utf-8")
    print(README)
