"""The docs site: what scripts/docs.py hands to Quarto, looked at without it; where Quarto is, the site is built and walked through.

A page of the site is a notebook whose cells hold Markdown, code with options, and outputs: what stands in them is what a reader sees.
"""
import os
import re
import shutil
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from posixpath import dirname, join, normpath

import docs
import docs_names
import docs_pages
import nbformat
import pytest
import yaml
from conftest import LIBRARY, ROOT, copy_of_the_sources, run, settings
from jupyter_page import FLAGS

PAGES = {p.name: p for p in docs_pages.pages()}
pages = pytest.mark.parametrize("name", PAGES)
lessons = pytest.mark.parametrize("name", [n for n, p in PAGES.items() if p.lesson])
library = pytest.mark.parametrize("name", [n for n, p in PAGES.items() if p.folder in LIBRARY])
IMAGES = "image/png", "image/jpeg"


class Strict(yaml.SafeLoader):
    "YAML as Quarto reads it: a key that stands twice is an error"
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(k, deep=True) for k, _ in node.value]
        twice = [k for k, n in Counter(keys).items() if n > 1]
        if twice: raise yaml.constructor.ConstructorError(None, None, f"twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)

def strict(text): return yaml.load(text, Strict)


@pytest.fixture(scope="module")
def proc(tmp_path_factory):
    "The folder that Quarto gets"
    folder = tmp_path_factory.mktemp("site")/"_proc"
    docs.process(folder)
    return folder

@pytest.fixture(scope="module")
def site(proc): return {n: nbformat.read(proc/f"{n}.ipynb", as_version=4).cells for n in PAGES}


def data(cell): return [o.get("data", {"stream": o.get("text")}) for o in cell.get("outputs", [])]

def texts(cells):
    "All Markdown of a page, of its outputs as well"
    shown = [d["text/markdown"] for c in cells for d in data(c) if "text/markdown" in d]
    return [c.source for c in cells if c.cell_type == "markdown"] + [t for t in shown if "{=html}" not in t]

def prose(cells): return "\n\n".join(texts(cells))

def options(cell): return {k: v for line in docs_pages.split(cell.source)[0].splitlines() for k, v in strict(line.removeprefix("#| ")).items()}

def code(cell): return docs_pages.split(cell.source)[1]

def headings(cells): return docs_pages.headings("\n\n".join(c.source for c in cells if c.cell_type == "markdown"))

def anchors(cells):
    "Every anchor of a page, as often as it is there"
    own = [re.search(r"\{#([^ }]+)\}", text) for _, text in headings(cells)]
    of_headings = [m[1] if m else docs_pages.slug(text) for m, (_, text) in zip(own, headings(cells))]
    return of_headings + re.findall(r"\]\{#([^ }]+) \.defines\}", prose(cells))

def links(cells):
    "`(words, address)` of every link, pictures left out"
    text = re.sub(docs_pages.FENCE, "", prose(cells))
    inline = re.findall(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)", text)
    return inline + re.findall(r"^\[([^\]]+)\]:\s*(\S+)", text, re.M) + [("", a) for a in re.findall(r'<a [^>]*href="([^"]+)"', text)]


# --- what ends a build

@pages
def test_front_matter_and_options_are_yaml(name, site):
    first, *rest = site[name]
    assert first.cell_type == "raw" and re.fullmatch(r"---\n(.+\n)+---", first.source)
    front = strict(first.source.strip("-"))
    assert {*front} <= {"title", "description", "image", "pagetitle"} and all(isinstance(v, str) and v for v in front.values())
    for cell in rest:
        assert cell.cell_type in ("code", "markdown")
        if cell.cell_type == "markdown":
            bare = re.sub(docs_pages.FENCE, "", cell.source)
            assert not re.search(r"^(---|\.\.\.)\s*$", bare, re.M), "Quarto would take this for YAML"
            continue
        told = options(cell)
        assert {*told} <= docs_pages.OPTIONS and all(isinstance(v, (str, bool)) for v in told.values())
        assert "\n" not in str(told) and '"' not in told.get("code-summary", ""), "Quarto writes it into an attribute with quotation marks"
        assert cell.metadata == {"language": "python"}, "Quarto makes attributes of whatever else there is"

@pages
def test_nothing_that_quarto_would_take_for_its_own(name, site):
    "Shortcodes, citations, and blocks that do not end"
    bare = re.sub(f"{docs_pages.FENCE}|{docs_pages.INLINE}", "", prose(site[name]))
    assert "{{<" not in "".join(c.source for c in site[name])
    assert not re.search(r"(?<![\w\\/.])@\w", bare), "Quarto takes @name for a citation"
    assert not re.search(r"(?<!\\)\\[A-Za-z]", bare), "pandoc takes this for TeX, and leaves it out"
    for cell in site[name]:
        if cell.cell_type == "markdown": assert len(re.findall(r"^:::+ *\S", cell.source, re.M)) == len(re.findall(r"^:::+ *$", cell.source, re.M))
        if cell.cell_type == "markdown": assert len(re.findall(r"^(```+|~~~+)", cell.source, re.M)) % 2 == 0
        if cell.cell_type == "markdown": assert cell.source.count("<details") == cell.source.count("</details>")

def test_only_directives_that_the_script_knows():
    cells = [c for p in PAGES.values() for c in p.nb.cells if c.cell_type == "code"]
    assert {d for c in cells for d in docs_pages.directives(c)} <= docs_pages.DIRECTIVES
    assert {o for c in cells for o in docs_pages.options(c)} <= docs_pages.OPTIONS

def test_the_projects_files_are_yaml_and_there(proc):
    config = strict((proc/"_quarto.yml").read_text(encoding="utf-8"))
    html, website = config["format"]["html"], config["website"]
    assert {*config} == {"project", "format", "website", "metadata-files"} and {*config["format"]} == {"html"}
    named = [*html["theme"].values(), html["css"], html["include-after-body"], website["favicon"], *config["project"]["resources"], *config["metadata-files"]]
    assert [f for f in named if not (proc/f).is_file()] == [] and all((proc/f).stat().st_size for f in named)
    for f in config["metadata-files"]: assert strict((proc/f).read_text(encoding="utf-8"))
    for theme in html["theme"].values(): assert (proc/theme).read_text(encoding="utf-8").startswith("/*-- scss:defaults --*/\n")
    folders = [*(f"{folder}/*.ipynb" for folder in docs_pages.FOLDERS)]
    assert config["project"]["render"] == ["*.ipynb", *folders]

def test_reading_yaml_strictly():
    for wrong in ("a: b: c", "a: 1\na: 2", "a:\n\t- 1"):
        with pytest.raises(yaml.YAMLError): strict(wrong)


# --- what a reader must find

@lessons
def test_a_lesson_shows_the_code_that_it_teaches(name, site):
    "The source of every exported function, once, open, and no signature beside it"
    defined = [d.name for c in PAGES[name].nb.cells if docs_pages.exported(c) for d in docs_names.documented(docs_pages.python(c)) if d.kind in ("function", "class")]
    for one in defined:
        shows = [c for c in site[name] if c.cell_type == "code" and re.search(rf"^(def|class) {one}\b", code(c), re.M)]
        assert len(shows) == 1 and "code-fold" not in options(shows[0]) and options(shows[0]).get("echo", True), f"{one} is not shown"
    assert ".signature" not in prose(site[name])

def words(text):
    "Text without its links, anchors and marks, so that it can be looked for"
    text = re.sub(r'!\[\]\([^)]*\)\{fig-alt="([^"]*)"\}', r"\1", text)
    text = re.sub(r"\]\([^)\s]*\)(\{[^}]*\})?|\]\[[^\]]*\]|\{#[^}]*\}|[`\[\]!]", "", text)
    return re.sub(r"\s+", " ", text).strip()

@pages
def test_no_page_loses_a_word(name, site):
    "Every paragraph of the notebook stands on the page: the rest of the first cell as well, which nbdev drops"
    there = words("\n".join(c.source for c in site[name]))
    first, *rest = [c.source for c in PAGES[name].nb.cells if c.cell_type == "markdown"]
    said = [docs_pages.first_cell(first), *(docs_pages.MINUTES.sub("", t) for t in rest)]
    lost = [line for text in said for line in text.splitlines() if words(line) not in there and not re.search(r"https?:|src=", line)]
    assert lost == []
    assert words(PAGES[name].title) in there and words(PAGES[name].description) in there

@pages
def test_title_and_description(name, site):
    front = strict(site[name][0].source.strip("-"))
    assert len(front["description"]) >= 20, "one quoted line below the title: > ..."
    assert front["image"] == f"{settings()['doc_host']}{settings()['doc_baseurl']}/images/card.png" and (ROOT/"nbs/images/card.png").is_file()
    if PAGES[name].lesson: assert front["title"].startswith(f"{int(name[8:10])} · ")

@lessons
def test_a_lesson_begins_with_where_to_run_it(name, site):
    head, file = site[name][1].source, PAGES[name].path.name
    assert re.search(r"About \d+ minutes to read and try, \d+ more for the practice", head)
    for folder in ("nbs/lessons", "practice", "clean"):
        places = [a for _, a in links(site[name][1:2]) if f"{folder.removeprefix('nbs/')}/{file}" in a]
        assert ["colab" in places[0], "kaggle" in places[1], "/notebooks/" in places[2]] == [True]*3 and (ROOT/folder/file).is_file()

@lessons
def test_the_numbers_at_a_lessons_end_are_introduced(name, site):
    at, = [i for i, c in enumerate(site[name]) if c.cell_type == "code" and code(c).startswith("ends_with(")]
    before, cell = site[name][at - 1], site[name][at]
    assert options(cell).get("echo") is False and before.cell_type == "markdown" and before.source.rstrip().endswith(":")
    assert not [c for c in site[name] if c.source.strip() == "from course_lib.core import ends_with"]

@library
def test_a_module_documents_what_is_public(name, site):
    "Functions, classes and their public methods: a heading, a call without comments, words, a table for what is said of arguments"
    page, headed = PAGES[name], [t for _, t in headings(site[name])]
    entries = [d for c in page.nb.cells if docs_pages.exported(c) for d in docs_names.documented(docs_pages.python(c))]
    assert [t for t in headed if t.startswith("`") and "{#" in t] == [f"`{d.name}` {{#{d.name}}}" for d in entries]
    text = prose(site[name])
    for d in entries:
        assert d.kind == "property" or f"\n{d.signature}\n" in text
        assert not re.search(r"#|\bself\b|0x[0-9a-f]{6}|NoneType", d.signature)
    assert text.count("| Argument |") == sum(bool(d.arguments) for d in entries)
    assert f"`course_lib.{page.module}`" in site[name][1].source

@library
def test_a_modules_tests_are_folded(name, site):
    for cell in site[name]:
        if cell.cell_type == "code" and docs_pages.TEST.search(code(cell)): assert options(cell).get("code-fold") is True, cell.source
        if options(cell).get("code-summary") == "Test": assert not [d for d in data(cell) if not {*IMAGES} & {*d}]

@pages
def test_headings_do_not_skip(name, site):
    levels = [1, *(level for level, _ in headings(site[name]))]
    assert 1 not in levels[1:] and all(b <= a + 1 for a, b in zip(levels, levels[1:]))

@pages
def test_every_picture_has_words(name, site):
    for cell in site[name]:
        if any({*IMAGES} & {*d} for d in data(cell)): assert options(cell).get("fig-alt"), f"a figure without `#| fig-alt`: {cell.source}"
        for d in data(cell):            # a drawing that stands in the page itself
            for svg in re.findall(r"<svg\b.*?</svg>", d.get("text/markdown", ""), re.S):
                assert re.search(r'\A<svg[^>]*(aria-label="[^"]+|aria-hidden="true")|<title>\w', svg), svg[:200]
    bare = re.sub(docs_pages.FENCE, "", prose(site[name]))
    assert not re.search(r"!\[[^\]]*\]\([^)]*\)(?!\{fig-alt=\"\w)", bare) and all("alt=" in tag for tag in re.findall(r"<img [^>]*>", bare))


# --- where links lead

@pages
def test_links_lead_to_one_place(name, site, proc):
    "A page of the site and an anchor that is there once, or an address elsewhere; pictures lie beside the page"
    for said, address in links(site[name]):
        if re.match("https?:", address): continue
        page, _, anchor = address.partition("#")
        target = normpath(join(dirname(name), page)).removesuffix(".html") if page else name
        assert target in site, f"[{said}]({address})"
        if anchor: assert anchors(site[target]).count(anchor) == 1, f"[{said}]({address})"
    for address in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", prose(site[name])): assert (proc/dirname(name)/address).is_file(), address

@pages
def test_anchors_are_there_once(name, site):
    own = anchors(site[name])
    named = {m[1] for text in texts(site[name]) for m in re.finditer(r"\{#([^ }]+)", text)}
    assert [a for a in named if own.count(a) != 1] == []

@pages
def test_a_linked_name_is_the_name_it_leads_to(name, site):
    for said, address in links(site[name]):
        called = re.fullmatch(r"`([\w.]+?)(\(\))?`", said)
        if not called or re.match("https?:", address): continue
        page, _, anchor = address.partition("#")
        last = called[1].split(".")[-1]
        assert (anchor or page.split("/")[-1].removesuffix(".html")).split(".")[-1] == last
        assert not called[1].startswith("_") and (not page or PAGES[normpath(join(dirname(name), page)).removesuffix(".html")].module)

def test_which_names_lead_where():
    names = docs_names.Names()
    names.add("cli", "lib/cli.html", ["start", "lessons"])
    names.add("relu", "lessons/05_relu.html", ["start", "vowel"])
    names.add("model", "lib/model.html", ["spread", "BodyHead", "create_model"])
    names.add("learner", "lib/learner.html", ["Learner", "Learner.fit", "fit"])
    names.add("training", "lib/training.html", ["fit"])
    def leads(text, module=None, source="", prose=False, **kwargs):
        place = docs_names.Resolver(names, module, [source], prose)(text, **kwargs)
        return place and f"{place.page}#{place.anchor}"
    assert leads("start", "relu") == "lessons/05_relu.html#start" and leads("start", "cli") == "lib/cli.html#start"
    assert leads("start", "descent", "start = 1") is None and leads("start") is None                # a variable; two places
    assert leads("start", "descent", "from course_lib.cli import start") == "lib/cli.html#start"
    assert leads("start", "descent", "from course_lib.cli import start\ndef f(start): pass", prose=True) is None      # both: not known which
    assert leads("fit", "interpret", "from course_lib import training") == "lib/training.html#fit"
    assert leads("spread()") == "lib/model.html#spread" and leads("spread", "x", "def spread(a): pass") is None
    assert leads("spread", prose=True) is None and leads("create_model", prose=True) == "lib/model.html#create_model"
    assert leads("lessons", own={"lessons"}) is None                                               # an argument of what is described
    assert leads("_run") is None and leads("learner._fit") is None and leads("nothing_of_ours") is None and leads("print") is None
    assert leads("Learner.fit") == leads("learn.fit") == "lib/learner.html#Learner.fit" and leads("other.fit") is None
    assert leads("course_lib.model") == "lib/model.html#" and leads("course_lib.model.spread") == "lib/model.html#spread"
    assert leads("training", "learner", "from course_lib import training") == "lib/training.html#" and leads("training") is None


# --- nothing from elsewhere, nothing that Quarto would load something for

@pages
def test_nothing_comes_from_another_host(name, site):
    kinds = {k for c in site[name] for d in data(c) for k in d}
    assert kinds <= {"text/markdown", "text/plain", "stream", *IMAGES}, "Quarto loads require.js and jQuery for HTML and JavaScript outputs"
    shown = "\n".join([*texts(site[name]), *(d["text/markdown"] for c in site[name] for d in data(c) if "text/markdown" in d)])
    assert not re.search(r"""(?<![?&])(src|srcset|poster|data)=["']?(https?:)?//|!\[[^\]]*\]\(https?:|@import|url\(["']?(https?:)?//|<link|\bfetch\(|import\(""", shown)

def test_nor_in_the_projects_own_files():
    for file in docs.FILES:
        if not file.endswith(".png"): text = (docs_pages.NBS/file).read_text(encoding="utf-8"); assert not re.search(r"@import|url\(|src=|<link", text), file
    assert strict((docs_pages.NBS/"_quarto.yml").read_text(encoding="utf-8"))["format"]["html"]["html-math-method"] == "mathml"

def test_colours_have_contrast():
    "4.5 or more between every pair of text and ground, in both themes"
    def luminance(colour):
        parts = [int(colour[i:i + 2], 16)/255 for i in (1, 3, 5)]
        return sum(w*(p/12.92 if p <= 0.03928 else ((p + 0.055)/1.055)**2.4) for w, p in zip((0.2126, 0.7152, 0.0722), parts))
    def contrast(a, b): return (max(luminance(a), luminance(b)) + 0.05)/(min(luminance(a), luminance(b)) + 0.05)
    css = (docs_pages.NBS/"styles.css").read_text(encoding="utf-8")
    for theme in ("light", "dark"):
        c = dict(re.findall(r"^\$([\w-]+): (#\w{6});", (docs_pages.NBS/f"{theme}.scss").read_text(encoding="utf-8"), re.M))
        pairs = [(c[fg], c[bg]) for fg in ("body-color", "link-color") for bg in ("body-bg", "code-bg", "code-block-bg")]
        pairs += [(c["code-color"], c["code-bg"]), (c["code-color"], c["body-bg"]), (c["navbar-fg"], c["navbar-bg"])]
        tokens = re.findall(rf"^{r'.quarto-dark ' if theme == 'dark' else ''}main code\S+ span:is.* color: (#\w{{6}})", css, re.M)
        assert len(tokens) == 5
        assert [p for p in [*pairs, *((t, c["code-block-bg"]) for t in tokens)] if contrast(*p) < 4.5] == []


# --- the sidebar and the settings

def entries(contents): return [e for c in contents for e in ([c] if "href" in c else entries(c["contents"]))]

def test_sidebar_names_every_page_once(proc):
    contents = strict((proc/"sidebar.yml").read_text(encoding="utf-8"))["website"]["sidebar"]["contents"]
    listed = entries(contents)
    assert sorted(e["href"] for e in listed) == sorted(f"{n}.ipynb" for n in PAGES) and len({e["text"] for e in listed}) >= len(listed) - 2
    tops = [c.get("section", c.get("text")) for c in contents]
    assert tops == ["Home", "Lessons", "Practice and clean", "Library", "For study groups", "About the course"] and listed[0]["href"] == "index.ipynb"
    for entry in contents[1]["contents"]:
        page = PAGES[entry["href"].removesuffix(".ipynb")]
        assert entry["text"] == f"{page.number} · {page.title} ({page.minutes} min)"
    rooms = next(c for c in contents if c.get("section") == "Library")["contents"]
    assert [r["section"] for r in rooms] == [*docs_pages.ROOMS.values()]

def test_the_answers_are_no_pages(proc):
    assert not [p for p in proc.rglob("*") if "exercises" in p.relative_to(proc).parts] and {p.parent.name for p in proc.rglob("*.ipynb")} == {"_proc", *docs_pages.FOLDERS}

def test_docs_settings(checkout):
    before = {p.name: p.read_bytes() for p in (ROOT/"nbs").glob("*.yml")}
    r = run(sys.executable, "-c", "from nbdev.quarto import refresh_quarto_yml; refresh_quarto_yml()", cwd=checkout)
    assert r.returncode == 0, r.stdout
    assert {p.name: p.read_bytes() for p in (checkout/"nbs").glob("*.yml")} == before, "settings.ini changed: run that line, and commit nbs/nbdev.yml"

def test_links_to_the_site_itself_are_relative():
    html = '<a href="https://x.org/b/notebooks/a.ipynb">a</a> <meta content="https://x.org/b/images/card.png">'
    assert docs.to_itself(html, "lessons/04_descent.html", "https://x.org/b") == html.replace('href="https://x.org/b', 'href="..')
    assert docs.to_itself(html, "index.html", "https://x.org/b") == html.replace('href="https://x.org/b', 'href=".')


# --- the reading of sources and Markdown

def test_what_is_said_of_a_function():
    source = '''class A:
    "What it is"
    def __init__(self, x,       # the number
        y=1e-3, *rest, k: int = 2, **kw):   # `k`: how many
        pass
    def go(self, a, b=None): "Does `it`"
    @property
    def size(self): "How big"
    def _hidden(self): pass
    save = go

def f(a, b,         # two sides, in pixels
    c="x # y"): return a

def _private(): pass'''
    a, go, size, f = docs_names.documented(source)
    assert (a.signature, a.doc) == ("A(x, y=1e-3, *rest, k: int = 2, **kw)", "What it is")
    assert a.arguments == [("`x`", "", "the number"), ("`k`", "`2`", "how many")]
    assert (go.signature, go.doc) == ("A.go(a, b=None)", "Does `it`. `save` is another name for it.") and size.kind == "property"
    assert f.signature == 'f(a, b, c="x # y")' and f.arguments == [("`a`, `b`", "", "two sides, in pixels")]

def test_a_docstring_is_shown_as_it_is():
    assert docs_pages.literal("*a* of `b*c` @d") == r"\*a\* of `b*c` \@d"

def test_anchors_are_pandocs():
    heads = ["What is `x`, then?", "3 steps: a_b-c", "A [link](b.html) there", "Don't. Stop!"]
    slugs = ["what-is-x-then", "steps-a_b-c", "a-link-there", "dont.-stop"]
    assert [docs_pages.slug(h) for h in heads] == slugs
    if not shutil.which("pandoc"): pytest.skip("there is no pandoc here to compare with")
    html = run("pandoc", "-f", "markdown", "-t", "html", input="\n\n".join(f"## {h}" for h in heads), stdin=None).stdout
    assert re.findall(r'id="([^"]+)"', html) == slugs


def small_page(*sources, folder="lib", **kwargs):
    "The cells that Quarto gets of a page made here: Markdown, or code where it begins with #|"
    cells = [(nbformat.v4.new_code_cell if s.startswith("#|") else nbformat.v4.new_markdown_cell)(s) for s in sources]
    page = docs_pages.Page(docs_pages.NBS/folder/"00_new.ipynb", nbformat.v4.new_notebook(cells=cells), folder, f"{folder}/new")
    return docs_pages.processed(page, [page], docs_pages.all_names([page]), settings())[0].cells

def test_the_first_cell_is_kept():
    cells = small_page("# new\n\n> What: it is.\n\nMore of it, see `f`.", '#| default_exp new\n#| export\ndef f(a): "Does"')
    assert strict(cells[0].source.strip("-"))["description"] == "What: it is."
    assert [c.source for c in cells[2:5]] == ["More of it, see [`f`](#f).", "## `f` {#f}\n\n``` {.python .signature}\nf(a)\n```\n\nDoes",
                                              '#| code-fold: true\n#| code-summary: "Source: f"\ndef f(a): "Does"']

def test_only_the_head_of_a_cell_is_read_as_options():
    cells = small_page("# new\n\n> It is new.", '#| default_exp new\n\nx = """\n#| hide\n#| fig-alt: no: no\n"""')
    assert cells[-1].source == 'x = """\n#| hide\n#| fig-alt: no: no\n"""'

def test_badges_become_words_and_headings_give_way():
    text = "# new\n\n> It is new.\n\n[![Open it](https://x.org/b.svg)](https://x.org/a)\n\n## F\n\nText"
    cells = small_page(text, '#| default_exp new\n#| export\ndef f(a): "Does"')
    assert cells[2].source == "[Open it](https://x.org/a)\n\n## F {#about-f}\n\nText" and anchors(cells) == ["about-f", "f"]


# --- with Quarto: the site, and a walk through it

class Html(HTMLParser):
    "The addresses and the anchors of a page"
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if a.get("id"): self.ids.append(a["id"])
        if tag == "a" and a.get("href"): self.links.append(a["href"])
        if tag in ("img", "script", "iframe", "source", "video") and a.get("src"): self.loads.append(a["src"])
        if tag == "link" and a.get("rel") in ("stylesheet", "icon", "preload") and a.get("href"): self.loads.append(a["href"])


def crawl(folder):
    "What is wrong with the pages of a built site: `[(page, what)]`"
    parsed = {p.relative_to(folder).as_posix(): Html(p.read_text(encoding="utf-8")) for p in folder.rglob("*.html")}
    wrong = []
    for page, html in parsed.items():
        wrong += [(page, f"loads {a}") for a in html.loads if re.match(r"(https?:)?//", a)]
        for address in [*html.links, *html.loads]:
            if re.match(r"[a-z]+:|//", address): continue
            path, _, anchor = address.split("?")[0].partition("#")
            target = normpath(join(dirname(page), path)) if path else page
            if (folder/target).is_dir(): target = normpath(join(target, "index.html"))
            if not (folder/target).is_file(): wrong.append((page, f"no file: {address}"))
            elif anchor and target in parsed and anchor not in parsed[target].ids: wrong.append((page, f"no anchor: {address}"))
    return wrong

def test_walking_through_a_site(tmp_path):
    (tmp_path/"a").mkdir()
    (tmp_path/"index.html").write_text('<a href="a/b.html#x">1</a><a href="a/b.html#y">2</a><a href="c.html">3</a><a href="https://x.org">4</a>', encoding="utf-8")
    (tmp_path/"a/b.html").write_text('<h2 id="x">x</h2><a href="../index.html">1</a><img src="//x.org/a.png"><a href="#x">2</a>', encoding="utf-8")
    assert crawl(tmp_path) == [("index.html", "no anchor: a/b.html#y"), ("index.html", "no file: c.html"), ("a/b.html", "loads //x.org/a.png")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    if os.environ.get("COURSE_SITE"): return ROOT/os.environ["COURSE_SITE"]
    if not shutil.which("quarto"): pytest.skip("Quarto is not installed: the docs site was not built")
    top = copy_of_the_sources(tmp_path_factory.mktemp("built"))
    for name in ("scripts", "practice", "clean", "course_lib"): shutil.copytree(ROOT/name, top/name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", *(p.name for p in ROOT.glob("*.md")), *(p.name for p in ROOT.glob("*.cff"))): shutil.copy(ROOT/name, top)
    r = run(sys.executable, "scripts/docs.py", cwd=top, timeout=1200)
    assert r.returncode == 0, r.stdout
    return top/settings()["doc_path"]

@pytest.mark.long
def test_the_built_site_has_every_page_and_no_broken_link(built):
    assert {f"{n}.html" for n in PAGES} <= {p.relative_to(built).as_posix() for p in built.rglob("*.html")}
    assert crawl(built) == []

@contextmanager
def served(folder):
    "The address of a small server of the files in `folder`"
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args): pass
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try: yield f"http://127.0.0.1:{server.server_port}"
        finally: server.shutdown()

def complaints(folder, names, chromium):
    "What Chromium says of the pages `names` on a telephone: `[(page, what)]`, errors, requests to another host, and a page that is too wide"
    from playwright.sync_api import sync_playwright
    wrong = []
    with served(folder) as address, sync_playwright() as p, p.chromium.launch(executable_path=chromium, args=FLAGS) as browser:
        page = browser.new_page(viewport=dict(width=390, height=800))
        page.on("console", lambda m: m.type == "error" and wrong.append((name, m.text)))
        page.on("pageerror", lambda e: wrong.append((name, str(e))))
        page.on("request", lambda r: r.url.startswith((address, "data:", "blob:")) or wrong.append((name, r.url)))
        for name in names:
            page.goto(f"{address}/{name}.html")
            page.wait_for_timeout(200)
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"): wrong.append((name, "wider than the window"))
    return wrong

@pytest.mark.long
def test_the_built_site_in_a_browser(built, need): assert complaints(built, PAGES, need("browser")) == []

@pytest.mark.long
def test_asking_a_browser(tmp_path, need):
    (tmp_path/"a.html").write_text('<link rel="icon" href="data:,"><p>fine</p>', encoding="utf-8")
    (tmp_path/"b.html").write_text('<link rel="icon" href="data:,"><p style="width:900px">x</p><script>nothing.here</script>', encoding="utf-8")
    assert complaints(tmp_path, ["a", "b"], need("browser")) == [("b", "nothing is not defined"), ("b", "wider than the window")]
