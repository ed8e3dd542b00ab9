"""Notebooks into the pages of the docs site: notebooks again, which Quarto turns into HTML.

What nbdev's own processing would lose or do wrong is done here: the rest of a first cell, the source of a lesson's functions, the
methods of classes, tables of arguments, folded tests, links that lead to one right place, and no HTML output, because Quarto loads
require.js and jQuery from another host for a page that has one (widgets.ts in its source).
"""
import ast
import html
import json
import re
from pathlib import Path
from posixpath import relpath
from typing import NamedTuple

import nbformat
import yaml
from docs_names import Names, Resolver, documented

from course_lib.cli import minutes
from course_lib.selftest.files import open_links

ROOT = Path(__file__).resolve().parents[1]
NBS = ROOT/"nbs"
ROOMS = dict(lib="The book", pictures="Pictures", sliders="Sliders", selftest="Self-test")
FOLDERS = "lessons", *ROOMS
DIRECTIVES = {"default_exp", "export", "exports", "exporti", "hide"}            # nbdev's; what has a colon is Quarto's
OPTIONS = {"echo", "fig-alt", "code-fold", "code-summary"}
TEST = re.compile(r"\b(assert|test_eq|test_close|test_fail|raises)\b|\bfrom fastcore\.test\b")
MIME = "text/markdown", "text/html", "image/svg+xml", "image/png", "image/jpeg", "text/plain"
MINUTES = re.compile(r"\A\*(About \d+ minutes .*)\*\n+")          # as scripts/minutes.py writes it
ENDED = "The numbers this run ended with:"


# --- which pages there are

class Page(NamedTuple):
    "A notebook that is a page"
    path: Path          # nbs/lib/06_learner.ipynb
    nb: nbformat.NotebookNode
    folder: str         # "" at the top
    name: str           # of the page: lib/learner, lessons/04_descent

    @property
    def module(self):
        "The module it is exported to, None where there is none"
        return next((m[1] for c in self.nb.cells if (m := re.search(r"^#\| *default_exp (\S+)", split(c.source)[0], re.M))), None)

    @property
    def lesson(self): return self.folder == "lessons"

    @property
    def number(self): return int(self.path.stem[:2])

    @property
    def title(self): return re.search(r"^# +(.+)", self.nb.cells[0].source, re.M)[1].strip()

    @property
    def description(self):
        found = re.search(r"^> *(.+)", self.nb.cells[0].source, re.M)
        return found[1].strip() if found else ""

    @property
    def minutes(self):
        "Minutes to read a lesson, as its second cell says"
        found = minutes(self.path) if self.lesson else None
        return found and found[0]

    @property
    def heading(self): return f"{self.number} · {self.title}" if self.lesson else self.title


def page_name(path):
    "A lesson keeps its number in its address, a module is found by its name"
    folder = path.parent.relative_to(NBS).as_posix().strip(".")
    return f"{folder}/{path.stem if folder == 'lessons' else re.sub(r'^[0-9]+_', '', path.stem)}".strip("/")

def pages():
    "Every page of the site. The notebooks in exercises/ are for whoever teaches, and none: they hold the answers"
    paths = [NBS/"index.ipynb", *sorted(p for p in NBS.glob("*.ipynb") if p.stem != "index")]
    paths += [p for folder in FOLDERS for p in sorted((NBS/folder).glob("*.ipynb"))]
    return [Page(p, nbformat.read(p, as_version=4), p.parent.relative_to(NBS).as_posix().strip("."), page_name(p)) for p in paths]

def split(source):
    "The lines `#| ...` at the head of a cell, and its code below them"
    head = re.match(r"(?:#\|.*(?:\n|$)|[ \t]*\n)*", source)[0]
    return head, source[len(head):]

def directives(cell): return set(re.findall(r"^#\| *(\w+)\b(?!-)(?! *:)", split(cell.source)[0], re.M)) if cell.cell_type == "code" else set()

def options(cell):
    "The options of a cell that Quarto is to see"
    return {key: yaml.safe_load(value) for key, value in re.findall(r"^#\| *([\w-]+): *(.+)$", split(cell.source)[0], re.M)}

def python(cell):
    "The code of a cell without its magics, so that Python can read it"
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", split(cell.source)[1], flags=re.M)

def exported(cell): return bool({"export", "exports"} & directives(cell)) and "hide" not in directives(cell)

def all_names(pages):
    "The public names of the whole site"
    names = Names()
    for page in pages:
        if page.module: names.add(page.module, f"{page.name}.html", [d.name for c in page.nb.cells if exported(c) for d in documented(python(c))])
    return names


# --- Markdown

FENCE = r"(?ms)^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[ \t]*$"
INLINE = r"(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"

