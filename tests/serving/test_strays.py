"""What stands beside versions: told by check, survived by serve, left alone by prune."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from kzoo.export import list_versions
from kzoo.export.layout import MANIFEST
from kzoo.export.versions import claim_version
from kzoo.serving import Client, ServingError, promote, prune, start
from kzoo.serving.configuration import Release
from kzoo.serving.ownership import unfinished
from kzoo.serving.releases import read_release, write_current_configuration, write_release
from kzoo.serving.strays import problems_beside


@pytest.fixture
def stray(hollow):
    """Versions 1 to 3, with things that a server takes for versions beside them."""
    (hollow / "7").write_text("notes")
    (hollow / "001").mkdir()
    (hollow / "-5").mkdir()
    (hollow / "12").symlink_to("/nowhere")
    (hollow / "readme.txt").write_text("")
    return hollow


def test_versions_are_directories_called_by_plain_numbers(stray):
    assert list_versions(stray) == [1, 2, 3]
    # Nothing is exported to a number that a server would already know.
    assert claim_version(stray) == 13


def test_each_of_them_is_told(stray):
    write_current_configuration(stray)
    write_release(stray, Release({"stable": 9}, (1,)))
    found = problems_beside(stray)
    assert [line.split(" ")[0] for line in found] == ["'-5'", "'001'", "'12'", "'7'", "The"]
    assert found[1].startswith("'001' is read as version 1 by a server: call it by the plain number")
    assert found[3] == "'7' is read as version 7 by a server, but is no directory: remove it, or give it another name."
    assert found[4] == "The label stable is at version 9, which is gone: kzoo promote gives it to another."
    assert problems_beside(stray / "1") == []


def test_models_that_no_server_finds(hollow):
    shutil.copytree(hollow / "1", hollow / "v0.1")
    assert problems_beside(hollow) == [
        "'v0.1' holds a model, but is no number, so that no server finds it: call it by one."
    ]
    with pytest.raises(
        ServingError, match=r"/1 holds a model itself; a server looks for it one level below, in .*/1/1"
    ):
        with start(hollow / "1"):
            pytest.fail("there is nothing to serve")


def test_a_linked_version(hollow):
    (hollow / "3").rename(hollow.parent / "kept")
    (hollow / "3").symlink_to(hollow.parent / "kept")
    (line,) = problems_beside(hollow)
    assert line.startswith(f"3 is a link to {hollow.parent / 'kept'}: a server in a container does not see")
    assert list_versions(hollow) == [1, 2, 3]
    # The link is not ours to remove.
    write_current_configuration(hollow)
    (hollow / "1" / MANIFEST).unlink()
    assert prune(hollow, 1) == []
    assert (hollow / "3").is_symlink()


def policy(base):
    text = (base / "serving" / "models.config").read_text()
    (config,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    return config.model_version_policy


def test_a_server_is_not_told_to_take_the_newest(stray):
    write_current_configuration(stray)
    assert list(policy(stray).specific.versions) == [3]
    assert read_release(stray) == Release()
    for name in ("7", "12"):
        (stray / name).unlink()
    for name in ("001", "-5"):
        (stray / name).rmdir()
    write_current_configuration(stray)
    assert policy(stray).latest.num_versions == 1


def test_serving_beside_strays(stray, stand_in, free_port, monkeypatch):
    monkeypatch.setenv("KZOO_STAND_IN", "hollow")
    port = free_port()
    with start(stray, host="0.0.0.0", rest_port=port, grpc_port=free_port(), timeout=20):
        assert [each.version for each in Client("moths", rest_port=port).status()] == [3]


def test_a_version_that_is_still_being_copied_is_served_when_it_is_whole(base, stand_in, free_port, monkeypatch):
    # It is tried again for 12 s, and whole before that.
    monkeypatch.setenv("KZOO_STAND_IN_HASTE", "5")
    variables = base / "2" / "variables" / "variables.data-00000-of-00001"
    kept = shutil.move(variables, base.parent / "kept")
    assert unfinished(base / "2") == "variables/variables.data-00000-of-00001 is missing."
    with pytest.raises(ServingError, match="is no whole export: variables/.* is missing"):
        promote(base, 2)
    port = free_port()
    copying = threading.Timer(8, shutil.move, (kept, variables))
    copying.start()
    with start(base, host="0.0.0.0", rest_port=port, grpc_port=free_port(), timeout=60):
        assert not copying.is_alive()
        assert Client("iris", rest_port=port).state() == "AVAILABLE"
    assert unfinished(base / "2") == ""


def images(directory):
    for digit in range(10):
        (directory / str(digit)).mkdir(parents=True)
        (directory / str(digit) / "a.png").write_bytes(b"pixels")
    return directory


def everything(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_a_folder_of_images_by_digit_loses_nothing(tmp_path):
    folder = images(tmp_path / "digits")
    before = everything(folder)
    with pytest.raises(ServingError, match=r"is no directory that kzoo has exported to .*: nothing was removed\.$"):
        prune(folder, 1)
    with pytest.raises(ServingError, match="is no whole export: saved_model.pb is missing"):
        promote(folder, 3)
    assert everything(folder) == before


def test_what_is_no_export_of_ours_among_ours_is_left_alone(base):
    """Images by digit that somebody has exported to, a model of another tool, and what looks like a removed version."""
    write_current_configuration(base)
    images(base.parent / "others")
    for number in range(3, 10):
        shutil.move(base.parent / "others" / str(number), base / str(number))
    (base / ".removed-backup").mkdir()
    (base / "11").mkdir()
    (base / "11" / "saved_model.pb").write_text("of another tool")
    assert prune(base, 1) == [1]
    assert list_versions(base) == [2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert (base / ".removed-backup").is_dir()


def test_a_prune_that_was_killed_is_ended_by_the_next(base):
    write_current_configuration(base)
    (base / "1").rename(base / ".removed-1")
    (base / ".removed-1" / "saved_model.pb").unlink()
    assert prune(base, 1) == []
    assert not (base / ".removed-1").exists()


def test_the_commands_tell(base, tmp_path):
    (base / "7").write_text("notes")
    code = "from kzoo.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code, "check", base], capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stdout.count("whole, and answers as when it was published") == 2
    assert f"{base}: '7' is read as version 7 by a server" in ran.stdout
    assert "its versions are fit to serve, but a server stumbles over what is beside them." in ran.stderr
    assert Path(base / "7").exists()
