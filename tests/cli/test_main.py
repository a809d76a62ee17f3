"""The commands: options made from the fields of jobs, bad usage, what is printed where, reports, exit codes."""

from __future__ import annotations

import errno
import json
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import run_command
from tests.support.example_report import example_measurement
from videostyle import workflow
from videostyle.cli.main import Commands
from videostyle.config import ExportJob, Job, MeasureJob, TrainJob, WebcamJob
from videostyle.errors import BadInput, Cancelled, MissingModel, RunFailed
from videostyle.events import Analyzing, Estimate, Notice, Rendering, RunStarted
from videostyle.options import Options, arguments_of, default_of, flag_of, options_of
from videostyle.reports.records import Measurement, RunReport
from videostyle.sheet_job import SheetJob

STARTED = RunStarted(Path("in.mp4"), Path("out.mp4"), (1080, 1920), (180, 320), 48, 2, "cpu", Path("newest.png"))


def finished(job: Job) -> RunReport:
    return RunReport(
        output=job.output or Path("out.mp4"),
        size=(180, 320),
        frames=(),
        shots=1,
        seconds=65.0,
        peak_memory=1,
        device="cpu",
        options={},
        versions={},
    )


class Recorder:
    """Stands for what the command line calls, and keeps the jobs."""

    def __init__(self, failure: BaseException | None = None):
        self.jobs: list[Any] = []
        self.threads: list[threading.Thread] = []
        self.failure = failure

    def stylize(self, job: Job, progress: Any, cancel: Any) -> RunReport:
        self.jobs.append(job)
        self.threads.append(threading.current_thread())
        if self.failure:
            raise self.failure
        return finished(job)

    def dry_run(self, job: Job, progress: Any, cancel: Any) -> list[tuple[str, str]]:
        self.jobs.append(job)
        return [("input", str(job.input))]

    def measure_run(self, job: Job, report: RunReport, progress: Any, cancel: Any) -> Measurement:
        self.jobs.append((job, report))
        return example_measurement(3)

    @property
    def commands(self) -> Commands:
        return Commands(
            jobs_of=lambda job: [job],
            stylize=self.stylize,
            dry_run=self.dry_run,
            measure_run=self.measure_run,
            compare=lambda *_: None,
            write_run_report=lambda *_: None,
        )


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


# --- options ------------------------------------------------------------------------------------------------------


def test_defaults(recorder: Recorder) -> None:
    assert run_command("run", "in.mp4", "style.jpg", commands=recorder.commands) == 0
    assert recorder.jobs == [Job(input=Path("in.mp4"), styles=(Path("style.jpg"),))]


def another_value(name: str) -> tuple[list[str], Any]:
    """For an option of `run`: what to write after its flag, and the value that the job then has, which is not the default."""
    record, default = options_of(Job)[name], default_of(Job, name)
    texts = {"output": "o.mkv", "frames": "3:9", "device": "cuda:1", "report": "r.json", "duration": "2.5"}
    texts |= {
        "background": "white",
        "also": "b.mp4",
        "audio": "none",
        "pix_fmt": "yuv444p",
        "fps": "30",
        "begin_with": "p.vstyle",
        "shots": "shots.toml",
        "colors": "match",
        "mask": "m.png",
        "region": "m.png=b.jpg",
        "blend": "0.5",
        "strength": "0.5",
        "mix": "0.7,0.3",
    }
    values = {
        "also": (Path("b.mp4"),),
        "output": Path("o.mkv"),
        "report": (Path("r.json"),),
        "duration": 2.5,
        "begin_with": Path("p.vstyle"),
        "shots": Path("shots.toml"),
        "region": ("m.png=b.jpg",),
        "blend": 0.5,
        "strength": 0.5,
    }
    if name == "compare":
        return ["side", "c.mp4"], ("side", "c.mp4")
    if isinstance(default, bool):
        return [], not default
    if record.choices:
        other = next(choice for choice in record.choices if choice != default)
        return [other], other
    if name in texts:
        return [texts[name]], values.get(name, texts[name])
    number = 7.5 if isinstance(default, float) else 47
    return [str(number)], number


@pytest.mark.parametrize("name", options_of(Job))
def test_every_option_of_run(name: str, recorder: Recorder) -> None:
    written, value = another_value(name)
    options = {"minutes": {"engine": "learned"}, "frames_out": {"also": ["b.mp4"]}}
    options |= {option: {"mask": "m.png"} for option in ("mask_grow", "mask_feather", "mask_invert")}
    needed: dict[str, Any] = options.get(name, {})
    flags = [
        word
        for other, text in needed.items()
        for word in (Job.flag(other), *([text] if isinstance(text, str) else text))
    ]
    styles = ["style.jpg", "b.jpg"] if name in ("mix", "each_shot") else ["style.jpg"]
    arguments = ["run", "in.mp4", *styles, Job.flag(name), *written, *flags]
    assert run_command(*arguments, commands=recorder.commands) == 0
    assert recorder.jobs[0] == Job(input="in.mp4", styles=styles, **needed, **{name: value})  # type: ignore[arg-type]


