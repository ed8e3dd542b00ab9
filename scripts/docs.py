"""The docs site (`make docs`): notebooks into pages in _proc/, those into HTML by Quarto, in _docs/.

Without Quarto it stops after the pages, with one sentence. Nothing else of the project is written.
"""
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from os.path import relpath
from pathlib import Path

import nbformat
import yaml
from docs_pages import NBS, ROOMS, ROOT, all_names, pages, processed

QUARTO = "1.7.34"
FILES = "_quarto.yml", "nbdev.yml", "styles.css", "light.scss", "dark.scss", "after-body.html", "images/card.png", "images/favicon.png"


def settings():
    config = ConfigParser(delimiters=["="])
    config.read(ROOT/"settings.ini", encoding="utf-8")
    return config["DEFAULT"]


def sidebar(pages):
    "The sidebar, from the pages' own titles and minutes"
    def entry(page):
        minutes = f" ({page.minutes} min)" if page.minutes else ""
        return dict(text=page.heading + minutes, href=f"{page.name}.ipynb")
    def some(folder): return [entry(p) for p in pages if p.folder == folder]
    tops = {p.name: entry(p) for p in pages if not p.folder}
    rooms = [dict(section=title, contents=some(folder)) for folder, title in ROOMS.items()]
    contents = [dict(text="Home", href="index.ipynb"), dict(section="Lessons", contents=some("lessons"))]
    contents += [tops["practice"], dict(section="Library", contents=rooms), tops["groups"], tops["about"]]
    return dict(website=dict(sidebar=dict(contents=contents)))


def process(to):
    "Writes what Quarto needs into the folder `to`, anew: the pages"
    shutil.rmtree(to, ignore_errors=True)
    found, config = pages(), settings()
    names = all_names(found)
    (to/"images").mkdir(parents=True)
    for file in FILES: shutil.copy(NBS/file, to/file)
    for page in found:
        nb, images = processed(page, found, names, config)
        file = to/f"{page.name}.ipynb"
        file.parent.mkdir(exist_ok=True)
        nbformat.write(nb, file)
        for source, where in images.items(): shutil.copy(source, to/where)
    text = yaml.safe_dump(sidebar(found), allow_unicode=True, sort_keys=False, width=1000)
    (to/"sidebar.yml").write_text(text, encoding="utf-8")
    return found


def render(proc, docs):
    "Quarto's part, and the notebooks beside the pages that offer them"
    quarto = shutil.which("quarto")
    if not quarto:
        sys.exit(f"The pages are in {proc.name}/. Install Quarto {QUARTO} from https://quarto.org/docs/download/ "
                 "and run this again: it makes the site of them.")
    version = subprocess.run([quarto, "--version"], capture_output=True, text=True).stdout.strip()
    if version != QUARTO: print(f"This is Quarto {version}; the pages are made for {QUARTO}, so look at them.")
    subprocess.run([quarto, "render", "--no-cache"], cwd=proc, check=True)
    shutil.rmtree(docs, ignore_errors=True)
    shutil.move(proc/docs.name, docs)
    for name, folder in (("lessons", NBS/"lessons"), ("practice", ROOT/"practice"), ("clean", ROOT/"clean")):
        shutil.copytree(folder, docs/"notebooks"/name, ignore=shutil.ignore_patterns(".*"))


def to_itself(html, page, site):
    "Links of a page that name the site's own address lead there wherever the site stands"
    up = relpath(".", Path(page).parent).replace("\\", "/")
    return re.sub(rf'href="{re.escape(site)}(/|")', lambda m: f'href="{up}/' if m[1] == "/" else f'href="{up}/index.html"', html)


if __name__ == "__main__":
    config = settings()
    docs = ROOT/config["doc_path"]
    process(ROOT/"_proc")
    render(ROOT/"_proc", docs)
    for page in docs.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(to_itself(text, page.relative_to(docs), config["doc_host"] + config["doc_baseurl"]), encoding="utf-8")
    print(docs)
