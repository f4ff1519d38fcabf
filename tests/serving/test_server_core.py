"""The embedded server's core against the rules of TensorFlow Serving, each with its place in the source.

Versions are directories with a file `saved_model.pb`, loaded by a loader that reads it; one test loads a real export.
"""

import contextlib
import threading
import time

import numpy as np
import pytest

from kzoo.export.versions import parse_version_number
from kzoo.serving.configuration import Release, models_config
from kzoo.serving.embedded.core import Options, ServerCore
from kzoo.serving.embedded.loading import load_version
from kzoo.serving.embedded.manager import Action, Harness, HarnessState, next_action
from kzoo.serving.embedded.model_config import ServedModel
from kzoo.serving.embedded.states import VersionState
from kzoo.serving.embedded.status import NotFound, StatusError
from kzoo.serving.embedded.version_source import aspired_versions

POLL = 0.02


class Loaded:
    def __init__(self, path):
        self.path, self.closed = path, False

    def close(self):
        self.closed = True


def load(path):
    """A version loads where its file is whole."""
    with contextlib.suppress(FileNotFoundError), open(f"{path}/saved_model.pb", encoding="utf-8") as file:
        if file.read() == "whole":
            return Loaded(path)
    raise StatusError("DATA_LOSS", "Can't parse saved_model.pb")


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.005)


class Served:
    """A core over a base path, and what moves its versions and labels."""

    def __init__(self, base, load=load, **options):
        self.base, self.config = base, base.parent / "models.config"
        base.mkdir()
        self.configure()
        defaults = {"max_num_load_retries": 0, "load_retry_interval_micros": 1000}
        polls = {"model_config_file_poll_wait_seconds": POLL, "file_system_poll_wait_seconds": POLL}
        self.core = ServerCore(Options(str(self.config), **{**defaults, **polls, **options}), load=load)

    def add(self, version, content="whole"):
        staged = self.base / f".staging-{version}"
        staged.mkdir()
        (staged / "saved_model.pb").write_text(content)
        staged.rename(self.base / str(version))

    def configure(self, labels=None, served=()):
        staged = self.config.with_suffix(".new")
        staged.write_text(models_config("m", str(self.base), Release(labels or {}, tuple(served))))
        staged.replace(self.config)

    def states(self):
        with contextlib.suppress(NotFound):
            return {each.version: each.state for each in self.core.status("m")}
        return {}

    def answers(self, **asked):
        with self.core.lease("m", **asked) as runner:
            assert not runner.closed
            return int(runner.path.rpartition("/")[2])

    def polls(self):
        """Waits until the configuration and the file system have been looked at some times."""
        time.sleep(5 * POLL + 0.25)


@pytest.fixture
def serve(tmp_path):
    cores = []

    def make(**options):
        served = Served(tmp_path / "m", **options)
        cores.append(served.core)
        return served

    yield make
    for core in cores:
        core.stop()


# --- which children of the base path are versions: file_system_storage_path_source.cc


@pytest.mark.parametrize(
    ("name", "number"),
    [("7", 7), ("007", 7), ("-1", -1), ("+3", 3), (" 5", 5), ("9223372036854775807", 2**63 - 1), ("0", 0)],
)
def test_names_that_are_versions(name, number):
    """ParseVersionNumber, which is absl::SimpleAtoi."""
    assert parse_version_number(name) == number


@pytest.mark.parametrize("name", ["", "v1", "1.0", ".removed-3", "9223372036854775808", "٣", "1_000", "0x1", "+-1"])
def test_names_that_are_none(name):
    assert parse_version_number(name) is None


def test_policies(tmp_path):
    for name in ("1", "3", "007", "10", "serving", ".staging-11"):
        (tmp_path / name).mkdir()
    (tmp_path / "20").write_text("a plain file is a version too")

    def found(**policy):
        pairs = aspired_versions(ServedModel("m", str(tmp_path), **policy))
        return [(number, path.rpartition("/")[2]) for number, path in pairs]

    # AspireLatestVersions, AspireAllVersions
    assert found() == [(20, "20")]
    assert found(newest=3) == [(20, "20"), (10, "10"), (7, "007")]
    assert sorted(found(policy="all")) == [(1, "1"), (3, "3"), (7, "007"), (10, "10"), (20, "20")]
    # AspireSpecificVersionsFastPath: all there, or AspireSpecificVersions: those that are there.
    assert found(policy="specific", versions=(3, 1)) == [(3, "3"), (1, "1")]
    assert found(policy="specific", versions=(3, 7, 99)) == [(3, "3"), (7, "007")]
    assert found(policy="specific") == []


