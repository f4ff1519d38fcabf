import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from forked_python import ForkedPopen, run

from tuners import Study


def test_help_and_report_import_no_tensorflow(searched):
    code = (
        "import sys; from kzoo.cli.app import app; from typer.testing import CliRunner\n"
        "for command in (['--help'], ['models', 'mlp'], ['report', 'RUN'], ['audit', 'RUN']):\n"
        "    result = CliRunner().invoke(app, command)\n"
        "    assert result.exit_code == 0, result.output\n"
        "print({'tensorflow', 'keras.src', 'keras_tuner', 'pandas', 'sklearn', 'scipy.stats'} & set(sys.modules) or '')"
    )
    out = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=searched.directory)
    assert out.strip() == ""


LIVE = """
import atexit, sys
atexit.register(lambda: print(*{"tensorflow", "keras.src", "uvicorn", "starlette"} & {*sys.modules}, "end"))
sys.argv = ["kzoo", "report", "RUN", "--live", "--port", "0"]
from kzoo.cli import main; main()
"""


def test_the_live_page_is_there_until_it_is_ended(searched):
    files = sorted(path.name for path in (searched.directory / "RUN").iterdir())
    with subprocess.Popen(
        [sys.executable, "-c", LIVE], text=True, cwd=searched.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        lines = [running.stdout.readline() for _ in range(3)]
        assert lines[0] == "RUN: 6 trials finished. The search has ended; nothing more will change.\n"
        address = re.search(r"http://127.0.0.1:\d+/", lines[1])[0]
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert "<title>RUN</title>" in answer.read().decode()
        taken = searched("report", "RUN", "--live", "--port", address.split(":")[2].strip("/"))
        assert "is taken: choose another with --port" in str(taken.exception)
        running.send_signal(signal.SIGINT)
        said, wrong = running.communicate(timeout=20)
    assert (running.returncode, said, wrong) == (0, "The page has ended.\nend\n", "")
    assert sorted(path.name for path in (searched.directory / "RUN").iterdir()) == files


def test_a_failure_is_one_line(process):
    result = process("report", "nowhere")
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr


def test_killed_and_interrupted_searches_go_on_as_the_unbroken_one(tmp_path):
    # A shell has what it starts in the background ignore SIGINT, the tests as well, and whatever they start.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom kzoo.cli import main; main()"
    command = [sys.executable, "-c", code, "search", "softmax_regression"]
    command += ["--data", "wine", "--trials", "12", "--epochs", "3", "--json", "--out"]
    for sign, trials in ((signal.SIGKILL, 2), (signal.SIGINT, 4)):
        running = ForkedPopen([*command, "broken"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _wait_for(tmp_path / "broken", trials, running)
        running.send_signal(sign)
        running.communicate(timeout=60)
        assert running.returncode == (-signal.SIGKILL if sign == signal.SIGKILL else 130)
    for name in ("broken", "unbroken"):
        run([*command, name], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    broken, unbroken = (Study.load(tmp_path / name) for name in ("broken", "unbroken"))
    assert [trial.values for trial in broken.trials] == [trial.values for trial in unbroken.trials]
    assert [trial.score for trial in broken.trials] == pytest.approx([trial.score for trial in unbroken.trials])


def _wait_for(run, trials, running):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        journal = run / "journal.jsonl"
        if journal.exists() and journal.read_bytes().count(b'"kind":"ended"') >= trials:
            return
        if running.poll() is not None:
            raise AssertionError(running.stderr.read().decode())
        time.sleep(0.02)
    raise AssertionError("no trials in 90 seconds")


def test_an_interrupt_while_the_command_is_read_is_one_word(tmp_path):
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'kzoo.cli.search': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from kzoo.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Interrupted.\n")
