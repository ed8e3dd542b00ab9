"The workbook of lesson 11: LibreOffice calculates every formula anew, and gets what was written with it and what PyTorch gets; Excel's rules are kept."
import io
import re
import subprocess
import zipfile
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib import sheet
from course_lib.pictures.passengers import get_table, passengers
from course_lib.sheet import FIRST, NAMES, RATE, STEPS, descent, linear, net, numbers, workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
PAGES = ["start", "data", "linear", "net", "matrix", "descent", "descent_net", "answers"]

def column_number(letters):
    "A is 1, AA is 27"
    return sum((ord(c) - 64)*26**i for i, c in enumerate(reversed(letters)))

def in_area(ref):
    "The places of an area such as A1:B9: `{(column, row)}`"
    (a, b), (c, d) = (re.match(r"([A-Z]+)(\d+)", corner).groups() for corner in ref.split(":")) if ":" in ref else 2*[re.match(r"([A-Z]+)(\d+)", ref).groups()]
    return {(i, j) for i in range(column_number(a), column_number(c) + 1) for j in range(int(b), int(d) + 1)}

def place(cell): return column_number(re.match("[A-Z]+", cell)[0]), int(re.search(r"\d+", cell)[0])

def read(raw):
    "Every cell of a workbook that has a value: `{page: {cell: (formula or None, value, type)}}`; the cells of an array formula share it"
    with zipfile.ZipFile(io.BytesIO(raw)) as z:
        names = [s.get("name") for s in ElementTree.fromstring(z.read("xl/workbook.xml")).iter(f"{MAIN}sheet")]
        trees = [ElementTree.fromstring(z.read(f"xl/worksheets/sheet{i + 1}.xml")) for i in range(len(names))]
    res = {}
    for name, tree in zip(names, trees):
        cells, arrays = {}, {}
        for c in tree.iter(f"{MAIN}c"):
            f, v = c.find(f"{MAIN}f"), c.find(f"{MAIN}v")
            if v is None: continue
            value = float(v.text) if c.get("t", "n") == "n" else v.text
            cells[c.get("r")] = (None if f is None else f.text, value, c.get("t", "n"))
            if f is not None and f.get("t") == "array": arrays |= dict.fromkeys(in_area(f.get("ref")), f.text)
        res[name] = {r: (arrays.get(place(r), f), value, kind) for r, (f, value, kind) in cells.items()}
    return res

def changed(raw, change, pages=range(1, 9)):
    "The workbook with the text of its pages changed"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            if name in {f"xl/worksheets/sheet{i}.xml" for i in pages}: text = change(text.decode()).encode()
            new.writestr(name, text)
    return out.getvalue()

def spoiled(raw):
    "The same formulas with wrong values, 777 everywhere: who shows another number has calculated it"
    def spoil(text):
        arrays = set().union(*map(in_area, re.findall(r'<f t="array" ref="([A-Z0-9:]+)"', text)))
        text = re.sub(r"</f><v>[^<]*</v>", "</f><v>777</v>", text)
        return re.sub(r'(<c r="([A-Z]+\d+)"[^>]*>)<v>[^<]*</v>', lambda m: f"{m[1]}<v>777</v>" if place(m[2]) in arrays else m[0], text)
    return changed(raw, spoil)

