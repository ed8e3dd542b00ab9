"""Measuring in processes of their own: told what to do through stdin, answering through stdout, one line of JSON each way.

Each side has its own environment and its own memory, starts its libraries before anything is timed, and does nothing while the other one is measured:
a process that waits for a line does not run. `finetune.py` is the one that asks.
"""
import json, os, re, subprocess, sys, tempfile, time, traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent

def alternate(measures, rounds, pause=0.):
    "What each of `measures` (name -> function without arguments) returns, taken in turns: `{name: [one per round]}`; a first round is thrown away"
    found = {name: [] for name in measures}
    for i in range(rounds + 1):
        for name, measure in measures.items():
            time.sleep(pause)
            found[name].append(measure())
    return {name: values[1:] for name, values in found.items()}

def seconds(f, *args, **kwargs):
    "How long `f(*args, **kwargs)` takes"
    start = time.perf_counter()
    f(*args, **kwargs)
    return time.perf_counter() - start

class Worker:
    "A process that runs `script` of this folder; `worker('epoch', stage='frozen')` calls that method there and returns its result; RuntimeError when it fails"
    def __init__(self, script, python=sys.executable, **env):
        self.name, self.errors = f"{python} {script}", tempfile.TemporaryFile()
        path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))       # so that fastai's environment finds course_lib
        self.proc = subprocess.Popen([python, "-W", "ignore", str(HERE/script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                     text=True, env=os.environ | {"PYTHONPATH": path} | env)

    def __enter__(self): return self

    def __exit__(self, *_):
        self.proc.communicate()          # closes its stdin, at which it ends
        self.errors.close()

    def __call__(self, do, **kwargs):
        try:
            self.proc.stdin.write(json.dumps(dict(do=do, kwargs=kwargs)) + "\n")
            self.proc.stdin.flush()
            answer = json.loads(self.proc.stdout.readline() or "{}")
        except BrokenPipeError: answer = {}
        if "result" in answer: return answer["result"]
        raise RuntimeError(f"{self.name}: {answer.get('error') or self._last_words()}")

    def _last_words(self):
        self.proc.wait()
        self.errors.seek(0)
        return (self.errors.read().decode(errors="replace").strip().splitlines() or [f"ended with {self.proc.returncode}"])[-1]

def serve(side):
    "The worker's end: calls the methods of `side` that it is told, until its stdin is closed. What they print goes nowhere"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        asked = json.loads(line)
        try: answer = dict(result=getattr(side, asked["do"])(**asked["kwargs"]))
        except Exception: answer = dict(error=traceback.format_exc())
        print(json.dumps(answer), file=answers, flush=True)

def peak_mb():
    "The most memory this process has had at once, in MB, without its child processes"
    try: return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])/1024     # not ru_maxrss: on Linux that begins with the parent's
    except FileNotFoundError: pass
    if sys.platform == "win32":
        import psutil
        return psutil.Process().memory_info().peak_wset/2**20
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**20      # bytes on macOS

def anonymous_mb():
    """The memory of this process that nothing on disk stands behind, in MB, now.

    Not the resident memory: that counts the pages of the mapped cache as well, which the system drops when it needs room."""
    try: return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1])/1024
    except FileNotFoundError:
        import psutil
        return psutil.Process().memory_full_info().uss/2**20
