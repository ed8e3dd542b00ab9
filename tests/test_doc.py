"`doc` knows where the docs page and the source line of everything public are."
import re
from importlib import import_module

import pytest
from conftest import ROOT, settings
from course_lib.core import doc
from docs_pages import all_names, pages
from test_layout import MODULES


@pytest.fixture(scope="module")
def places(): return all_names(pages())

@pytest.mark.parametrize("name", MODULES)
def test_links_of_everything_public(name, capsys, places):
    module = import_module(f"course_lib.{name}")
    functions = [getattr(module, n) for n in module.__all__ if callable(getattr(module, n))]
    assert functions
    for fn in functions:
        doc(fn)
        page, source = re.search(r"^docs: (\S+)\nsource: (\S+)$", capsys.readouterr().out, re.M).groups()
        file, line = re.fullmatch(re.escape(settings()["git_url"]) + r"/blob/main/(\S+)#L(\d+)", source).groups()
        assert re.match(rf"(@[^\n]*\n)?(def|class) {fn.__name__}\b", "".join((ROOT/file).read_text(encoding="utf-8").splitlines(True)[int(line) - 1:]).lstrip())
        place = places.of_module(fn.__name__, name)
        assert page == f"https://{settings()['user']}.github.io/course_lib/{place.page}#{place.anchor}"
