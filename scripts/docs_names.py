"""What the library's functions and classes are called on the docs site, and which page a back-ticked name leads to.

All of it is read from the sources of the notebooks; nothing is imported and nothing runs.
"""
import ast
import builtins
import io
import re
import tokenize
from typing import NamedTuple

INSTANCES = dict(learn="Learner", dls="DataLoaders", interp="Interpretation")      # as the lessons call them
SHOWN = "__call__", "__getitem__", "__iter__", "__len__"                           # special methods worth a line of their own


class Argument(NamedTuple):
    names: str          # several when one comment stands for a line of them
    default: str
    comment: str

class Documented(NamedTuple):
    "A public function, class or method of an exported cell"
    name: str           # `fit`, `Learner`, `Learner.fit`
    kind: str           # function, class, method, property
    signature: str
    doc: str
    arguments: list     # those with a comment


# --- from the source of a cell

def public(name): return not name.startswith("_")

def comments(source):
    "The comment that ends each line: `{line: text}`"
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}

def parameters(node):
    "The arguments of a function in their order: `(ast.arg, its default or None, its stars)`"
    a = node.args
    plain = [*a.posonlyargs, *a.args]
    rows = [*zip(plain, [None]*(len(plain) - len(a.defaults)) + a.defaults, [""]*len(plain))]
    if a.vararg: rows.append((a.vararg, None, "*"))
    rows += [*zip(a.kwonlyargs, a.kw_defaults, [""]*len(a.kwonlyargs))]
    return rows + [(a.kwarg, None, "**")] if a.kwarg else rows

def written(source, node): return ast.get_source_segment(source, node) or ast.unparse(node)

def arguments(node, source):
    "The arguments that have a comment at the end of their line; one comment for a line of several stands for all of them"
    said, by_line = comments(source), {}
    for arg, default, stars in parameters(node):
        if arg.arg not in ("self", "cls"): by_line.setdefault((default or arg).end_lineno, []).append((arg, default, stars))
    last = node.body[0].lineno
    rows = []
    for line, args in sorted(by_line.items()):
        if line not in said or (line >= last and node.body[0].lineno == node.lineno): continue
        about = re.match(r"`(\w+)`: ", said[line])              # a comment that says which of them it is about
        if about: args = [a for a in args if a[0].arg == about[1]] or args
        text = said[line].removeprefix(about[0]) if about and len(args) == 1 else said[line]
        rows.append(Argument(", ".join(f"`{stars}{arg.arg}`" for arg, _, stars in args),
                             ", ".join(f"`{written(source, d)}`" for _, d, _ in args if d is not None), text))
    return rows

def signature(name, node, source, width=84):
    "The call as it is written in the source, without `self` and without comments, one argument a line where it is long"
    parts, args = [], node.args
    for arg, default, stars in parameters(node):
        if arg.arg in ("self", "cls") and arg is [*args.posonlyargs, *args.args][0]: continue
        if arg in args.kwonlyargs[:1] and not args.vararg: parts.append("*")
        annotation = f": {ast.unparse(arg.annotation)}" if arg.annotation else ""
        equals = " = " if annotation else "="
        parts.append(f"{stars}{arg.arg}{annotation}{'' if default is None else equals + written(source, default)}")
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{name}({', '.join(parts)}){returns}"
    return line if len(line) <= width else f"{name}(\n    " + ",\n    ".join(parts) + f"){returns}"

def fields(node):
    "The call of a class without `__init__`: its annotated fields, where it has some"
    def equals(value): return "" if value is None else "=…" if ast.unparse(value).startswith("field(") else "=" + ast.unparse(value)
    rows = [f"{n.target.id}{equals(n.value)}" for n in node.body
            if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and public(n.target.id)]
    for base in node.bases:                     # class Range(namedtuple("Range", "lo hi step start"))
        if isinstance(base, ast.Call) and ast.unparse(base.func) == "namedtuple": rows += ast.literal_eval(base.args[1]).split()
    return f"{node.name}({', '.join(rows)})" if rows else node.name

def doc(node): return ast.get_docstring(node) or ""

def of_function(node, source, name=None, kind="function"):
    name = name or node.name
    if kind == "property": return Documented(name, kind, name, doc(node), [])
    return Documented(name, kind, signature(name, node, source), doc(node), arguments(node, source))