def test_of_two_spellings_the_last_counts(tmp_path):
    """IndexChildrenByVersion."""
    for name in ("1", "001", "01"):
        (tmp_path / name).mkdir()
    ((_, path),) = aspired_versions(ServedModel("m", str(tmp_path)))
    assert path == str(tmp_path / "1")


def test_a_base_path_that_is_away_for_a_while_unloads_nothing(serve):
    """PollFileSystemForServable."""
    served = serve()
    served.add(1)
    served.core.start()
    served.base.rename(served.base.with_name("away"))
    served.polls()
    assert served.states() == {1: "AVAILABLE"}
    served.base.with_name("away").rename(served.base)
    served.add(2)
    until(lambda: served.states() == {2: "AVAILABLE", 1: "END"})


@pytest.mark.parametrize("kept", [False, True])
def test_a_base_path_without_versions(serve, kept):
    """PollFileSystemAndInvokeCallback: everything is unloaded, or with `servable_versions_always_present` nothing."""
    served = serve(servable_versions_always_present=kept)
    served.add(1)
    served.core.start()
    (served.base / "1").rename(served.base / ".gone")
    if kept:
        served.polls()
        assert served.states() == {1: "AVAILABLE"}
    else:
        until(lambda: served.states() == {1: "END"})


# --- loading and unloading: availability_preserving_policy.cc, aspired_versions_manager.cc, basic_manager.cc


def harness(version, state, aspired):
    return Harness(version, "", HarnessState(state), aspired)


@pytest.mark.parametrize(
    ("managed", "action"),
    [
        ([], None),
        ([(1, "ready", True)], None),
        # The new one is loaded before the old one goes.
        ([(1, "ready", False), (2, "new", True)], (Action.LOAD, 2)),
        ([(1, "ready", False), (2, "loading", True)], None),
        ([(1, "ready", False), (2, "ready", True)], (Action.UNLOAD, 1)),
        # A new one that does not load leaves the old one where it is.
        ([(1, "ready", False), (2, "error", True)], None),
        # One of them is enough to preserve availability.
        ([(1, "ready", False), (2, "ready", False), (3, "new", True)], (Action.UNLOAD, 1)),
        ([(1, "ready", False)], (Action.UNLOAD, 1)),
        ([(1, "new", True), (2, "new", True)], (Action.LOAD, 2)),
    ],
)
def test_the_availability_preserving_policy(managed, action):
    """AvailabilityPreservingPolicy::GetNextAction."""
    found = next_action([harness(*each) for each in managed])
    assert (found and (found[0], found[1].version)) == action


def test_roll_over_without_a_gap(serve):
    served = serve()
    served.add(1)
    served.core.start()
    failures, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                served.answers()
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in (2, 3, 4):
        served.add(version)
        until(
            lambda version=version: served.states() == {**dict.fromkeys(range(1, version), "END"), version: "AVAILABLE"}
        )
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert served.answers() == 4


def test_a_version_goes_when_its_last_request_has_been_answered(serve):
    """BasicManager::ExecuteUnload, FastReadDynamicPtr::Update: requests hold all versions of their time."""
    served = serve()
    served.add(1)
    served.core.start()
    lease = served.core.lease("m")
    with lease as runner:
        assert lease.version == 1
        served.add(2)
        # New requests find it, though its state is told only when the old map is free.
        until(lambda: served.answers() == 2)
        assert served.states() == {1: "AVAILABLE", 2: "LOADING"}
        assert not runner.closed
    until(lambda: served.states() == {1: "END", 2: "AVAILABLE"})
    assert runner.closed
    with pytest.raises(NotFound, match=r"Servable not found for request: Specific\(m, 1\)"):
        served.answers(version=1)


