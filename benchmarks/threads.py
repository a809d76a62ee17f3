"""OpenMP settings, alone and beside a busy process: `python -m benchmarks.threads --only "spin 1000" passive`.

Each setting (environment variables, a thread count, a nice level) evaluates L with its gradient in a process of its own,
alone and beside busy loops. The settings take turns, a few evaluations each, so that slow phases of the machine affect all.
A turn waits until the processors are idle, and ends at an evaluation during which other processes used them. Linux only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import IO

SIZE = (180, 320)  # height and width of the picture
TOLERATED = 0.15  # of one processor: what other processes may use during an evaluation that counts
TICKS = os.sysconf("SC_CLK_TCK")
CLEARED = ("OMP_", "GOMP_", "MKL_", "KMP_")


@dataclass(frozen=True)
class Setting:
    """The environment and thread counts of a process."""

    threads: int = 0
    """Threads of PyTorch; 0 keeps its default."""
    nice: int = 0
    """Nice level."""
    pools: bool = False
    """Whether PyTorch's interop pool and OpenCV get one thread each."""
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables."""


def spin(count: int, threads: int = 0) -> Setting:
    """Idle threads spin this often before they sleep."""
    return Setting(threads, variables={"GOMP_SPINCOUNT": str(count)})


PASSIVE = {"OMP_WAIT_POLICY": "passive"}
SETTINGS = {
    "PyTorch's own": Setting(),
    "1 thread": Setting(1),
    "passive": Setting(variables=PASSIVE),
    **{f"spin {count}": spin(count) for count in (0, 100, 1000, 3000, 10_000, 30_000, 100_000)},
    "nice 5": Setting(nice=5),
    "bind": Setting(variables={"OMP_PROC_BIND": "true"}),
    "dynamic": Setting(variables={"OMP_DYNAMIC": "true"}),
    "pools of 1": Setting(pools=True),
    "4 threads spin 1000": spin(1000, 4),
}


# --- the process that is measured ---------------------------------------------------------------------------------


def evaluation() -> Callable[[], bytes]:
    """A function that evaluates L once and returns the bytes of L and its gradient."""
    import torch

    from videostyle.losses.frame_targets import FrameTargets
    from videostyle.losses.objective import Objective
    from videostyle.losses.style_targets import StyleTargets
    from videostyle.losses.terms import Weights
    from videostyle.models.features import load_features

    features, random = load_features("vgg19", "cpu"), torch.Generator().manual_seed(0)
    image, content, style = (
        torch.rand(1, 3, *SIZE, generator=random).contiguous(memory_format=torch.channels_last) for _ in range(3)
    )
    styles = StyleTargets(features, [style]).at(SIZE)
    objective = Objective(FrameTargets(features, content, styles, content, content[:, :1]), Weights())

    def evaluate() -> bytes:
        value = objective(image)
        return repr(value.total).encode() + value.gradient.numpy().tobytes()

    return evaluate


def serve(setting: Setting) -> None:
    """Answers each number read from standard input with the seconds of as many evaluations."""
    os.nice(setting.nice)
    import torch

    if setting.threads:
        torch.set_num_threads(setting.threads)
    if setting.pools:
        import cv2

        torch.set_num_interop_threads(1)
        cv2.setNumThreads(1)
    evaluate = evaluation()
    digests = {hashlib.sha256(evaluate()).hexdigest()[:8] for _ in range(3)}
    print(torch.get_num_threads(), *sorted(digests), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            began = time.perf_counter()
            evaluate()
            seconds.append(time.perf_counter() - began)
        print(*seconds, flush=True)


# --- the process that measures ------------------------------------------------------------------------------------


class Server:
    """A process with one setting, which waits between its turns. alone, loaded: seconds of the undisturbed evaluations."""

    def __init__(self, name: str):
        kept = {key: value for key, value in os.environ.items() if not key.startswith(CLEARED)}
        self.alone: list[float] = []
        self.loaded: list[float] = []
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept | SETTINGS[name].variables,
        )
        self.threads, *self.digests = self._line().split()

    def _line(self) -> str:
        answers: IO[str] | None = self.process.stdout
        assert answers is not None
        return answers.readline()

    def evaluation(self) -> float:
        """Seconds of one evaluation."""
        assert self.process.stdin is not None
        print(1, file=self.process.stdin, flush=True)
        return float(self._line())

    def turn(self, count: int, loops: list[int]) -> list[float]:
        """Seconds of up to `count` evaluations, after one to warm up, until other processes disturb one."""
        self.evaluation()
        kept: list[float] = []
        while len(kept) < count:
            before, began = foreign(self.process.pid, *loops), time.perf_counter()
            seconds = self.evaluation()
            spent = time.perf_counter() - began
            if foreign(self.process.pid, *loops) - before > TOLERATED * spent:
                break
            kept.append(seconds)
        return kept

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def foreign(*processes: int) -> float:
    """Processor seconds that all other processes have used."""
    return used() - used(*processes) if processes else used()


def wait_until_quiet(until: float) -> None:
    """Wait until the processors are idle, at the latest until the time `until`."""
    while time.monotonic() < until:
        before = used()
        time.sleep(0.3)
        if used() - before <= TOLERATED * 0.3:
            return


def used(*processes: int) -> float:
    """Processor seconds that these processes have used, or all of the machine's."""
    ticks = 0
    for process in processes:
        with open(f"/proc/{process}/stat") as file:
            ticks += sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
    if not processes:
        with open("/proc/stat") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
        ticks = user + nice + system + irq + softirq + steal
    return ticks / TICKS


@contextmanager
def busy(loops: int) -> Iterator[list[int]]:
    """Endless loops in processes of their own, whose numbers are given, for the time of the block."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    time.sleep(0.3)
    try:
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def measure(names: list[str], minutes: float, count: int, loops: int) -> dict[str, Server]:
    """The servers by setting, with what they measured. The one with the fewest evaluations is always next."""
    servers = {name: Server(name) for name in names}
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        server = min(servers.values(), key=lambda server: min(len(server.alone), len(server.loaded)))
        wait_until_quiet(until)
        server.alone += server.turn(count, [])
        wait_until_quiet(until)
        with busy(loops) as running:
            server.loaded += server.turn(count, running)
    for server in servers.values():
        server.close()
    return servers


def table(servers: dict[str, Server]) -> Iterator[str]:
    """A line for each setting; ratios to its own time alone and to the default's."""
    servers = {name: server for name, server in servers.items() if server.alone and server.loaded}
    base = median(next(iter(servers.values())).alone) if servers else 0
    yield f"{'setting':<22} threads  alone s  (of first)  loaded s  over own alone  over first  evaluations  bytes"
    for name, server in servers.items():
        alone, loaded = median(server.alone), median(server.loaded)
        yield (
            f"{name:<22} {server.threads:>7} {alone:>8.3f} {alone / base:>11.3f} {loaded:>9.3f} {loaded / alone:>15.2f} "
            f"{loaded / base:>11.2f} {len(server.alone):>7}+{len(server.loaded)}   {' '.join(server.digests)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS), metavar="SETTING")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--count", type=int, default=4, help="evaluations of a turn")
    parser.add_argument("--loops", type=int, default=1, help="busy processes beside the loaded turns")
    parser.add_argument("--serve", choices=SETTINGS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(SETTINGS[options.serve])
        return
    for line in table(measure(options.only, options.minutes, options.count, options.loops)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
