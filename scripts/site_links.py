"""On the docs site there are no practice notebooks: links of the lessons lead to those on GitHub. After `nbdev_docs` (`make docs`)."""
import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def to_github(html, address):
    "A page of the site whose links to practice notebooks lead to `address`"
    return re.sub(r'href="(?:\.\./)+practice/(\w+)\.(?:ipynb|html)"', rf'href="{address}/practice/\1.ipynb"', html)


if __name__ == "__main__":
    config = ConfigParser(delimiters=["="])
    config.read(ROOT/"settings.ini", encoding="utf-8")
    settings = config["DEFAULT"]
    for page in (ROOT/settings["doc_path"]/"lessons").glob("*.html"):
        html = page.read_text(encoding="utf-8")
        page.write_text(to_github(html, f"{settings['git_url']}/blob/{settings['branch']}"), encoding="utf-8")