def test_a_version_that_does_not_load_is_not_tried_again(serve):
    """LoaderHarness::Load, AspiredVersionsManager::ProcessAspiredVersionsRequest."""
    served = serve()
    served.add(1)
    served.configure(served=(1,))
    served.core.start()
    served.add(2, "half")
    served.configure(served=(1, 2))
    until(lambda: served.states().get(2) == "END")
    (broken, _) = served.core.status("m")
    assert broken == VersionState(2, "END", "DATA_LOSS", "Can't parse saved_model.pb")
    (served.base / "2" / "saved_model.pb").write_text("whole")
    served.polls()
    # It is mended, but it is still the version that has failed; the old one goes on.
    assert served.states() == {1: "AVAILABLE", 2: "END"}
    assert served.answers() == 1
    # FlushServables: not wanted for a moment and then wanted again, it is a new one.
    served.configure(served=(1,))
    served.polls()
    served.configure(served=(1, 2))
    until(lambda: served.states() == {1: "AVAILABLE", 2: "AVAILABLE"})


def test_an_old_version_that_stands_in_for_a_broken_one_cannot_be_asked_for(serve):
    """ContainsAnyReaspiredVersions: it would have to be gone first, which it is only when another is loaded."""
    served = serve()
    served.add(1)
    served.core.start()
    served.add(2, "half")
    until(lambda: served.states().get(2) == "END")
    served.add(3)
    served.configure(served=(1, 3))
    served.polls()
    assert served.states() == {1: "AVAILABLE", 2: "END"}
    served.configure(served=(3,))
    until(lambda: served.states() == {1: "END", 2: "END", 3: "AVAILABLE"})


def test_a_half_copied_version_is_tried_again(serve):
    """util/retrier.cc, Retry, and `--max_num_load_retries`."""
    served = serve(max_num_load_retries=1000, load_retry_interval_micros=10_000)
    served.add(1)
    served.core.start()
    served.add(2, "half")
    until(lambda: served.states().get(2) == "LOADING")
    # `num_load_threads` is 0: nothing else is loaded meanwhile.
    served.add(3)
    served.polls()
    assert served.states() == {1: "AVAILABLE", 2: "LOADING"}
    (served.base / "2" / "saved_model.pb").write_text("whole")
    until(lambda: served.states() == {1: "END", 2: "END", 3: "AVAILABLE"})


def test_a_plain_file_is_a_version_that_does_not_load(serve):
    """ApproveLoad, EstimateResourceFromPathUsingDiskState: its state is START until then."""
    served = serve()
    served.add(1)
    served.core.start()
    (served.base / "7").write_text("stray")
    until(lambda: served.states().get(7) == "END")
    (broken, _) = served.core.status("m")
    assert broken.code == "FAILED_PRECONDITION"
    assert broken.message.startswith(
        "Error while attempting to reserve resources to load servable {name: m version: 7}: "
    )
    assert served.answers() == 1


def test_what_is_not_wanted_any_more_is_not_tried_again(serve):
    """BasicManager::CancelLoadServableRetry, in the initial load, which has threads of its own."""
    served = serve(max_num_load_retries=1000, load_retry_interval_micros=10_000)
    served.add(1)
    served.add(2, "half")
    served.configure(served=(1, 2))
    starting = threading.Thread(target=served.core.start)
    starting.start()
    until(lambda: served.states() == {1: "AVAILABLE", 2: "LOADING"})
    # SetNumLoadThreads: the server listens only when all initial loads have ended.
    served.polls()
    assert starting.is_alive()
    (served.base / "2").rename(served.base / ".gone")
    until(lambda: served.states() == {1: "AVAILABLE", 2: "END"})
    starting.join(10)
    assert not starting.is_alive()


# --- starting: server.cc, load_servables_fast.cc


def test_a_server_whose_only_version_does_not_load_does_not_start(serve):
    """ConnectSourcesWithFastInitialLoad."""
    served = serve()
    served.add(1, "half")
    with pytest.raises(StatusError) as caught:
        served.core.start()
    assert caught.value.code == "UNKNOWN"
    assert caught.value.message == (
        "1 servable(s) did not become available: {{name: m version: 1} due to error: DATA_LOSS: Can't parse "
        "saved_model.pb}, }"
    )


