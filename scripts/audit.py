"""Are the checks right? Puts right and wrong answers to every exercise and counts what is passed or failed wrongly.
tests/test_check.py does it with 20 seeds; benchmarks/checks.py with 200, and with mutants."""
import ast
import copy
import inspect
import linecache
import random
import sys
import textwrap

from course_lib import check as c
from course_lib.clean import stub


def everything(only=None):
    "All exercises and questions: `[(lesson, exercise)]`"
    return [(lesson, c.find(name)) for lesson, names in c.lessons().items() if not only or lesson in only for name in names]

def as_learner(source, ex):
    "The function or class that a learner has when the cell says `source`"
    file = f"<a learner's cell {hash(source)}>"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    space = {**vars(sys.modules[ex.fn.__module__]), "__name__": "__main__"}
    exec(compile(source, file, "exec"), space)
    return space[ex.name]

def source(ex): return textwrap.dedent(inspect.getsource(ex.fn))

def constant(ex):
    "Always what is right for the first case"
    value = c.call(ex.fn, c.cases(ex)[0], ex.use).value
    return lambda *args, **kwargs: copy.deepcopy(value)

def raising(kind):
    "Whatever is asked, an error: no known mistake, or its sentence would be told to everybody whose code does not run"
    def fn(*args, **kwargs): raise kind("no")
    return fn

def nothing(*args, **kwargs): return None

def audit(ex, seeds):
    "What the check gets wrong, in words: ([false passes], [false fails])"
    if isinstance(ex, c.Question): return audit_question(ex)
    def say(fn): return c.verdict(ex, fn, seeds)
    passes, fails = [], []
    for name, fn in (("the library's", as_learner(source(ex), ex)), *((f"right {i}", fn) for i, fn in enumerate(ex.right))):
        v = say(fn)
        if v.state != c.PASSED: fails.append(f"{name}: {v.state}\n{v.words}")
    for name, fn, state in (("stub", as_learner(stub(source(ex), ex.name), ex), c.NOT_ATTEMPTED), ("the library's own", ex.fn, c.NOT_ATTEMPTED), ("None", nothing, c.NOT_YET), ("constant", constant(ex), c.NOT_YET)):
        if say(fn).state != state: passes.append(f"{name}: {say(fn).state}")
    for kind in (RuntimeError, TypeError, ValueError, IndexError, AttributeError):
        v = say(raising(kind))
        if v.state != c.NOT_YET or v.misconception: passes.append(f"always a {kind.__name__}: {v.state}, {v.misconception}")
    for name, fn, sentence in ex.misconceptions:
        v = say(fn)
        if v.state != c.NOT_YET: passes.append(f"{name}: {v.state}")
        elif v.misconception != name or sentence not in v.words: passes.append(f"{name}: is told about {v.misconception}\n{v.words}")
    return passes, fails

def audit_question(q):
    answers = [(q.answer, c.PASSED, None), (..., c.NOT_ATTEMPTED, None), *((wrong, c.NOT_YET, None) for wrong in (None, "", (), 10**9)), *((wrong, c.NOT_YET, name) for name, wrong, _ in q.misconceptions)]
    got = [(value, c.value_verdict(q, value), state, known) for value, state, known in answers]
    return [f"{value!r}: {v.state}, {v.misconception}" for value, v, state, known in got[1:] if (v.state, v.misconception) != (state, known)], [f"{q.answer!r}: {v.state}" for _, v, state, _ in got[:1] if v.state != state]


SWAP = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv,
        ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.Is: ast.IsNot, ast.IsNot: ast.Is}
OTHER = {a: b for pair in ("mean sum", "max min", "argmax argmin", "amax amin", "zeros ones", "exp log", "floor ceil", "train eval", "detach clone") for a, b in (pair.split(), pair.split()[::-1])}

def changes(node):
    "How this node of a syntax tree may be spoilt: functions that do it in place"
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in SWAP: yield lambda n: setattr(n, "op", SWAP[type(n.op)]())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAP: yield lambda n: n.ops.__setitem__(0, SWAP[type(n.ops[0])]())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub): yield lambda n: setattr(n, "op", ast.UAdd())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not): yield lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))
    if isinstance(node, ast.Constant) and isinstance(node.value, bool): yield lambda n: setattr(n, "value", not n.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)): yield lambda n: setattr(n, "value", n.value + 1)
    if isinstance(node, ast.Attribute) and node.attr in OTHER: yield lambda n: setattr(n, "attr", OTHER[n.attr])
    for field in ("body", "orelse"):
        block = getattr(node, field, None)
        for i, line in enumerate(block if isinstance(block, list) else []):
            if isinstance(line, (ast.Assign, ast.AugAssign, ast.Expr, ast.With)) and not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)):
                yield lambda n, field=field, i=i: getattr(n, field).__setitem__(i, ast.Pass())

def mutants(text, n=10, seed=0):
    "Up to `n` spoilt copies of a function's source: `[(the first line that differs, source)]`"
    tree = ast.parse(text)
    skip = {id(m) for n in ast.walk(tree) for part in ([n] if isinstance(n, (ast.Raise, ast.JoinedStr)) else [n.args, *n.decorator_list] if isinstance(n, ast.FunctionDef) else []) for m in ast.walk(part)}
    sites = [(i, j) for i, n in enumerate(ast.walk(tree)) if id(n) not in skip for j, _ in enumerate(changes(n))]
    res, before = [], ast.unparse(tree).splitlines()
    for i, j in random.Random(seed).sample(sites, len(sites)):
        spoilt = copy.deepcopy(tree)
        node = list(ast.walk(spoilt))[i]
        list(changes(node))[j](node)
        after = ast.unparse(ast.fix_missing_locations(spoilt)).splitlines()
        line = next((f"{a.strip()} → {b.strip()}" for a, b in zip(before, after) if a != b), "")
        if line and len(res) < n: res.append((line, "\n".join(after)))
    return res

def survivors(ex, seeds=range(5), n=10):
    "The mutants that pass: (how many there were, their first different lines)"
    made = mutants(source(ex), n)
    def passes(text):
        try: return c.verdict(ex, as_learner(text, ex), seeds, limit=2.).state == c.PASSED
        except Exception: return False              # it does not even compile
    return len(made), [line for line, text in made if passes(text)]
