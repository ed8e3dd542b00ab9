"""Spoilt copies of right answers: does the check notice? For `benchmarks/checks.py`."""
import ast
import copy
import inspect
import random
import sys
import textwrap

from course_lib.selftest.audit import as_learner, source_of
from course_lib.selftest.check import verdict
from course_lib.selftest.progress import PASSED

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

def written(fn, name):
    "The source of another right function, under the exercise's name; \"\" for one that needs more than its module"
    try: tree = ast.parse(textwrap.dedent(inspect.getsource(fn))).body[0]
    except (OSError, TypeError, SyntaxError): return ""
    ours = isinstance(tree, (ast.FunctionDef, ast.ClassDef)) and "exercises" in fn.__module__
    if not ours or getattr(fn, "__closure__", None): return ""
    tree.name, tree.decorator_list = name, []
    return ast.unparse(tree)

def survivors(ex, seeds=range(5), n=10):
    "Spoilt copies of the library's code and of other right answers, `n` of each: (how many, the first different lines of those that pass)"
    made = [(line, text, ex.fn) for line, text in mutants(source_of(ex), n)]
    for fn in ex.rights: made += [(f"{fn.__name__}: {line}", text, fn) for line, text in mutants(written(fn, ex.name), n)]
    def passes(text, fn):
        try: return verdict(ex, as_learner(text, ex, vars(sys.modules[fn.__module__])), seeds, limit=2.).state == PASSED
        except Exception: return False              # it does not even compile
    return len(made), [line for line, text, fn in made if passes(text, fn)]