def test_a_server_without_a_version_waits_for_one(serve):
    """WaitUntilServablesReachState, without a deadline."""
    served = serve()
    starting = threading.Thread(target=served.core.start)
    starting.start()
    served.polls()
    assert starting.is_alive()
    with pytest.raises(NotFound, match="Could not find any versions of model m"):
        served.core.status("m")
    served.add(1)
    starting.join(10)
    assert not starting.is_alive()
    assert served.answers() == 1


def test_a_wait_ends_with_the_server(serve):
    served = serve()
    found = []

    def start():
        try:
            served.core.start()
        except StatusError as error:
            found.append(error.code)

    starting = threading.Thread(target=start)
    starting.start()
    until(lambda: served.core.names)
    served.core.stop()
    starting.join(10)
    assert found == ["CANCELLED"]


def test_a_server_can_be_stopped_at_any_moment_of_its_start(serve, monkeypatch):
    served = serve()
    started = threading.Thread.start

    def stop_first(thread):
        if thread.name == "manage-versions":
            stopping = threading.Thread(target=served.core.stop, name="stopping")
            started(stopping)
            stopping.join(0.1)
        started(thread)

    monkeypatch.setattr(threading.Thread, "start", stop_first)
    with pytest.raises(StatusError, match="CANCELLED"):
        served.core.start()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "NOT_FOUND"),
        ("model_config_list {", "INVALID_ARGUMENT"),
        ('model_config_list { config { name: "m" base_path: "/m" } }', "INVALID_ARGUMENT"),
        ('model_config_list { config { name: "m" base_path: "m" model_platform: "tensorflow" } }', "INVALID_ARGUMENT"),
        ("model_config_list { config { } config { } }", "UNIMPLEMENTED"),
    ],
)
def test_configurations_that_end_the_server(tmp_path, text, code):
    """Server::BuildAndStart, ValidateModelConfigList, CreateStoragePathRoutes."""
    path = tmp_path / "models.config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StatusError) as caught:
        ServerCore(Options(str(path)), load=load).start()
    assert caught.value.code == code


# --- labels: server_core.cc


def test_a_moved_label_to_a_version_that_is_not_loaded_discards_the_configuration(serve):
    """ServerCore::ReloadConfig: the labels come first, so that the version is never loaded."""
    served = serve(allow_version_labels_for_unavailable_models=True)
    served.add(1)
    served.add(2)
    served.configure({"stable": 1}, (1,))
    served.core.start()
    served.configure({"stable": 2}, (1, 2))
    served.polls()
    assert served.states() == {1: "AVAILABLE"}
    assert served.answers(label="stable") == 1
    # In two steps it arrives.
    served.configure({"stable": 1}, (1, 2))
    until(lambda: served.states() == {1: "AVAILABLE", 2: "AVAILABLE"})
    served.configure({"stable": 2}, (1, 2))
    until(lambda: served.answers(label="stable") == 2)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_new_label_to_a_version_that_is_not_loaded(serve, allowed):
    """UpdateModelVersionLabelMap: `--allow_version_labels_for_unavailable_models` is for labels not in use."""
    served = serve(allow_version_labels_for_unavailable_models=allowed)
    served.add(1)
    served.add(2)
    served.configure(served=(1,))
    served.core.start()
    served.configure({"stable": 2}, (1, 2))
    if allowed:
        until(lambda: served.states() == {1: "AVAILABLE", 2: "AVAILABLE"})
        assert served.answers(label="stable") == 2
    else:
        served.polls()
        assert served.states() == {1: "AVAILABLE"}
        with pytest.raises(StatusError, match="INVALID_ARGUMENT: Unrecognized servable version label: stable"):
            served.answers(label="stable")


def test_a_starting_server_takes_labels_only_where_it_is_allowed(serve, tmp_path):
    """ServerCore::Create: nothing is loaded when the first configuration comes."""
    served = serve()
    served.add(1)
    served.configure({"stable": 1}, (1,))
    with pytest.raises(StatusError, match="which is not currently available for inference"):
        served.core.start()


