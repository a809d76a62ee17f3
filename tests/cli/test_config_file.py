"""The config file: which value wins, what is refused, where paths lead, and what a report says of the origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import run_command
from videostyle.cli.main import Commands
from videostyle.config import Job, MeasureJob, TrainJob
from videostyle.options import command_line, result_options
from videostyle.provenance import plain_options, plain_origins
from videostyle.reports.records import RunReport


class Program:
    """The command line with a folder for the user's own file; it keeps the jobs instead of doing them."""

    def __init__(self, folder: Path):
        self.user = folder / "user"
        self.user.mkdir()
        self.clips = folder / "clips"
        self.clips.mkdir()
        self.jobs: list[Any] = []

    def keep(self, job: Job, *_: Any) -> RunReport:
        self.jobs.append(job)
        return RunReport(
            output=Path("out.mp4"), size=(18, 32), frames=(), shots=1, seconds=1.0, peak_memory=1, device="cpu",
            options=plain_options(job), versions={}, origins=plain_origins(job),
        )  # fmt: skip

    def run(self, *arguments: object, command: str = "run") -> int:
        commands = Commands(
            stylize=self.keep,
            measure=lambda job, *_: self.jobs.append(job),
            train=lambda job, *_: self.jobs.append(job),
            measure_run=lambda *_: None,
            user_folder=lambda: self.user,
        )
        return run_command(command, *arguments, commands=commands)

    def job(self, *arguments: object) -> Job:
        """The job of a run of the clip with these further arguments."""
        assert self.run(self.clips / "in.mp4", "s.jpg", *arguments, "--quiet") == 0
        return self.jobs[-1]

    def beside(self, text: str) -> Path:
        """Write the file beside the clip."""
        path = self.clips / "videostyle.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def own(self, text: str) -> Path:
        """Write the user's own file."""
        path = self.user / "videostyle.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def named(self, text: str) -> Path:
        """Write a file for --config."""
        path = self.clips / "job.toml"
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.delenv("VIDEOSTYLE_CONFIG", raising=False)
    return Program(tmp_path)


# --- precedence ---------------------------------------------------------------------------------------------------