def with_cell(raw, page, cell, x):
    "The workbook with another number in one cell that holds a number"
    def write(text):
        text, n = re.subn(rf'(<c r="{cell}"[^>]*>)(?:<f>[^<]*</f>)?<v>[^<]*</v>', rf"\g<1><v>{x}</v>", text)
        assert n == 1, (page, cell)
        return text
    return changed(raw, write, [PAGES.index(page) + 1])

ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>"""

class Office:
    "LibreOffice without a window, in a user folder of its own, that calculates whatever it loads"
    def __init__(self, program, folder):
        self.program, self.folder, self.user = program, folder, folder/"office/user"
        self.user.mkdir(parents=True)
        (self.user/"registrymodifications.xcu").write_text(ALWAYS)

    def run(self, *args):
        cmd = [self.program, "--headless", "--norestore", f"-env:UserInstallation={self.user.parent.as_uri()}", *map(str, args)]
        r = subprocess.run(cmd, capture_output=True, text=True, timeout=300)
        assert r.returncode == 0, r.stderr

    def calculated(self, **books):
        "Workbooks as LibreOffice saves them: `{name: cells}`"
        (out := self.folder/"out").mkdir(exist_ok=True)
        for name, raw in books.items(): (self.folder/f"{name}.xlsx").write_bytes(raw)
        self.run("--convert-to", "xlsx", "--outdir", out, *(self.folder/f"{name}.xlsx" for name in books))
        return {name: read((out/f"{name}.xlsx").read_bytes()) for name in books}

    def basic(self, body):
        "Runs a macro; LibreOffice must have run once before, so that its user folder is there"
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {0} PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "{1}.dtd">\n'
        folder = self.user/"basic/Standard"
        folder.mkdir(parents=True, exist_ok=True)
        (folder/"script.xlb").write_text(head.format("library:library", "library") + '<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard" '
                                         'library:readonly="false" library:passwordprotected="false"><library:element library:name="Module1"/></library:library>')
        (folder/"Module1.xba").write_text(head.format("script:module", "module") + '<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" '
                                          f'script:language="StarBasic">\nSub Job\n{body}\nStarDesktop.terminate()\nEnd Sub\n</script:module>')
        self.run("macro:///Standard.Module1.Job")

@cache
def drawn(): return passengers(), workbook(passengers())

@pytest.fixture(scope="module")
def office(need_module, tmp_path_factory):
    return Office(need_module("libreoffice"), tmp_path_factory.mktemp("office"))

def differences(written, now):
    "How far each cell with a formula is from what was written with it: `{(page, cell): distance}`, infinite for errors and other texts"
    res = {}
    for page, cells in written.items():
        for cell, (formula, value, kind) in cells.items():
            if formula is None: continue
            _, other, other_kind = now[page].get(cell, (None, None, "nothing"))
            if isinstance(value, str) or isinstance(other, str) or other is None: res[page, cell] = 0 if value == other else np.inf
            else: res[page, cell] = abs(value - other)
    return res

def column(cells, letters, n): return np.array([cells[f"{letters}{row}"][1] for row in range(FIRST, FIRST + n)])

def hostile():
    "A table that tries to be more than numbers"
    df = passengers(60, seed=3)
    names = ["=1+1", "=HYPERLINK(\"http://example.org\")", "@SUM(A1)", "+1", "-1", "{=1}", "http://example.org", "'", "\"", "<v>1</v>", "&amp;", "_x0041_", "a\x01b\x0bc", "Zoë 😀", " ", "x"*40_000]
    df.loc[range(len(names)), "Name"] = names
    df.loc[[3, 4], "Fare"] = [np.nan, 1e6]
    df["PassengerId"] = [f"P{i}" for i in df.PassengerId]
    return df

# --- every formula

@pytest.mark.long
def test_libreoffice_gets_what_was_written(office):
    "Each value was made wrong before; no cell is left out, none shows an error"
    books = dict(drawn=drawn()[1], hostile=workbook(hostile()), few=workbook(passengers(10, seed=1)))
    now = office.calculated(**{name: spoiled(raw) for name, raw in books.items()})
    for name, raw in books.items():
        far = differences(read(raw), now[name])
        assert {page for page, _ in far} == {*PAGES} - {"answers"} and len(far) > 500 and (name != "drawn" or len(far) > 50_000)
        assert max(far.values()) < 1e-6, [cell for cell in far if far[cell] >= 1e-6][:9]

@pytest.mark.long
def test_the_real_table(office, need, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(need("data")))
    raw = workbook(get_table("titanic"))
    far = differences(read(raw), office.calculated(titanic=spoiled(raw))["titanic"])
    assert len(far) > 50_000 and max(far.values()) < 1e-6

@pytest.mark.long
def test_a_broken_formula_is_noticed(office):
    "The comparison itself: a wrong formula, one that errs, and values that nobody calculated"
    raw = workbook(passengers(40))
    books = dict(wrong=changed(raw, lambda text: text.replace("1/(1+EXP(MIN(700,-M12)))", "1/(1+EXP(M12+1))"), [3]), errs=changed(raw, lambda text: text.replace("<f>D5-$N$7*D6</f>", "<f>D5-NOTHING(D6)</f>"), [3]))
    now = office.calculated(**{name: spoiled(book) for name, book in books.items()})
    assert 0.2 < differences(read(raw), now["wrong"])["linear", "N12"] < 1
    assert differences(read(raw), now["errs"])["linear", "D7"] == np.inf
    assert min(differences(read(raw), read(spoiled(raw))).values()) > 1

# --- PyTorch

def by_torch(df):
    "What lesson 11 calculates, in the order of the workbook's rows: columns, targets, which rows teach, start values"
    from course_lib.tables import column_stats, prepare, split_rows, start_hidden
    train, valid = split_rows(len(df))
    table = df.iloc[sorted(train) + sorted(valid)]
    return prepare(table, column_stats(df.iloc[train])), torch.tensor(table.Survived.to_numpy(float)), len(train), start_hidden(len(NAMES), 2)

def steps(loss, params, steps):
    "Losses and knobs of plain descent by autograd"
    for p in params: p.requires_grad_()
    path = []
    for _ in range(steps + 1):
        value = loss(*params)
        grads = torch.autograd.grad(value, params)
        path.append((value.item(), [p.detach().clone() for p in params], grads))
        with torch.no_grad():
            for p, g in zip(params, grads): p -= RATE*g
    return path

@pytest.mark.long
def test_pytorch_gets_the_same(office):
    "Columns, sums, chances, surprises, slopes, thirty steps: from LibreOffice's numbers, in float64"
    df, raw = drawn()
    now = office.calculated(drawn=spoiled(raw))["drawn"]
    X, y, n, (w1, w2, b) = by_torch(df)
    def close(cells, letters, values): assert np.abs(column(cells, letters, len(df)) - values.detach().numpy()).max() < 1e-6
    for i, letters in enumerate("OPQRSTUVW"): close(now["data"], letters, X[:, i])
    bce = F.binary_cross_entropy_with_logits
    line = steps(lambda w: bce(X[:n]@w, y[:n]), [torch.zeros(9, dtype=torch.float64)], STEPS)
    bent = steps(lambda w1, w2, b: bce((X[:n]@w1).relu()@w2 + b, y[:n]), [p.clone() for p in (w1, w2, b)], STEPS)
    sums = X@w1
    z = sums.relu()@w2 + b
    for i, letters in enumerate("MN"): close(now["net"], letters, sums[:, i])
    for letters, values in dict(Q=z, R=z.sigmoid(), S=bce(z, y, reduction="none")).items(): close(now["net"], letters, values)
    for letters, values in dict(I=z, J=z.sigmoid()).items(): close(now["matrix"], letters, values)
    def row(page, first, number, k): return [now[page][f"{c}{number}"][1] for c in letters_from(first, k)]
    assert np.allclose(row("linear", "D", 6, 9), line[0][2][0], atol=1e-6) and np.allclose(row("linear", "D", 7, 9), line[1][1][0], atol=1e-6)
    g1, g2, gb = bent[0][2]
    assert np.allclose([row("net", "D", 7, 9), row("net", "D", 8, 9)], g1.T, atol=1e-6) and np.allclose(row("net", "O", 7, 3), [*g2, gb], atol=1e-6)
    for i, (loss, (w,), _) in enumerate(line): assert np.allclose([now["descent"][f"B{FIRST + i}"][1], *row("descent", "G", FIRST + i, 9)], [loss, *w], atol=1e-6)
    for i, (loss, (a, v, c), _) in enumerate(bent):
        assert np.allclose([now["descent_net"][f"B{FIRST + i}"][1], *row("descent_net", "G", FIRST + i, 21)], [loss, *a.T.flatten(), *v, c], atol=1e-6)

def letters_from(first, k):
    "So many columns from one on"
    from xlsxwriter.utility import xl_col_to_name
    return [xl_col_to_name(column_number(first) - 1 + i) for i in range(k)]

# --- what a learner does

@pytest.mark.long
def test_a_changed_cell_moves_everything(office):
    "Another knob, another rate, fewer training rows, and the leak"
    df, raw = passengers(120), workbook(passengers(120))
    m = numbers(df)
    books = dict(knob=with_cell(raw, "linear", "D5", -2), rate=with_cell(raw, "net", "S7", 0.25), fewer=with_cell(raw, "data", "C4", 30), leak=with_cell(raw, "data", "C5", 120), far=with_cell(with_cell(raw, "linear", "D5", -1000), "net", "O5", 1e6))
    now = office.calculated(**{name: spoiled(book) for name, book in books.items()})
    w = m.start + -2*np.eye(9)[0]
    good, _, _ = descent(linear, m.X, m.y, m.train, w, RATE, STEPS)
    cells = now["knob"]
    assert np.allclose(column(cells["linear"], "M", 120), m.X@w, atol=1e-6) and np.allclose(column(cells["matrix"], "B", 120), m.X@w, atol=1e-6)
    assert np.allclose([[cells["descent"][f"{c}{FIRST + i}"][1] for c in "BCDE"] for i in range(STEPS + 1)], good, atol=1e-6)
    good, _, _ = descent(net, m.X, m.y, m.train, m.start_net, 0.25, STEPS)
    assert np.allclose([now["rate"]["descent_net"][f"{c}{FIRST + STEPS}"][1] for c in "BCDE"], good[-1], atol=1e-6)
    age = m.table.Age[:30]
    assert np.isclose(now["fewer"]["data"]["S5"][1], age.median()) and np.isclose(now["fewer"]["data"]["S6"][1], age.fillna(age.median()).mean())
    assert now["fewer"]["data"]["C6"][1] == 90 and now["fewer"]["linear"]["C42"][1] == 0
    assert np.isclose(now["leak"]["data"]["S6"][1], m.table.Age.fillna(m.table.Age.median()).mean()) and now["leak"]["linear"]["C107"][1] == 1
    assert now["far"]["linear"]["N5"][1] > 100, "and no error, however far a knob is turned"
    for book in now.values(): assert not [cell for cells in book.values() for cell, (_, _, kind) in cells.items() if kind == "e"]

@pytest.mark.long
def test_a_copied_row_takes_a_step(office):
    "As a learner does it, by the fill handle on one page, by copy and paste on the other, row after row"
    df, raw = passengers(120), workbook(passengers(120))
    m, last, more = numbers(df), FIRST + STEPS - 1, 15
    book, done = office.folder/"copied.xlsx", office.folder/"done.xlsx"
    book.write_bytes(raw)
    office.calculated(any=raw)
    office.basic(f"""Dim opts(0) As New com.sun.star.beans.PropertyValue
