"""How often does a check pass a wrong answer, or fail a right one?

    python benchmarks/checks.py                             # --lesson 04_descent for one; --seeds 20 for less

Exit code 1 when there is a false pass, a false fail, or a mutant that survives without being listed in `equivalent.txt`.
"""
import sys
from pathlib import Path

import torch
from fastcore.script import call_parse

from course_lib.selftest.audit import audit
from course_lib.selftest.exercise import Exercise, find, lessons
from course_lib.plot import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]/"scripts"))
from mutants import survivors

def equivalent():
    "The mutants that do the same as the original: `{(name, lines)}`, from lines `name | line → its mutant | reason`"
    lines = Path(__file__).with_name("equivalent.txt").read_text(encoding="utf-8").splitlines()
    return {tuple(part.strip() for part in line.split(" | ")[:2]) for line in lines if line and line[0] != "#"}

def row(lesson, ex, seeds):
    "A line of the table, and what is wrong, in words"
    passes, fails = audit(ex, range(seeds))
    made, alive = survivors(ex) if isinstance(ex, Exercise) else (0, [])
    same = [line for line in alive if (ex.name, line) in equivalent()]
    wrong = [f"{ex.name}: passed wrongly: {p}" for p in passes] + [f"{ex.name}: failed wrongly: {f}" for f in fails] + [f"{ex.name} | {line} | passes, say why in equivalent.txt or mend the check" for line in alive if line not in same]
    return dict(lesson=lesson, exercise=ex.name, kind="function" if made else "question", mistakes=len(ex.mistakes), mutants=made, caught=made - len(alive), may_pass=len(same),
                false_passes=len(passes) + len(alive) - len(same), false_fails=len(fails)), wrong, {(ex.name, line) for line in same}

@call_parse
def main(
    lesson: str = None,     # only this one
    seeds: int = 200):      # of random cases
    "Prints the table of exercises, and what is wrong with them"
    torch.set_num_threads(1)                # everything here is small
    found = [row(name, find(ex), seeds) for name, names in lessons().items() if lesson in (None, name) for ex in names]
    rows, wrong, used = Table(r for r, _, _ in found), [w for _, ws, _ in found for w in ws], set().union(*(u for _, _, u in found))
    names = {r["exercise"] for r in rows}
    wrong += [f"{name} | {line} | stands in equivalent.txt, but no mutant of that kind passes: delete the line" for name, line in sorted(equivalent() - used) if not lesson or name in names]
    print(rows, f"{len(rows)} exercises, {sum(r['mistakes'] for r in rows)} mistakes, {sum(r['caught'] for r in rows)} of {sum(r['mutants'] for r in rows)} mutants caught, "
          f"{sum(r['may_pass'] for r in rows)} may pass. False passes: {sum(r['false_passes'] for r in rows)}. False fails: {sum(r['false_fails'] for r in rows)}.", *wrong, sep="\n")
    sys.exit(bool(wrong))