def test_a_label_that_is_taken_away(serve):
    served = serve(allow_version_labels_for_unavailable_models=True)
    served.add(1)
    served.configure({"stable": 1, "canary": 1}, (1,))
    served.core.start()
    assert served.answers(label="canary") == 1
    served.configure({"stable": 1}, (1,))
    with pytest.raises(StatusError, match="Unrecognized servable version label: canary") as caught:
        until(lambda: served.answers(label="canary") != 1)
    assert caught.value.http_status == 400


def test_a_label_on_a_version_that_is_gone(serve):
    """AspireSpecificVersions: the version is unloaded; the label stays and leads to nothing."""
    served = serve(allow_version_labels_for_unavailable_models=True)
    served.add(1)
    served.add(2)
    served.configure({"stable": 2}, (1, 2))
    served.core.start()
    (served.base / "2").rename(served.base / ".gone")
    until(lambda: served.states()[2] == "END")
    with pytest.raises(NotFound, match=r"Servable not found for request: Specific\(m, 2\)") as caught:
        served.answers(label="stable")
    assert caught.value.http_status == 404


def test_a_configuration_that_is_broken_for_a_while_changes_nothing(serve):
    """Server::PollFilesystemAndReloadConfig."""
    served = serve()
    served.add(1)
    served.core.start()
    for text in ("model_config_list {", "", 'model_config_list { config { name: "other" } }'):
        served.config.write_text(text)
        served.polls()
        assert served.answers() == 1
    served.add(2)
    served.configure(served=(2,))
    until(lambda: served.states() == {1: "END", 2: "AVAILABLE"})


# --- requests: manager.h, get_model_status_impl.cc


def test_what_is_not_there(serve):
    served = serve()
    served.add(1)
    served.core.start()
    assert served.core.names == ["m"]
    with pytest.raises(NotFound, match=r"Servable not found for request: Latest\(moths\)"):
        served.core.lease("moths")
    with pytest.raises(NotFound, match=r"Servable not found for request: Specific\(m, 7\)"):
        served.core.lease("m", version=7)
    with pytest.raises(StatusError, match="ModelSpec has no name specified"):
        served.core.lease("")
    with pytest.raises(NotFound, match="Could not find any versions of model moths"):
        served.core.status("moths")
    with pytest.raises(NotFound, match="Could not find version 7 of model m"):
        served.core.status("m", 7)
    assert served.core.status("m", 1) == [VersionState(1, "AVAILABLE")]


# --- a real export: saved_model_warmup_util.cc


def test_an_export_is_loaded_warmed_up_and_asked(base, rows, expected):
    config = base.parent / "models.config"
    config.write_text(models_config("iris", str(base), Release({"canary": 2}, (1, 2))))
    core = ServerCore(Options(str(config), allow_version_labels_for_unavailable_models=True))
    core.start()
    try:
        with core.lease("iris", label="canary") as runner:
            answer = runner.run("numeric", {"inputs": rows.astype("float32")})
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
    finally:
        core.stop()


def test_a_warm_up_request_that_fails_fails_the_load(base):
    """RunSavedModelWarmupUntracked."""
    warmup = base / "2" / "assets.extra" / "tf_serving_warmup_requests"
    content = bytearray(warmup.read_bytes())
    content[40] ^= 1
    warmup.write_bytes(content)
    with pytest.raises(StatusError, match="DATA_LOSS"):
        load_version(str(base / "2"))


def test_a_version_whose_variables_are_still_being_copied_does_not_load(base):
    """TensorFlow loads a graph without its variables; the warm-up requests then fail the load."""
    (base / "2" / "variables").rename(base / ".variables")
    with pytest.raises(StatusError):
        load_version(str(base / "2"))


def test_a_version_without_a_graph_does_not_load(base):
    (base / "1" / "saved_model.pb").unlink()
    with pytest.raises(NotFound, match=r"Could not find SavedModel \.pb"):
        load_version(str(base / "1"))
    (base / "2" / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(StatusError):
        load_version(str(base / "2"))