def test_command_line_over_variable_over_preset_over_file(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer is taken away in turn, and the next one below shows."""
    program.own("style_weight = 1")
    program.beside("style_weight = 2\n[preset.night]\nstyle_weight = 3")
    monkeypatch.setenv("VIDEOSTYLE_STYLE_WEIGHT", "4")
    assert program.job("--preset", "night", "--style-weight", "5").style_weight == 5
    assert program.job("--preset", "night").style_weight == 4
    monkeypatch.delenv("VIDEOSTYLE_STYLE_WEIGHT")
    assert program.job("--preset", "night").style_weight == 3
    assert program.job().style_weight == 2
    program.beside("crf = 20")
    assert program.job().style_weight == 1
    program.own("")
    assert program.job().style_weight == 15


def test_files_add_up(program: Program) -> None:
    """The file beside the input replaces single options of the user's own, and presets of one name likewise."""
    program.own("crf = 20\ntv_weight = 7\n[preset.night]\ncrf = 30\nstyle_scale = 2")
    program.beside("crf = 21\n[preset.night]\ncrf = 31")
    plain, night = program.job(), program.job("--preset", "night")
    assert (plain.crf, plain.tv_weight, plain.style_scale) == (21, 7, 1)
    assert (night.crf, night.tv_weight, night.style_scale) == (31, 7, 2)


def test_config_is_read_alone(program: Program) -> None:
    program.own("crf = 20")
    program.beside("tv_weight = 7")
    assert program.job("--config", program.named("style_scale = 2")) == program.job(
        "--config", "/dev/null", "--style-scale", "2"
    )
    assert program.jobs[-1].crf is None


def test_config_by_a_variable(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOSTYLE_CONFIG", str(program.named("crf = 9")))
    assert program.job().crf == 9


@pytest.mark.parametrize("name", ["frames", "frames/", "./frames"])
def test_beside_a_folder_of_frames(program: Program, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program.beside("crf = 9")
    monkeypatch.chdir(program.clips)
    assert program.run(name, "s.jpg") == 0
    assert program.jobs[0].crf == 9


def test_one_file_is_read_once(program: Program) -> None:
    program.user = program.clips
    program.beside("report = ['r.json']")
    assert len(program.job().report) == 1


@pytest.mark.parametrize(
    ("text", "preset", "weight"),
    [
        ("preset = 'draft'", "draft", 15),
        ("[preset.night]\nstyle_weight = 30", "standard", 15),
        ("[preset.night]\npreset = 'high'", "standard", 15),
    ],
)
def test_built_in_presets(program: Program, text: str, preset: str, weight: float) -> None:
    program.beside(text)
    assert (program.job().preset, program.job().style_weight) == (preset, weight)
    assert program.job("--preset", "draft").preset == "draft"


def test_a_preset_is_made_from_a_built_in_one(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one, its own table says, or else the file; the variable chooses a preset like the option."""
    program.own("preset = 'high'")
    program.beside("[preset.quick]\npreset = 'draft'\ntv_weight = 5\n[preset.soft]\ntv_weight = 6")
    assert (program.job().preset, program.job().tv_weight) == ("high", 2)
    assert program.job("--preset", "quick").preset == "draft"
    assert program.job("--preset", "soft").preset == "high"
    monkeypatch.setenv("VIDEOSTYLE_PRESET", "quick")
    assert (program.job().preset, program.job().tv_weight) == ("draft", 5)
    assert (program.job("--preset", "soft").preset, program.job("--preset", "soft").tv_weight) == ("high", 6)
    monkeypatch.delenv("VIDEOSTYLE_PRESET")
    program.own("")
    assert program.job("--preset", "soft").preset == "standard"


def test_a_file_may_choose_a_preset_of_the_other(program: Program) -> None:
    program.own("[preset.night]\ntv_weight = 5")
    program.beside("preset = 'night'")
    assert (program.job().preset, program.job().tv_weight) == ("standard", 5)


def test_flags_are_switched_off_again(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line and in a preset, what a file or a variable has switched on."""
    program.beside("keep_colors = true\n[preset.own]\nkeep_colors = false")
    assert program.job().colors == "clip"
    assert program.job("--preset", "own").colors == "style"
    off = program.job("--no-keep-colors")
    assert off.colors == "style"
    assert command_line("run", off).endswith("--no-keep-colors")
    monkeypatch.setenv("VIDEOSTYLE_OVERWRITE", "1")
    assert not program.job("--no-overwrite").overwrite
    assert run_command("run", "--help") == 0
    assert "--no-" not in capsys.readouterr().out


def test_a_short_form_is_one_option_with_what_it_means(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    """--keep-colors and --colors clip are the same: a higher layer's one replaces a lower one's other."""
    program.own("keep_colors = true")
    assert program.job().colors == "clip"
    assert program.job("--colors", "match").colors == "match"
    program.beside("colors = 'match'\n[preset.own]\nkeep_colors = true")
    assert program.job().colors == "match"
    assert program.job("--keep-colors").colors == "clip"
    assert program.job("--preset", "own").colors == "clip"
    program.beside("colors = 'match'\nkeep_colors = true")
    assert program.run(program.clips / "in.mp4", "s.jpg") == 2
    assert "--keep-colors has no effect with --colors" in capsys.readouterr().err


# --- values and paths ---------------------------------------------------------------------------------------------


def test_values_have_the_types_of_their_options(program: Program) -> None:
    """Numbers, text, times and switches, in the forms that TOML has for them and that the command line takes."""
    file = program.named("""
        size = "720p"
        crf = 18
        style_weight = 20
        frames = 48
        fps = 29.97
        start = 00:01:30.5
        duration = "1m30s"
        keep_colors = true
        report = "r.json"
        also = ["a.mp4"]
    """)
    given = program.run("in.mp4", "s.jpg", "--config", file, "--size", "640")
    assert given == 2  # --report is refused with --also
    file.write_text(file.read_text(encoding="utf-8").replace('also = ["a.mp4"]', ""), encoding="utf-8")
    job = program.job("--config", file)
    assert (job.size, job.crf, job.style_weight, job.frames, job.fps) == ("720p", 18, 20.0, "48", "29.97")
    assert (job.start, job.duration, job.colors) == (90.5, 90.0, "clip")
    assert program.job("--config", file, "--size", "640").size == 640


def test_paths_are_relative_to_the_file(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, and text that may name one; absolute names, ~ and words stay. On the command line they are as ever."""
    monkeypatch.setenv("HOME", "/home/ada")
    file = program.named("""
        input = "in.mp4"
        styles = ["styles/a.jpg", "/b.jpg", "~/c.jpg"]
        output = "../out.mp4"
        report = ["r.json"]
        audio = "sound.wav"
        begin_with = "m.vstyle"
    """)
    assert program.run("--config", file) == 0
    (job,) = program.jobs
    folder = program.clips
    assert job.input == folder / "in.mp4"
    assert job.styles == (folder / "styles/a.jpg", Path("/b.jpg"), Path("/home/ada/c.jpg"))
    assert job.output == folder / "../out.mp4"
    assert job.report == (folder / "r.json",)
    assert job.audio == str(folder / "sound.wav")
    assert job.begin_with == folder / "m.vstyle"
    file.write_text("audio = 'none'", encoding="utf-8")
    assert program.job("--config", file, "-o", "out.mp4").audio == "none"
    assert program.jobs[-1].output == Path("out.mp4")


def test_arguments_from_the_file(program: Program) -> None:
    """INPUT and STYLE may be left out where --config sets them; the command line replaces them, all styles at once."""
    file = program.named("input = 'in.mp4'\nstyles = ['a.jpg', 'b.jpg']\noverwrite = true\nrestart = true")
    assert program.run("--config", file) == 0
    assert program.run("other.mp4", "--config", file) == 0
    assert program.run("other.mp4", "c.jpg", "--config", file) == 0
    clip, styles = program.clips / "in.mp4", (program.clips / "a.jpg", program.clips / "b.jpg")
    assert [(job.input, job.styles) for job in program.jobs] == [
        (clip, styles),
        (Path("other.mp4"), styles),
        (Path("other.mp4"), (Path("c.jpg"),)),
    ]
    assert program.jobs[0].overwrite
    assert program.jobs[0].restart


def test_measure_and_train_take_only_named_files(program: Program) -> None:
    """Keys of other commands are for those; a file that nobody named is for `run`."""
    program.beside("style_scale = 3\ncrf = 10")
    program.own("style_scale = 3")
    file = program.named("style_scale = 2\ncrf = 18\nstyles = ['a.jpg']\nminutes = 3")
    clip = program.clips / "in.mp4"
    assert program.run(clip, "out.mp4", "--config", file, command="measure") in (0, 1)
    assert program.run("a.jpg", "--on", clip, "--config", file, command="train") in (0, 1)
    measured, trained = program.jobs
    assert isinstance(measured, MeasureJob)
    assert isinstance(trained, TrainJob)
    assert (measured.style_scale, measured.styles) == (2, (program.clips / "a.jpg",))
    assert (trained.style_scale, trained.minutes, trained.styles) == (2, 3, (Path("a.jpg"),))
    program.run(clip, "out.mp4", "--style", "a.jpg", command="measure")
    assert program.jobs[-1].style_scale == 1


# --- refusals -----------------------------------------------------------------------------------------------------

REFUSED = [
    ("crf = 64", "{file}: crf 64 is out of range; accepted: 0 to 63"),
    ("crf = 1.5", "{file}: crf 1.5 is not a whole number; give a whole number"),
    ("style_weight = 'much'", "{file}: style_weight 'much' is not a number"),
    ("style_weight = nan", "{file}: style_weight nan is out of range"),
    ("style_weight = [1, 2]", "{file}: style_weight takes neither true and false nor several values; give a number"),
    ("codec = true", "{file}: codec takes neither true and false nor several values; give a number or a text"),
    ("keep_colors = 'maybe'", "{file}: keep_colors 'maybe' is neither true nor false; write true or false"),
    ("size = 'big'", "{file}: size 'big' is not a size; accepted: the longer side in pixels"),
    ("start = '1:30'", "{file}: start '1:30' is not a time; accepted: seconds"),
    ("frames = '9:3'", "{file}: frames 9:3 is neither a count nor a range of frames"),
    ("background = 'xyz'", "{file}: background xyz is not a color"),
    ("flow = 'fast'", "{file}: flow 'fast' is unknown; accepted: dis, raft, none"),
    ("device = ''", "{file}: device is an empty text; leave it out"),
    ("preset = 'best'", "{file}: preset 'best' is unknown; accepted: draft, standard, high"),
    ("style_wieght = 3", "{file}: style_wieght is not an option of videostyle; did you mean style_weight?"),
    ("style-weight = 3", "{file}: style-weight is not an option of videostyle; did you mean style_weight?"),
    ("zzz = 3", "{file}: zzz is not an option of videostyle; leave it out"),
    ("[night]\ncrf = 3", "{file}: night is not an option of videostyle"),
    ("[preset.draft]\ncrf = 3", "{file}: [preset.draft] has the name of a built-in preset; choose another name"),
    ("[preset]\nnight = 3", "{file}: preset.night is not a table; write [preset.night]"),
    ("[preset.night]\nsise = 3", "{file} [preset.night]: sise is not an option of videostyle; did you mean size?"),
    ("crf = 3\ncrf = 4", "the config file {file} is not TOML: Cannot overwrite a value"),
    ("preset = 'draft'\n[preset.night]", "the config file {file} is not TOML: "),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused(program: Program, text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence that names file and key, whichever file it is."""
    for write, more in ((program.beside, []), (program.own, []), (program.named, ["--config"])):
        file = write(text)
        assert program.run(program.clips / "in.mp4", "s.jpg", *more, *([file] if more else [])) == 2
        printed = capsys.readouterr().err
        assert printed.startswith(f"error: {message.format(file=file)}")
        assert printed.count("\n") == 1
        file.unlink()
    assert program.jobs == []


@pytest.mark.parametrize("line", ["input = 'a.mp4'", "styles = 'a.jpg'", "output = 'o.mp4'", "overwrite = true",
                                  "restart = true"])  # fmt: skip
def test_only_a_named_file_sets(program: Program, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What could read or replace other files than those on the command line, in the file itself and in a preset."""
    key = line.split()[0]
    for text, place in ((line, "{file}"), (f"[preset.night]\n{line}", "{file} [preset.night]")):
        file = program.beside(text)
        assert program.run(program.clips / "in.mp4", "s.jpg") == 2
        where = place.format(file=file)
        message = f"{where}: {key} may only be set by a file that --config names; leave it out, or add --config {file}"
        assert capsys.readouterr().err == f"error: {message}\n"


def test_other_refusals(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    clip, missing = program.clips / "in.mp4", program.clips / "no.toml"
    file = program.beside("[preset.night]\ncrf = 3\ntv_weight = -1")
    wrong = program.clips / "bytes.toml"
    wrong.write_bytes(b"crf = '\xff'")
    no_style = program.named("input = 'in.mp4'")
    for arguments, message in (
        ([clip, "s.jpg", "--preset", "day"], "--preset 'day' is unknown; accepted: draft, standard, high, night"),
        ([clip, "s.jpg", "--preset", "night"], f"{file} [preset.night]: tv_weight -1.0 is out of range"),
        ([clip, "s.jpg", "--config", missing], f"the config file {missing} cannot be read: No such file or directory"),
        ([clip, "s.jpg", "--config", program.clips], f"the config file {program.clips} cannot be read: Is a directory"),
        ([clip, "s.jpg", "--config", wrong], f"the config file {wrong} is not TOML: 'utf-8' codec can't decode"),
        (["--config", no_style], f"no STYLE was given; name it on the command line, or set styles in {no_style}"),
    ):  # fmt: skip
        assert program.run(*arguments) == 2
        assert message in capsys.readouterr().err
    assert program.jobs == []


def test_an_option_without_effect_names_its_file(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    file = program.beside("minutes = 3\ncrf = 20")
    assert program.run(program.clips / "in.mp4", "s.jpg") == 2
    expected = f"--minutes has no effect without --engine learned; leave it out; {file} sets minutes"
    assert capsys.readouterr().err.splitlines() == [f"from {file}: minutes, crf", f"error: {expected}"]


# --- origins ------------------------------------------------------------------------------------------------------


def test_origins(program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In JSON and on the page; a line says what a file that nobody named sets. Identity and equality do not hold them."""
    monkeypatch.setenv("VIDEOSTYLE_SEED", "7")
    own, beside = program.own("tv_weight = 3"), program.beside("crf = 20\n[preset.night]\nstyle_scale = 2")
    reports = [program.clips / "r.json", program.clips / "r.html"]
    flags = [word for report in reports for word in ("--report", report)]
    assert program.run(program.clips / "in.mp4", "s.jpg", "--preset", "night", *flags) == 0
    assert capsys.readouterr().err.splitlines()[:3] == [
        f"from {beside} [preset.night]: preset, style_scale",
        f"from {beside}: crf",
        f"from {own}: tv_weight",
    ]
    content = json.loads(reports[0].read_text(encoding="utf-8"))
    assert content["origins"] == {
        "input": "command line",
        "styles": "command line",
        "report": "command line",
        "seed": "VIDEOSTYLE_SEED",
        "style_scale": f"{beside} [preset.night]",
        "preset": f"{beside} [preset.night]",
        "crf": str(beside),
        "tv_weight": str(own),
    }
    assert content["options"]["crf"] == 20
    assert "origins" not in content["options"]
    page = reports[1].read_text(encoding="utf-8")
    assert f"20 ({beside})" in page
    assert "7 (VIDEOSTYLE_SEED)" in page
    (job,) = program.jobs
    monkeypatch.delenv("VIDEOSTYLE_SEED")
    by_hand = program.job("--config", "/dev/null", "--style-scale", "2", "--crf", "20", "--tv-weight", "3",
                          "--seed", "7", *flags)  # fmt: skip
    assert by_hand == job
    assert result_options(by_hand) == result_options(job)
    assert by_hand.origins != job.origins