opts(0).Name = "Hidden"
opts(0).Value = True
doc = StarDesktop.loadComponentFromURL("{book.as_uri()}", "_blank", 0, opts())
doc.Sheets.getByName("descent").getCellRangeByPosition(0, {last}, 25, {last + more}).fillAuto(0, 1)
page = doc.Sheets.getByName("descent_net")
row = page.getCellRangeByPosition(0, {last}, 49, {last}).getRangeAddress()
For i = {last + 1} To {last + more}
page.copyRange(page.getCellByPosition(0, i).getCellAddress(), row)
Next i
doc.calculateAll()
opts(0).Name = "FilterName"
opts(0).Value = "Calc MS Excel 2007 XML"
doc.storeToURL("{done.as_uri()}", opts())
doc.close(True)""")
    now = read(done.read_bytes())
    for i, (page, model, w) in enumerate([("descent", linear, m.start), ("descent_net", net, m.start_net)]):
        good, _, _ = descent(model, m.X, m.y, m.train, w, RATE, STEPS + more)
        assert np.allclose([[now[page][f"{c}{FIRST + i}"][1] for c in "ABCDE"] for i in range(STEPS + more + 1)], [[i, *g] for i, g in enumerate(good)], atol=1e-6)
        assert now["start"][f"C{17 + 2*i}"][1].endswith(f"after step {STEPS + more}"), "the first page speaks of the last row"
        assert np.isclose(now["start"][f"D{17 + 2*i}"][1], good[-1, 0])

def test_what_happens_happens():
    "The answers on the last page"
    answers = " ".join(told for _, _, told in sheet.TRY)
    m, step = numbers(drawn()[0]), 71
    def walk(model, start, lr=RATE, steps=STEPS, train=m.train): return descent(model, m.X, m.y, train, start, lr, steps)[0]
    line = walk(linear, m.start)
    assert walk(linear, -2*np.eye(9)[0])[0, 0] < line[0, 0]
    assert (np.diff(walk(linear, m.start, steps=50)[:, 0], 2)[30:] > 0).all() and (np.diff(walk(linear, m.start, steps=50)[:, 0]) < 0).all()
    slow, fast, wild = (walk(linear, m.start, lr)[:, 0] for lr in (0.1, 3, 30))
    assert slow[-1] > line[-1, 0] > fast[-1] and (np.diff(slow) < 0).all() and (np.diff(wild) > 0).any() and wild[1:].min() > line[0, 0]
    long, bent = walk(linear, m.start, steps=100)[:, 0], walk(net, m.start_net, steps=100)[:, 0]
    assert f"from step {step} on" in answers and bent[step - 1] > long[step - 1] and (bent[step:] < long[step:]).all()
    few = walk(linear, m.start, train=(np.arange(len(m.y)) < 40)*1.)
    assert few[-1, 0] < line[-1, 0] and few[-1, 1] > line[-1, 1]
    same = np.concatenate([np.tile(m.start_net[:9], 2), [0.3, 0.3, 0]])
    _, path, _ = descent(net, m.X, m.y, m.train, same, RATE, STEPS)
    assert (path[:, :9] == path[:, 9:18]).all() and (path[:, 18] == path[:, 19]).all()

# --- Excel's rules, without LibreOffice

OLD = set("ABS AVERAGE EXP IF INDEX LN LOOKUP MAX MEDIAN MMULT ROWS MIN STDEV SUM SUMPRODUCT TANH TRANSPOSE".split())     # all of Excel 97

def all_formulas(raw): return {(page, cell): f for page, cells in read(raw).items() for cell, (f, _, _) in cells.items() if f}

def test_formulas_are_such_as_every_version_knows():
    for raw in (drawn()[1], workbook(hostile())):
        every = all_formulas(raw)
        assert {name for f in every.values() for name in re.findall(r"([A-Z][A-Z.0-9]*)\(", f)} <= OLD
        assert max(map(len, every.values())) < 8192 and not [f for f in every.values() if re.search(r"_xl|@|\[|#", f)]
        with zipfile.ZipFile(io.BytesIO(raw)) as z:
            text = "".join(z.read(n).decode() for n in z.namelist() if "worksheets/sheet" in n and "_rels" not in n)
        assert not re.findall(r'<c [^>]*\bcm="', text) and 'fullCalcOnLoad="1"' in zipfile.ZipFile(io.BytesIO(raw)).read("xl/workbook.xml").decode()
        assert "<mergeCell" not in text and "<tablePart" not in text

def outside(formula, calls):
    "A formula without what stands inside some functions"
    depth, res, hidden = 0, "", []
    for part in re.findall(r"[A-Za-z_][\w.]*\(|\(|\)|[^()A-Za-z_]+|[A-Za-z_][\w.]*", formula):
        if part.endswith("("):
            depth += 1
            if part[:-1] in calls: hidden.append(depth)
        if not hidden: res += part
        if part == ")":
            if hidden and hidden[-1] == depth: hidden.pop()
            depth -= 1
    return res

def test_nothing_gets_an_at_sign():
    "Excel shows `@` where an old formula takes one cell of many: areas and their names stand only inside functions that want areas"
    assert outside("A1+SUM(B1:B2*(C1:C2))/ROWS(X)-Y", {"SUM", "ROWS"}) == "A1+/-Y"
    takes = {"SUMPRODUCT", "SUM", "ROWS", "MEDIAN", "AVERAGE", "STDEV", "LOOKUP", "MAX"}
    names = {*map(str.lower, NAMES), "survived", "train", "sex", "x"}
    for (page, cell), f in all_formulas(drawn()[1]).items():
        if page == "matrix" and ("MMULT" in f or "TRANSPOSE" in f or ">0)" in f): continue        # array formulas
        rest = outside(re.sub('"[^"]*"', "", f), takes)
        assert ":" not in rest and not names & set(re.findall(r"\b[a-z_]\w*", rest.lower())), (page, cell, f)

def test_array_formulas_stand_where_they_are_needed():
    raw = drawn()[1]
    with zipfile.ZipFile(io.BytesIO(raw)) as z:
        found = {page: re.findall(r'<f t="array" ref="([^"]+)">([^<]+)', z.read(f"xl/worksheets/sheet{i + 1}.xml").decode()) for i, page in enumerate(PAGES)}
    assert {page for page, some in found.items() if some} == {"matrix"} and len(found["matrix"]) == 10
    taken = [cell for ref, _ in found["matrix"] for cell in in_area(ref)]
    assert len(taken) == len(set(taken)), "they overlap"

def test_the_parts_of_the_file_fit_together():
    "Relationships lead to parts, each part has a type, nothing leads outside; names and texts keep Excel's limits"
    for raw in (drawn()[1], workbook(hostile())):
        z = zipfile.ZipFile(io.BytesIO(raw))
        parts, types = set(z.namelist()), ElementTree.fromstring(z.read("[Content_Types].xml"))
        named = {t.get("PartName")[1:] for t in types if t.get("PartName")}
        defaults = {t.get("Extension") for t in types if t.get("Extension")}
        assert named <= parts and {p.rsplit(".")[-1] for p in parts - named} <= defaults | {"xml"} and len(parts) == len(z.namelist())
        for part in parts:
            ElementTree.fromstring(z.read(part))
            if not part.endswith(".rels"): continue
            base = part.replace("_rels/", "").rsplit("/", 1)[0] if "/" in part.replace("_rels/", "") else ""
            for rel in ElementTree.fromstring(z.read(part)):
                assert rel.get("TargetMode") is None, rel.attrib
                target = rel.get("Target")
                path = target[1:] if target.startswith("/") else re.sub(r"[^/]+/\.\./", "", f"{base}/{target}".lstrip("/"))
                assert path in parts, (part, target)
        book = ElementTree.fromstring(z.read("xl/workbook.xml"))
        sheets = [s.get("name") for s in book.iter(f"{MAIN}sheet")]
        assert sheets == PAGES and all(len(s) <= 31 and not re.search(r"[\[\]:*?/\\']", s) for s in sheets)
        names = [d.get("name") for d in book.iter(f"{MAIN}definedName")]
        assert len({n.lower() for n in names}) == len(names) == 13
        for n in names: assert re.fullmatch(r"[A-Za-z_][\w.]*", n) and not re.fullmatch(r"[A-Za-z]{1,3}\d+|[RrCc]|[Rr]\d*[Cc]\d*", n), n
        texts = ["".join(t.text or "" for t in si.iter(f"{MAIN}t")) for si in ElementTree.fromstring(z.read("xl/sharedStrings.xml"))]
        assert max(map(len, texts)) <= 32_767

def test_openpyxl_opens_it():
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(drawn()[1]))
    assert book.sheetnames == PAGES and [len(book[page]._charts) for page in PAGES] == [1, 0, 0, 0, 0, 2, 2, 0]
    assert [book[page].freeze_panes for page in PAGES] == [None, "C12", "D12", "D12", "B12", "A12", "A12", None]
    assert all(link.location.startswith("'") and not link.target for row in book["start"] for cell in row if (link := cell.hyperlink))

def test_names_that_look_like_formulas_stay_text():
    cells = read(workbook(hostile()))["data"]
    assert all(formula is None and kind == "s" for formula, _, kind in (cells[f"B{row}"] for row in range(FIRST, FIRST + 40)))

def test_pandas_reads_the_values():
    "What does not calculate shows the values that were written"
    import pandas as pd
    pytest.importorskip("openpyxl")
    df = pd.read_excel(io.BytesIO(drawn()[1]), sheet_name="descent", header=10, usecols="A:E")
    m = numbers(drawn()[0])
    good, _, _ = descent(linear, m.X, m.y, m.train, m.start, RATE, STEPS)
    assert np.allclose(df.to_numpy(float)[:, 1:], good)

# --- what is refused

def test_large_tables_are_cut(monkeypatch):
    monkeypatch.setattr(sheet, "MOST", 60)
    assert max(int(re.search(r"\d+", cell)[0]) for cell in read(workbook(passengers(100)))["data"]) == FIRST + 59

def test_without_xlsxwriter(monkeypatch):
    monkeypatch.setattr(sheet, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'^A workbook needs XlsxWriter: pip install "course_lib\[lab\]"$'): workbook(passengers(20))

def test_tables_that_cannot_be_a_workbook():
    with pytest.raises(ValueError, match="The table has 5 rows: a workbook needs 10 or more."): workbook(passengers(5))
    with pytest.raises(ValueError, match="No training row has a number as Age"): workbook(passengers(40).assign(Age=np.nan))

def test_the_same_table_gives_the_same_file(): assert workbook(passengers(30)) == workbook(passengers(30))
