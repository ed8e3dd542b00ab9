"""How long a lesson takes, written into its introduction (`make minutes`, which makes README.md anew as well).

An estimate for somebody who knows Python and no deep learning, rounded to 5 minutes. These are the assumptions, all of them:

to read and try  150 words a minute, answers below a Try included, the questionnaire not; code that is seen: 8 lines a minute;
                 a question in the text: a quarter of a minute to think; a picture: half a minute; a picture with sliders or steps:
                 a minute and a half; a Try: 2 minutes to change, run and look; and the seconds that the cells run, as measured
                 by `make outputs` and kept in the notebook (a minute, until they are). "Stop and talk" is not counted.
for its practice a function: 3 minutes for the task and what `check` says, and a minute for each line of the library's solution;
                 a question: 2 minutes; the questionnaire: two thirds of a minute for each of its questions; and the cells run again.
"""
import re

import nbformat
from fastcore.script import call_parse
from nbdev.clean import nbdev_clean
from outputs import ROOT, source_hash

from course_lib.cli import minutes
from course_lib.plan import exercise_minutes, quiz_minutes, reading_minutes

LIMITS = 90, 75                                 # no page asks for more


def running(nb): return nb.metadata.get("seconds", 60)/60


def reading(nb):
    "Minutes to read a lesson and to try what it asks to be tried"
    return reading_minutes(nb.cells) + running(nb)


def practising(nb, path):
    "Minutes for the exercises of a lesson and its questionnaire"
    return sum(exercise_minutes(path.stem).values()) + quiz_minutes(path) + running(nb)


def estimate(path):
    "Minutes to read and try, and minutes for its practice, rounded to 5"
    nb = nbformat.read(path, as_version=4)
    return tuple(max(5, 5*round(m/5)) for m in (reading(nb), practising(nb, path)))


def write(path, read, practise):
    "Puts the line into the lesson's introduction, its second cell; outputs that were fresh stay so, no code has changed"
    nb = nbformat.read(path, as_version=4)
    fresh = nb.metadata.get("source_hash") == source_hash(nb)
    rest = re.sub(r"^\*About \d+ minutes to read .*\n+", "", nb.cells[1].source)
    nb.cells[1].source = (f"*About {read} minutes to read and try, {practise} more for the "
                          f"[practice](../../practice/{path.name}).*\n\n{rest}")
    if fresh: nb.metadata["source_hash"] = source_hash(nb)
    nbformat.write(nb, path)
    nbdev_clean(fname=str(path))


@call_parse
def main(look: bool = False):       # only print, write nothing
    "Prints the minutes of each lesson, and writes them into its introduction"
    for path in sorted((ROOT/"nbs/lessons").glob("*.ipynb")):
        told, now = minutes(path), estimate(path)
        over = " MORE THAN 90 + 75" if any(n > limit for n, limit in zip(now, LIMITS)) else ""
        print(f"{path.stem:17} {now[0]:3} + {now[1]:3}{over}" + (f"   was {told[0]} + {told[1]}" if told and told != now else ""))
        if not look and told != now: write(path, *now)
