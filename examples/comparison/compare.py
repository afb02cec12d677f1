#!/usr/bin/env python3
"""Compares three documents with the same tests for Robot Framework and for hurl.

compare.py              counts lines and measures times
compare.py --fault F    shows what each tool says about a fault in the todo service

The faults are `patch` (PATCH forgets the change) and `import` (a typo, so the service does not start).
Programs are those in PATH, or what GREENROOM, ROBOT and HURL name.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent
TASKS = ["todo", "redis", "two-services"]
FAULTS = {"patch": ("item.update(change)", "change"), "import": ("import json\n", "import jsom\n")}
GREENROOM, ROBOT, HURL = (os.environ.get(name.upper(), name) for name in ("greenroom", "robot", "hurl"))


def lines(text, is_counted):
    return sum(1 for line in text.splitlines() if line.strip() and is_counted(line))


def lines_of_document(text):
    """Metadata, headings and scenarios; prose is a comment, and the services are not counted for anybody."""
    counted, inside = 0, None
    for line in text.split("\n# Appendix")[0].splitlines():
        if line == "---" or line.startswith("~~~"):
            inside = None if inside else line
            counted += 1
        elif line.strip() and (inside or line.startswith("#")):
            counted += 1
    return counted


def line_counts(task):
    robot = lines((HERE / f"{task}.robot").read_text(), lambda line: not line.strip().startswith("#"))
    script = HERE / f"{task}.sh"
    hurl = None
    if script.exists():
        text = script.read_text()
        used = [path for path in HERE.glob("*.hurl") if path.name in text]
        hurl = sum(lines(path.read_text(), lambda line: not line.startswith("#")) for path in [script, *used])
    return lines_of_document((EXAMPLES / f"{task}.md").read_text()), robot, hurl


def prepare(directory, fault=None):
    """Copies everything, with the services beside the tests that start them."""
    for path in HERE.iterdir():
        if path.suffix in (".robot", ".hurl", ".sh"):
            shutil.copy(path, directory)
    for task in TASKS:
        text = (EXAMPLES / f"{task}.md").read_text()
        if task == "todo" and fault:
            before, after = FAULTS[fault]
            assert text.count(before) == 1, f"{before!r} is not in todo.md once"
            text = text.replace(before, after)
        (directory / f"{task}.md").write_text(text)
        subprocess.run([GREENROOM, "extract", "-d", ".", f"{task}.md"], cwd=directory, check=True, capture_output=True)


def commands(task):
    yield "greenroom", [GREENROOM, "run", f"{task}.md"]
    yield "Robot Framework", [ROBOT, "--outputdir", "out", f"{task}.robot"]
    if (HERE / f"{task}.sh").exists():
        yield "hurl", ["./" + f"{task}.sh"]


def environment(directory):
    programs = directory / "programs"
    programs.mkdir()
    (programs / "hurl").symlink_to(shutil.which(HURL))
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "XDG_STATE_HOME": str(directory / "state")}


def measure(directory, runs):
    variables = environment(directory)
    print("| | " + " | ".join(["greenroom", "Robot Framework", "hurl and sh"]) + " |\n|---|--:|--:|--:|")
    for task in TASKS:
        times = {name: [] for name, _ in commands(task)}
        # In turns, so that other load of the machine meets all of them.
        for _ in range(runs):
            for name, command in commands(task):
                begun = time.monotonic()
                subprocess.run(command, cwd=directory, env=variables, check=True, capture_output=True)
                times[name].append(time.monotonic() - begun)
        ours = statistics.median(times["greenroom"])
        medians = [f"{statistics.median(all):.2f} s ({statistics.median(all) / ours:.1f})" for all in times.values()]
        counts = [str(count) if count else "" for count in line_counts(task)]
        print(f"| {task}: lines | " + " | ".join(counts) + " |")
        print(f"| {task}: time (ratio) | " + " | ".join(medians + [""] * (3 - len(medians))) + " |")


def show(directory):
    variables = environment(directory)
    for name, command in commands("todo"):
        begun = time.monotonic()
        ran = subprocess.run(command, cwd=directory, env=variables, text=True, capture_output=True)
        print(f"==== {name}: exit status {ran.returncode} after {time.monotonic() - begun:.1f} s ====")
        print(ran.stdout + ran.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="how often each tool runs [default: 7]")
    parser.add_argument("--fault", choices=FAULTS, help="shows what each tool says about this fault")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        prepare(directory, arguments.fault)
        if arguments.fault:
            show(directory)
        else:
            measure(directory, arguments.runs)


main()
