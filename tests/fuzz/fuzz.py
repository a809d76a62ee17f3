"""Run many damaged files: `python -m tests.fuzz.fuzz --cases 2000`; `--only CASE` repeats a case that failed."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from queue import Empty, Queue

from tests.fuzz.seeds import make_seeds
from tests.fuzz.worker import work

SECONDS = 60  # for one case on a busy machine; more is a hang
MEMORY = 3 << 30  # bytes: limit of a worker's peak
EXPECTED = ("finished", "refused", "failed")


def fuzz(cases: list[int], workers: int, folder: Path) -> tuple[Counter[str], dict[int, str]]:
    """Counts of the outcomes, and a description of each failure by its case."""
    (folder / "seeds").mkdir()
    seeds = make_seeds(folder / "seeds")
    todo: Queue[int] = Queue()
    for case in cases:
        todo.put(case)
    counts: Counter[str] = Counter()
    wrong: dict[int, str] = {}
    threads = [
        threading.Thread(target=feed, args=(todo, seeds, folder / f"worker{number}", counts, wrong))
        for number in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts, wrong


def feed(todo: Queue[int], seeds: dict[str, bytes], folder: Path, counts: Counter[str], wrong: dict[int, str]) -> None:
    """Send cases to a worker process; replace the process after a crash, a hang, or too much memory."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.fuzz.worker"])
    process = None
    while True:
        try:
            case = todo.get_nowait()
        except Empty:
            break
        if process is None:
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, seeds, folder), daemon=True)
            process.start()
            theirs.close()
        kind, detail, peak = answer_of(ours, case)
        counts[kind] += 1
        if kind not in EXPECTED:
            wrong[case] = f"{kind}: {detail}"
        if kind in ("hang", "crash") or peak > MEMORY:
            process.kill()
            process.join()
            process = None
    if process is not None:
        process.kill()
        process.join()


def answer_of(pipe, case: int) -> tuple[str, str, int]:
    """The kind of outcome, details of a failure, and the worker's peak memory in bytes."""
    try:
        pipe.send(case)
        if not pipe.poll(SECONDS):
            return "hang", f"no answer in {SECONDS} s", 0
        outcome, peak = pipe.recv()
    except (EOFError, OSError):
        return "crash", "the process died", 0
    if peak > MEMORY:
        return "memory", f"{peak >> 20} MiB", peak
    return (outcome, "", peak) if outcome in EXPECTED else ("traceback", outcome, peak)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    began = time.monotonic()
    cases = options.only or list(range(options.first, options.first + options.cases))
    with tempfile.TemporaryDirectory() as folder:
        counts, wrong = fuzz(cases, options.workers, Path(folder))
    for case, text in sorted(wrong.items()):
        print(f"case {case}: {text}")
    kinds = (*EXPECTED, "crash", "hang", "traceback", "memory")
    summary = ", ".join(f"{kind} {counts[kind]}" for kind in kinds)
    print(f"{sum(counts.values())} cases in {time.monotonic() - began:.0f} s: {summary}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