def of_class(node, source):
    "A class, and then its public methods"
    functions = [n for n in node.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    init = next((f for f in functions if f.name == "__init__"), None)
    call = signature(node.name, init, source) if init else fields(node)
    rows = [Documented(node.name, "class", call, doc(node) or (doc(init) if init else ""), arguments(init, source) if init else [])]
    for f in functions:
        decorators = [ast.unparse(d) for d in f.decorator_list]
        kind = "property" if {"property", "cached_property", "functools.cached_property"} & {*decorators} else "method"
        if public(f.name) or (f.name in SHOWN and doc(f)): rows.append(of_function(f, source, f"{node.name}.{f.name}", kind))
    for n in node.body:                                         # save = export
        other = isinstance(n, ast.Assign) and isinstance(n.value, ast.Name) and f"{node.name}.{n.value.id}"
        at = next((i for i, r in enumerate(rows) if r.name == other), None)
        if at: rows[at] = rows[at]._replace(doc=f"{rows[at].doc.rstrip('.')}. `{n.targets[0].id}` is another name for it.")
    return rows

def documented(source):
    "What is public in an exported cell, in the order of the source"
    rows = []
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and public(node.name): rows.append(of_function(node, source))
        if isinstance(node, ast.ClassDef) and public(node.name): rows.extend(of_class(node, source))
    return rows


# --- where a name leads

class Place(NamedTuple):
    module: str         # of course_lib, as `selftest.check`; of a lesson the name of its module
    page: str           # lib/learner.html
    anchor: str

class Names:
    "All public names of the site, and the page each module has"
    def __init__(self): self.places, self.modules = {}, {}

    def add(self, module, page, names):
        self.modules[module] = page
        for name in names: self.places.setdefault(name, []).append(Place(module, page, name))

    def of_module(self, name, module): return next((p for p in self.places.get(name, ()) if p.module == module), None)


def bound(trees):
    "What a page's own code gives a name to: variables, arguments, its own functions"
    nodes = [n for tree in trees for n in ast.walk(tree)]
    methods = {id(m) for n in nodes if isinstance(n, ast.ClassDef) for m in n.body}
    return ({n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} | {n.arg for n in nodes if isinstance(n, ast.arg)}
            | {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and id(n) not in methods})

def imported(trees):
    "What a page takes from the library: `({name: (module, name there)}, {name: module})`, the second for whole modules"
    names, modules = {}, {}
    for node in (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("course_lib")):
        inside = node.module.removeprefix("course_lib").removeprefix(".")
        for a in node.names: names[a.asname or a.name] = (inside, a.name)
        for a in node.names: modules[a.asname or a.name] = f"{inside}.{a.name}".removeprefix(".")
    return names, modules

class Resolver:
    "Which page a back-ticked name of one page leads to: one right place or none"
    def __init__(self, names, module, sources, prose):          # prose: a lesson, where many words are also names
        trees = [ast.parse(s) for s in sources]
        self.names, self.module, self.prose = names, module, prose
        self.imported, modules = imported(trees)
        self.modules = {n: m for n, m in modules.items() if m in names.modules}
        self.bound = bound(trees)

    def __call__(self, text, own=()):
        "The `Place` of the back-ticked `text`, None where it is none or several; `own`: arguments of the function that the text is about"
        name = text.removesuffix("()").removeprefix("course_lib.")
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name) or any(not public(part) for part in name.split(".")): return None
        if text.startswith("course_lib."): return self._in_full(name)
        first, _, rest = name.partition(".")
        if first in own: return None
        if rest:
            if first in self.modules and (found := self.names.of_module(rest, self.modules[first])): return found
            owner = INSTANCES.get(first, first)
            return self._one(f"{owner}.{rest}") if owner == first or owner in self.names.places else None
        return self._plain(name)

    def _in_full(self, name):
        module, _, last = name.rpartition(".")
        if name in self.names.modules: return Place(name, self.names.modules[name], "")
        return self.names.of_module(last, module)

    def _plain(self, name):
        here = self.names.of_module(name, self.module)
        if here: return here
        if name in self.imported and not (self.prose and name in self.bound):      # a lesson's `steps` may be an argument
            module, there = self.imported[name]
            if name in self.modules: return Place(self.modules[name], self.names.modules[self.modules[name]], "")
            return self.names.of_module(there, module)
        if name in self.bound or name in dir(builtins): return None
        near = [p for m in {*self.modules.values()} | {m for m, _ in self.imported.values()} if (p := self.names.of_module(name, m))]
        if len(near) == 1 and not self.prose: return near[0]
        return None if self.prose and "_" not in name and name.islower() else self._one(name)

    def _one(self, name):
        places = self.names.places.get(name, ())
        return places[0] if len(places) == 1 else None