def outside_code(text, change):
    "`change` applied to what is neither a fenced block nor code in a line"
    parts, at = [], 0
    for m in re.finditer(f"{FENCE}|{INLINE}", text):
        parts += [change(text[at:m.start()]), m[0]]
        at = m.end()
    return "".join([*parts, change(text[at:])])

def literal(text):
    "A docstring as Markdown that shows it as it is, but for its back-ticks"
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_\[\]<>#|$@^~{}'\"-])", r"\\\1", part) for part in re.split(r"(`[^`]+`)", text))

def slug(heading):
    "The anchor that pandoc gives to a heading"
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"^[^a-z]+", "", re.sub(r"\s+", "-", re.sub(r"[^\w\s.-]", "", text).strip())) or "section"


class Writer:
    "Writes the Markdown of one page: its links and its back-ticked names lead to the right pages"
    def __init__(self, page, pages, names, settings):
        self.page, self.settings = page, settings
        self.pages = {p.path: p.name for p in pages}
        sources = [python(c) for c in page.nb.cells if c.cell_type == "code"]
        self.find = Resolver(names, page.module, sources, prose=not page.module or page.lesson)
        self.images = {}                                            # file in the project: where the page has it

    def github(self, path):
        inside = path.relative_to(ROOT).as_posix()
        return f"{self.settings['git_url']}/{'tree' if path.is_dir() else 'blob'}/{self.settings['branch']}/{inside}"

    def relative(self, target): return relpath(target, self.page.folder or ".")

    def project_file(self, address):
        "The file of this project that an address leads to, None for any other"
        address = address.split("#")[0]
        for start in ("blob", "raw", "tree"):
            at = f"{self.settings['git_url']}/{start}/{self.settings['branch']}/"
            if address.startswith(at): return ROOT/address.removeprefix(at)
        raw = self.settings["git_url"].replace("https://github.com", "https://raw.githubusercontent.com") + f"/{self.settings['branch']}/"
        if address.startswith(raw): return ROOT/address.removeprefix(raw)
        return None if re.match(r"[a-z]+:|//|#|$", address) else (self.page.path.parent/address).resolve()

    def link(self, address):
        "Where a link leads on the site"
        file, anchor = self.project_file(address), "".join(re.findall("#.*", address))
        if file is None: return address
        if file in self.pages: return self.relative(f"{self.pages[file]}.html") + anchor
        if not file.exists(): return address                        # tests/test_site.py names it
        if file.is_relative_to(NBS/"images"): return self.image(address)
        return self.github(file) + anchor

    def image(self, address):
        "Where a picture lies on the site; None for one of a foreign host"
        file = self.project_file(address)
        if file is None: return None
        if not file.is_file(): return address
        self.images[file] = f"images/{file.name}"
        return self.relative(self.images[file])

    def _links(self, text):
        def picture(m):
            where = self.image(m[2])
            return f'![]({where}){{fig-alt="{plain(m[1])}"}}' if where else m[1]         # a badge: its words
        text = re.sub(r"!\[([^\]]*)\]\(([^)\s]+)\)", picture, text)
        text = re.sub(r"(?<=\]\()([^)\s]+)(?=[)\s])", lambda m: self.link(m[1]), text)
        text = re.sub(r"^(\[[^\]]+\]:\s*)(\S+)", lambda m: m[1] + self.link(m[2]), text, flags=re.M)
        text = re.sub(r'(?<=<img )([^>]*?src=")([^"]+)', lambda m: m[1] + (self.image(m[2]) or m[2]), text)
        return re.sub(r'(?<=<a )([^>]*?href=")([^"]+)', lambda m: m[1] + self.link(m[2]), text)

    def _names(self, text, own=()):
        link = r"!?\[(?:[^\[\]]|\[[^\]]*\])*\](?:\([^)]*\)|\[[^\]]*\]|:)"
        html = r"(?s:<summary>.*?</summary>)|(?s:<a\b.*?</a>)"
        shielded = rf"{FENCE}|(?m-s:^#+ .*$)|{html}|{link}|(?s:``.*?``)|`([^`\s]+)`"
        def linked(m):
            place = m[m.lastindex] and m.lastgroup is None and self.find(m[m.lastindex], own) if m.lastindex else None
            return f"[{m[0]}]({self.address(place)})" if place else m[0]
        return re.sub(shielded, linked, text)

    def address(self, place):
        page = "" if place.page == f"{self.page.name}.html" and place.anchor else self.relative(place.page)
        return f"{page}#{place.anchor}" if place.anchor else page

    def markdown(self, text, own=()): return self._names(outside_code(text, self._links), own)


# --- cells

def markdown(text): return nbformat.v4.new_markdown_cell(text.strip())