def test_variables(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A variable is an option's default, which the command line replaces; an unknown one gives a notice."""
    for name, value in (
        ("SIZE", "720p"),
        ("OVERWRITE", "1"),
        ("START", "1m"),
        ("SEED", ""),
        ("SISE", "640"),
        ("DEBUG", "0"),
    ):
        monkeypatch.setenv(f"VIDEOSTYLE_{name}", value)
    monkeypatch.setenv("VIDEOSTYLE_CAMERA", "1")  # of another command
    assert run_command("run", "in.mp4", "s.jpg", "--start", "2", commands=recorder.commands) == 0
    assert recorder.jobs == [Job(input=Path("in.mp4"), styles=(Path("s.jpg"),), size="720p", overwrite=True, start=2.0)]
    note, _ = capsys.readouterr().err.splitlines()
    assert note == "note: VIDEOSTYLE_SISE in the environment is not an option of videostyle and is ignored"


def test_an_error_names_the_variables(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIDEOSTYLE_SIZE", "31")
    assert run_command("run", "in.mp4", "s.jpg", commands=recorder.commands) == 2
    printed = capsys.readouterr().err
    assert printed == "error: --size 31 is out of range; accepted: 32 to 8192; the environment sets VIDEOSTYLE_SIZE\n"


def test_several_styles_and_the_short_flag(recorder: Recorder) -> None:
    assert run_command("run", "in.mp4", "a.jpg", "b.jpg", "-o", "x.mp4", commands=recorder.commands) == 0
    assert recorder.jobs[0].styles == (Path("a.jpg"), Path("b.jpg"))
    assert recorder.jobs[0].output == Path("x.mp4")


@pytest.mark.parametrize(
    ("command", "job"),
    [
        ("run", Job),
        ("sheet", SheetJob),
        ("measure", MeasureJob),
        ("webcam", WebcamJob),
        ("train", TrainJob),
        ("export", ExportJob),
    ],
)
def test_help_shows_every_option(
    command: str, job: type[Options], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flag, help, range, default and panel of every option, and what the arguments are."""
    monkeypatch.setenv("COLUMNS", "400")
    assert run_command(command, "--help") == 0
    shown = capsys.readouterr().out
    for name, record in options_of(job).items():
        if record.renamed:
            continue
        (line,) = re.findall(rf"^│ +{flag_of(name, record)} .*", shown, re.MULTILINE)
        assert record.help in line
        assert record.range.capitalize() in line
        assert "|".join(record.choices) in line
        assert f"─ {record.panel} ─" in shown
        default = default_of(job, name)
        if record.default_text:
            assert f"[default: ({record.default_text})]" in line
        elif not isinstance(default, (bool, tuple)):
            assert f"[default: {default}]" in line
    for argument in arguments_of(job).values():
        assert f"{argument.name}: {argument.help}" in shown
    assert "list[" not in shown
    assert "...}" not in shown


@pytest.mark.parametrize("words", [[], ["run"], ["info"], ["doctor"]])
def test_help_of_flags(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Flags such as --help and --install-completion take no value, and none is shown."""
    assert run_command(*words, "--help") == 0
    shown = capsys.readouterr().out
    assert "Show this message and exit." in shown
    assert "<bool>" not in shown


def test_usage_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("run", "--help") == 0
    assert "Usage: videostyle run [OPTIONS] {INPUT} {STYLE}..." in capsys.readouterr().out


def test_completion() -> None:
    """Shells complete commands and the choices of an option."""
    environment = {"_VIDEOSTYLE_COMPLETE": "complete_bash", "PATH": ""}
    script = "from videostyle.cli.main import main; main()"
    for words, expected in (("videostyle tr", ["train"]), ("videostyle run --preset d", ["draft"])):
        variables = environment | {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        variables |= {"PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True)
        assert done.stdout.split() == expected


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "Missing command"),
        (("paint",), "paint"),
        (("run",), "INPUT"),
        (("run", "in.mp4"), "STYLE"),
        (("run", "in.mp4", "s.jpg", "--nonsense"), "--nonsense"),
        (("run", "in.mp4", "s.jpg", "--size", "big"), "--size"),
        (("run", "in.mp4", "s.jpg", "--size", "31"), "--size 31 is out of range; accepted: 32 to 8192"),
        (("run", "in.mp4", "s.jpg", "--style-weight", "nan"), "--style-weight nan"),
        (("run", "in.mp4", "s.jpg", "--temporal-weight", "inf"), "--temporal-weight inf"),
        (("run", "in.mp4", "s.jpg", "--preset", "best"), "draft, standard, high"),
        (("run", "in.mp4", "s.jpg", "--frames", "9:3"), "--frames 9:3"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_bad_usage_is_one_line_and_code_2(
    arguments: tuple[str, ...], named: str, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*arguments, commands=recorder.commands) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("error: ")
    assert named in printed.err
    assert recorder.jobs == []


def test_bad_usage_names_the_help_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("run", "in.mp4") == 2
    assert "see `videostyle run --help`" in capsys.readouterr().err


# --- messages -----------------------------------------------------------------------------------------------------


def stylize_with_events(job: Job, progress: Any, cancel: Any) -> RunReport:
    for event in (Analyzing(1), Analyzing(2), STARTED, Notice("two tracks [b]"), Estimate(200.0)):
        if progress:
            progress(event)
    for step in range(100):
        if progress:
            progress(Rendering(1, 48, 1, 2, 1.25, step / 100, 100.0 - step))
    return finished(job)


def test_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("run", "in.mp4", "s.jpg", commands=Commands(stylize=stylize_with_events)) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "counting frames and finding cuts: 1",
        "in.mp4: 1920x1080, 48 frames in 2 shots -> out.mp4",
        "stylizing at 320x180 on cpu; the newest frame is always in newest.png",
        "note: two tracks [b]",
        "this will take about 3 min 20 s",
        "out.mp4: 0 frames in 1 min 5 s",
    ]


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("run", "in.mp4", "s.jpg", "--quiet", commands=Commands(stylize=stylize_with_events)) == 0
    assert capsys.readouterr() == ("", "")


def test_quiet_prints_errors(capsys: pytest.CaptureFixture[str]) -> None:
    failing = Recorder(BadInput("in.mp4 holds no video"))
    assert run_command("run", "in.mp4", "s.jpg", "--quiet", commands=failing.commands) == 2
    assert capsys.readouterr().err == "error: in.mp4 holds no video\n"


# --- exit codes ---------------------------------------------------------------------------------------------------


class OutOfMemoryError(RuntimeError):
    """As torch's, which this test must not load."""


FAILURES = [
    (BadInput("a b"), 2, "a b"),
    (MissingModel("no weights"), 2, "no weights"),
    (RunFailed("lost the thread"), 1, "lost the thread"),
    (Cancelled("asked to stop"), 130, "asked to stop"),
    (MemoryError(), 1, "not enough memory"),
    (OutOfMemoryError("CUDA"), 1, "not enough memory"),
    (RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried"), 1, "not enough memory"),
    (OSError(errno.ENOSPC, "No space left on device", "out/seg.mkv"), 1, "the disk is full: out/seg.mkv"),
    (PermissionError(errno.EACCES, "Permission denied", "out.mp4"), 1, "Permission denied: out.mp4"),
    (ImportError("libGL.so.1: cannot open shared object file: No such file or directory"), 2, "apt-get install libgl1"),
    (ModuleNotFoundError("No module named 'av'", name="av"), 2, "videostyle doctor"),
    (
        ZeroDivisionError("division\nby zero"),
        1,
        "ZeroDivisionError: division by zero; this is a bug; run with VIDEOSTYLE_",
    ),
    (ModuleNotFoundError("No module named 'videostyle.x'", name="videostyle.x"), 1, "this is a bug"),
]


@pytest.mark.parametrize(("error", "code", "text"), FAILURES, ids=lambda value: type(value).__name__)
def test_a_failure_is_one_line_and_its_code(
    error: Exception, code: int, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIDEOSTYLE_DEBUG", raising=False)
    assert run_command("run", "in.mp4", "s.jpg", commands=Recorder(error).commands) == code
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert text in printed


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False)])
def test_debug_is_a_switch(
    value: str, shown: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDEOSTYLE_DEBUG", value)
    assert run_command("run", "in.mp4", "s.jpg", commands=Recorder(ZeroDivisionError()).commands) == 1
    assert ("in stylize" in capsys.readouterr().err) is shown


def test_the_work_is_done_in_another_thread(recorder: Recorder) -> None:
    run_command("run", "in.mp4", "s.jpg", commands=recorder.commands)
    assert recorder.threads[0] is not threading.main_thread()


def test_signal_handlers_are_restored(recorder: Recorder) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    assert run_command("run", "in.mp4", "s.jpg", commands=recorder.commands) == 0
    assert {number: signal.getsignal(number) for number in before} == before


# --- reports ------------------------------------------------------------------------------------------------------


def with_reports(recorder: Recorder, **others: Any) -> Commands:
    return replace(recorder.commands, write_run_report=workflow.write_run_report, **others)


def flags_of(names: list[Path]) -> list[str]:
    return [word for name in names for word in ("--report", str(name))]


def test_a_page_and_json_reports(recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON is written before the measurement, which pages wait for."""
    names = [tmp_path / name for name in ("look.HTML", "r.json", "B.JSON", "again.html")]
    measured: list[tuple[Job, RunReport]] = []

    def measure_run(job: Job, report: RunReport, progress: Any, cancel: Any) -> Measurement:
        assert names[1].is_file()
        assert names[2].is_file()
        measured.append((job, report))
        progress(Analyzing(1))
        progress(Notice("only now"))
        return example_measurement(3)

    commands = with_reports(recorder, measure_run=measure_run)
    assert run_command("run", "in.mp4", "s.jpg", *flags_of(names), "--seed", "3", commands=commands) == 0
    assert measured == [(recorder.jobs[0], finished(recorder.jobs[0]))]
    page = names[0].read_text(encoding="utf-8")
    assert "<title>in.mp4 in the style of s.jpg</title>" in page
    assert "videostyle run in.mp4 s.jpg --report" in page
    assert "--seed 3</pre>" in page
    assert "Warp error, gap 1" in page
    assert names[3].read_text(encoding="utf-8") == page
    assert capsys.readouterr().err.splitlines() == [
        "out.mp4: 0 frames in 1 min 5 s",
        "measuring the result for its report",
        "counting frames and finding cuts: 1",
        "note: only now",
    ]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (BadInput("in.mp4 is gone"), "in.mp4 is gone"),
        (MemoryError(), "not enough memory; a smaller --size needs less"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero; this is a bug"),
        (SystemExit(3), "SystemExit: 3"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failed_measurement_costs_only_the_measurement(
    error: BaseException, why: str, recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise error

    commands = with_reports(recorder, measure_run=fail)
    assert run_command("run", "in.mp4", "s.jpg", *flags_of([tmp_path / "p.html"]), "--quiet", commands=commands) == 0
    printed = capsys.readouterr().err
    assert printed.startswith(f"the result could not be measured: {why}")
    assert printed.count("\n") == 1
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert f"<li>the result was not measured: {why}" in page
    assert "Warp error" not in page


def test_json_alone_measures_nothing(recorder: Recorder, tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    assert run_command("run", "in.mp4", "s.jpg", *flags_of([report]), commands=with_reports(recorder)) == 0
    assert len(recorder.jobs) == 1
    assert set(json.loads(report.read_text())) >= {"schema", "frames"}


def test_a_failed_page_costs_nothing_else(
    recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, job: Job, report: RunReport, measurement: Measurement | None = None) -> None:
        if workflow.is_page(path):
            raise OSError(errno.ENOSPC, "no room", str(path))
        workflow.write_run_report(path, job, report, measurement)

    names = [tmp_path / name for name in ("look.html", "r.json")]
    commands = replace(recorder.commands, write_run_report=full)
    assert run_command("run", "in.mp4", "s.jpg", *flags_of(names), commands=commands) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-3].startswith("out.mp4: ")
    assert lines[-1].startswith(f"error: the disk is full: {names[0]}")
    assert names[1].is_file()


# --- other commands -----------------------------------------------------------------------------------------------


def test_measure_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    jobs: list[MeasureJob] = []

    def measure(job: MeasureJob, progress: Any, cancel: Any) -> Measurement:
        jobs.append(job)
        return example_measurement(3)

    commands = Commands(measure=measure)
    words = ["measure", "in.mp4", "out.mp4", "--style", "a.jpg", "--style", "b.jpg", "-o", "p.html"]
    assert run_command(*words, commands=commands) == 0
    assert jobs[0].styles == (Path("a.jpg"), Path("b.jpg"))
    assert jobs[0].page == Path("p.html")
    printed = capsys.readouterr().out
    assert re.search(r"^warp_1 +\d", printed, re.MULTILINE)
    assert run_command(*words, "--quiet", commands=commands) == 0
    assert capsys.readouterr().out == ""


def test_webcam_ends_with_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    jobs: list[WebcamJob] = []

    def webcam(job: WebcamJob, tell: Any, stop: Any) -> None:
        jobs.append(job)
        tell("the page is open")
        assert not stop()

    assert run_command("webcam", "a.jpg", "--serve", "0", commands=Commands(webcam=webcam)) == 0
    assert (jobs[0].styles, jobs[0].serve) == ((Path("a.jpg"),), 0)
    assert capsys.readouterr().err == "the page is open\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("--version") == 0
    assert re.fullmatch(r"videostyle \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_python_m_videostyle() -> None:
    done = subprocess.run([sys.executable, "-m", "videostyle", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "doctor" in done.stdout
