"""README.md from nbs/index.ipynb, by nbconvert (`make readme`). nbdev's own way needs Quarto.

The index is run first, because its lists are made from settings.ini and from the lessons; so is the picture that it shows.
Its links are relative to nbs/, where Quarto makes pages of notebooks; in README.md they are relative to the top.
"""
import posixpath
import re

import nbformat
import picture
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


def from_the_top(text):
    "Markdown of a page in nbs/ with its relative links as they are seen from the folder above"
    return re.sub(r"\]\((?!\w+:|#)([^)\s]+)\)", lambda link: f"]({posixpath.normpath('nbs/' + link[1])})", text)


def readme(nb):
    "The text of README.md for an executed index"
    cells = [nbformat.v4.new_markdown_cell(text) for text in map(shown, nb.cells) if text]
    text, _ = MarkdownExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    return NOTE + from_the_top(re.sub(r"\n{3,}", "\n\n", text).strip()) + "\n"


if __name__ == "__main__":
    picture.FILE.write_text(picture.picture(), encoding="utf-8")
    remake(INDEX)
    README.write_text(readme(nbformat.read(INDEX, as_version=4)), encoding="utf-8")
    print(README)