def code(source, outputs=(), **options):
    "A code cell with options for Quarto, each a line that is YAML whatever it holds"
    lines = [f"#| {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in options.items()]
    cell = nbformat.v4.new_code_cell("\n".join([*lines, source.strip("\n")]), outputs=list(outputs))
    cell.metadata["language"] = "python"
    return cell

def raw_html(text):
    "HTML within Markdown: as an output of its own Quarto would load require.js and jQuery for it"
    fence = "`"*max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{{=html}}\n{text.strip()}\n{fence}\n"

def shown(output, writer):
    "An output as the page has it: one kind of data, no HTML of its own"
    if "data" not in output: return output
    kind = next(k for k in MIME if k in output.data)
    data = output.data[kind]
    if kind in ("text/html", "image/svg+xml"): kind, data = "text/markdown", raw_html(re.sub(r"<\?xml.*?\?>|<!DOCTYPE[^>]*>", "", data))
    elif kind == "text/markdown": data = writer.markdown(data)
    return nbformat.v4.new_output("display_data", {kind: data})

def plain(text): return text.replace('"', "”").replace("\n", " ")

def api(entry, level, writer):
    "What is said of a function, a class or a method: heading, call, words, arguments"
    own = {n for a in entry.arguments for n in re.findall(r"\w+", a.names)} | set(re.findall(r"[(,]\s*\**(\w+)", entry.signature))
    level += entry.kind in ("method", "property")
    parts = [f"{'#'*level} `{entry.name}` {{#{entry.name}}}"]
    if entry.kind != "property": parts.append(f"``` {{.python .signature}}\n{entry.signature}\n```")
    if entry.doc: parts.append(writer.markdown(literal(entry.doc), own))
    if entry.arguments:
        def row(*cells): return "| " + " | ".join(c.replace("|", r"\|") for c in cells) + " |"
        rows = [(a.names, a.default, writer.markdown(literal(a.comment), own)) for a in entry.arguments]
        table = ["| Argument | Default | Meaning |", "|:---|:---|:----------|", *(row(*r) for r in rows)]
        if not any(a.default for a in entry.arguments): table = ["| Argument | Meaning |", "|:---|:----------|", *(row(names, text) for names, _, text in rows)]
        parts.append("\n".join(table))
    return "\n\n".join(parts)

def source_of(cell):
    "The folded source below what it documents, None where the cell only imports"
    defined = [n for n in ast.parse(python(cell)).body if not isinstance(n, (ast.Import, ast.ImportFrom))]
    if not defined: return None
    names = [n.name for n in defined if hasattr(n, "name")]
    return code(split(cell.source)[1], **{"code-fold": True, "code-summary": plain(f"Source: {', '.join(names)}") if names else "Source"})

def of_lesson(cell, writer, page):
    "A code cell of a lesson: the source that it teaches, once; what it adds to the library is named above"
    text, named = split(cell.source)[1], options(cell)
    if 'find_spec("course_lib")' in text:
        named |= {"code-fold": True, "code-summary": "Set-up: installs the course where it is missing"}
    if "results" in cell.metadata.get("tags", ()): named["echo"] = False
    outputs = [shown(o, writer) for o in cell.outputs]
    entries = [d.name for d in documented(python(cell)) if d.kind in ("function", "class")] if exported(cell) else []
    if entries: named = {k: v for k, v in named.items() if k not in ("code-fold", "code-summary")}     # open, also where the notebook folds it
    anchors = " ".join(f"[in the library: `course_lib.{page.module}.{n}`]{{#{n} .defines}}" for n in entries)
    return [*([markdown(anchors)] if anchors else []), code(text, outputs, **named)]

def of_library(cell, writer, level):
    "A code cell of a library page: what is exported is documented, tests are folded, the rest is an example"
    if exported(cell):
        texts = [api(entry, level, writer) for entry in documented(python(cell))]
        return [*map(markdown, texts), *filter(None, [source_of(cell)])]
    text, named, outputs = split(cell.source)[1], options(cell), [shown(o, writer) for o in cell.outputs]
    if TEST.search(text) and "code-fold" not in named:
        named |= {"code-fold": True, "code-summary": "Test"}
        outputs = [o for o in outputs if "fig-alt" in named and any(k.startswith("image/") for k in o.get("data", ()))]
    return [code(text, outputs, **named)] if text.strip() or outputs else []

def joined_tests(cells):
    "Tests that follow one another fold together, where they show no picture"
    out = []
    for cell in cells:
        head = '#| code-fold: true\n#| code-summary: "Test"\n'
        both = out and all(c.cell_type == "code" and c.source.startswith(head) and not c.outputs for c in (out[-1], cell))
        if both: out[-1].source += "\n\n" + cell.source.removeprefix(head)
        else: out.append(cell)
    return out


# --- a page

def front_matter(page, settings):
    "The YAML at the head of a page; every value is quoted"
    site = settings["doc_host"] + settings["doc_baseurl"]
    description = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", page.description)
    values = dict(title=page.heading, description=description, image=f"{site}/images/card.png")
    if page.name == "index": values |= {"pagetitle": settings["title"]}
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return nbformat.v4.new_raw_cell("\n".join(["---", *lines, "---"]))

def head(page, writer, settings):
    "What stands above a page's text: where to run a lesson and what else there is of it, where a module's source is"
    if page.lesson:
        told = MINUTES.search(page.nb.cells[1].source)
        rows = [re.sub(r"\[(\w+)\]\([^)]*\)", r"\1", told[1])] if told else []
        for label, folder in (("This lesson", "nbs/lessons"), ("Its practice, with holes to fill", "practice"), ("Clean, without the words", "clean")):
            places = open_links(settings, f"{folder}/{page.path.name}")
            download = f"{settings['doc_host']}{settings['doc_baseurl']}/notebooks/{folder.removeprefix('nbs/')}/{page.path.name}"
            rows.append(f"{label}: [Colab]({places['Colab']}), [Kaggle]({places['Kaggle']}), "
                        f"[download]({download}){{download=\"{page.path.name}\"}}")
        return markdown("::: {.page-links}\n" + "\\\n".join(rows) + "\n:::")
    if page.module and page.folder in ROOMS:
        file = ROOT/"course_lib"/f"{page.module.replace('.', '/')}.py"
        return markdown(f"::: {{.page-links}}\nModule `course_lib.{page.module}`: [source]({writer.github(file)}), [notebook]({writer.github(page.path)})\n:::")
    return None

def first_cell(source):
    "What a first cell holds besides title and description"
    text = re.sub(r"^# +.+\n?", "", source.strip(), count=1)
    return re.sub(r"^> *.+\n?", "", text.strip(), count=1).strip()

def with_free_anchors(cells, taken):
    "Headings whose own anchor would be one of a function's get another"
    def free(m): return f"{m[0]} {{#about-{slug(m[2])}}}" if slug(m[2]) in taken and "{#" not in m[0] else m[0]
    for cell in cells:
        if cell.cell_type == "markdown": cell.source = outside_fences(cell.source, lambda text: re.sub(r"(?m)^(#{2,6}) +(.+)$", free, text))
    return cells

def outside_fences(text, change):
    parts, at = [], 0
    for m in re.finditer(FENCE, text):
        parts += [change(text[at:m.start()]), m[0]]
        at = m.end()
    return "".join([*parts, change(text[at:])])

def headings(text):
    "`(level, words)` of each heading"
    return [(len(m[1]), m[2]) for m in re.finditer(r"^(#{1,6}) +(.+)$", re.sub(FENCE, "", text), re.M)]

def body(page, writer):
    "The cells below the head of a page"
    rest, level = first_cell(page.nb.cells[0].source), 1
    out = [markdown(writer.markdown(rest))] if rest else []
    for cell in page.nb.cells[1:]:
        if cell.cell_type == "markdown":
            out.append(markdown(writer.markdown(MINUTES.sub("", cell.source) if page.lesson else cell.source)))
            level = ([level] + [n for n, _ in headings(cell.source)])[-1]
        elif cell.cell_type == "code" and not {"hide", "exporti"} & directives(cell):
            if re.fullmatch(r"from course_lib.core import ends_with\s*", cell.source): continue
            if page.lesson or not page.module:
                if "results" in cell.metadata.get("tags", ()) and not out[-1].source.rstrip().endswith(":"): out.append(markdown(ENDED))
                if not python(cell).strip() or (exported(cell) and source_of(cell) is None and not page.lesson): continue
                out += of_lesson(cell, writer, page)
            else: out += of_library(cell, writer, min(level, 2) + 1)
    return out

def processed(page, pages, names, settings):
    "`(notebook, its pictures)`: the page as Quarto gets it"
    writer = Writer(page, pages, names, settings)
    cells = joined_tests(body(page, writer))
    taken = {p.anchor for places in names.places.values() for p in places if p.page == f"{page.name}.html"}
    cells = [front_matter(page, settings), *filter(None, [head(page, writer, settings)]), *with_free_anchors(cells, taken)]
    for i, cell in enumerate(cells): cell.id = f"cell-{i}"
    nb = nbformat.v4.new_notebook(cells=cells)
    nb.metadata["kernelspec"] = dict(name="python3", display_name="python3", language="python")
    return nb, writer.images
