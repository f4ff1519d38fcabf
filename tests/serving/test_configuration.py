"""What is written for the server, read by the messages that the server reads it with."""

import json
import multiprocessing
import os
import re
import threading
import time

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from hollow import hollow_versions
from tensorflow_serving.config import model_server_config_pb2

from kzoo.export import list_versions
from kzoo.export.layout import ALLOWED_BATCH_SIZES, CARD
from kzoo.serving import ServingError, promote, prune, read_labels, write_configuration
from kzoo.serving.configuration import Release
from kzoo.serving.deployment import compose, kubernetes
from kzoo.serving.releases import read_release, write_current_configuration, write_release


def parsed_models(base, file="models.config"):
    text = (base / "serving" / file).read_text()
    (config,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    return config


def message(name, fields):
    """A message of a schema that no package ships: as published in the server's repository."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="test", syntax="proto3")
    for wrapper in ("Wrapped", name):
        declared = file.message_type.add(name=wrapper)
        for number, (field, (kind, repeated)) in enumerate(
            ({"value": ("int64", False)} if wrapper == "Wrapped" else fields).items(), start=1
        ):
            added = declared.field.add(name=field, number=number, label=3 if repeated else 1)
            types = {"int64": 3, "bool": 8, "string": 9}
            if kind in types:
                added.type = types[kind]
            else:
                added.type, added.type_name = 11, f".test.{kind}"
            if kind == "Prometheus":
                prometheus = file.message_type.add(name="Prometheus")
                prometheus.field.add(name="enable", number=1, label=1, type=8)
                prometheus.field.add(name="path", number=2, label=1, type=9)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}"))()


BATCHING = {
    "max_batch_size": ("Wrapped", False),
    "batch_timeout_micros": ("Wrapped", False),
    "max_enqueued_batches": ("Wrapped", False),
    "num_batch_threads": ("Wrapped", False),
    "thread_pool_name": ("string", False),
    "allowed_batch_sizes": ("int64", True),
    "pad_variable_length_inputs": ("bool", False),
}


def test_without_labels_the_newest_version_is_served(base):
    write_configuration(base, Release())
    config = parsed_models(base)
    assert (config.name, config.base_path, config.model_platform) == ("iris", "/models/iris", "tensorflow")
    assert config.model_version_policy.latest.num_versions == 1


def test_labels_are_served_and_moved(base, settled):
    assert promote(base, 1).labels == {"stable": 1}
    assert promote(base, 2, "canary").labels == {"stable": 1, "canary": 2}
    config = parsed_models(base)
    assert list(config.model_version_policy.specific.versions) == [1, 2]
    assert dict(config.version_labels) == {"stable": 1, "canary": 2}
    settled(base)
    promote(base, 2)
    assert read_labels(base) == {"stable": 2, "canary": 2}
    # 1 stays loaded, for going back.
    assert list(parsed_models(base).model_version_policy.specific.versions) == [1, 2]
    promote(base, 2)
    assert list(parsed_models(base).model_version_policy.specific.versions) == [2]


def test_a_first_label_keeps_what_was_served(base):
    promote(base, 1)
    assert list(parsed_models(base).model_version_policy.specific.versions) == [1, 2]
    # Neither another export nor a start of the server changes that.
    assert write_current_configuration(base).served == (1, 2)
    assert list(parsed_models(base).model_version_policy.specific.versions) == [1, 2]


def test_a_pruned_version_is_not_served_any_more(tmp_path, settled):
    base = hollow_versions(tmp_path / "many", 1, 2, 3)
    write_current_configuration(base)
    write_release(base, Release({"stable": 3}, (1, 3)))
    # A server may still have the label at what was served before.
    assert prune(base, 1) == [2]
    settled(base)
    assert prune(base, 1) == [1]
    assert read_release(base).served == (3,)
    assert list(parsed_models(base).model_version_policy.specific.versions) == [3]


def test_a_label_goes_to_a_version_that_is_there(base):
    with pytest.raises(ServingError, match=r"has no version 7; there are: 1, 2\."):
        promote(base, 7)
    with pytest.raises(ServingError, match="is not a label"):
        promote(base, 1, "a label")
    with pytest.raises(ServingError, match="does not exist"):
        promote(base.parent / "wine", 1)
    assert not (base / "serving").exists()
    (base / "serving").mkdir()
    (base / "serving" / "labels.json").write_text("[1")
    with pytest.raises(ServingError, match="not readable as labels"):
        promote(base, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1",
        "[" * 100_000,
        '{"labels": {"stable": 1e400}, "served": []}',
        '{"labels": {"stable": "1"}, "served": []}',
        '{"labels": {"stable": true}, "served": []}',
        '{"labels": {"stable": 9223372036854775808}, "served": []}',
        '{"labels": {"a\\" } evil": 1}, "served": []}',
        '{"labels": {"\\ud800": 1}, "served": []}',
        '{"labels": [], "served": [[]]}',
        '{"served": []}',
        f'{{"labels": {{"{"a b" * 1000}": 1}}, "served": []}}',
        f'{{"labels": {{"stable": {[3000] * 3000}}}, "served": []}}',
    ],
)
def test_labels_that_somebody_else_has_written(base, text):
    (base / "serving").mkdir()
    (base / "serving" / "labels.json").write_text(text)
    with pytest.raises(
        ServingError, match=r"labels\.json: not readable as labels .*; mend it or remove it\.$"
    ) as caught:
        read_labels(base)
    assert len(str(caught.value)) < 400


def test_a_label_on_a_version_that_is_gone_is_kept_from_the_server(base):
    promote(base, 1)
    promote(base, 2, "canary")
    (base / "2").rename(base / ".gone")
    write_current_configuration(base)
    assert dict(parsed_models(base).version_labels) == {"stable": 1}
    assert read_labels(base) == {"stable": 1, "canary": 2}


def test_labels_moved_at_once_are_all_kept(base):
    words = ["stable", "canary", "blue", "green", "old", "new"]
    threads = [threading.Thread(target=promote, args=(base, 1 + i % 2, word)) for i, word in enumerate(words)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_labels(base)) == set(words)
    assert dict(parsed_models(base).version_labels) == read_labels(base)


def test_batching_fits_the_warm_up(base):
    write_configuration(base, Release())
    found = text_format.Parse((base / "serving" / "batching.config").read_text(), message("Batching", BATCHING))
    assert tuple(found.allowed_batch_sizes) == ALLOWED_BATCH_SIZES
    assert found.max_batch_size.value == ALLOWED_BATCH_SIZES[-1]


def with_inputs(base, version, *inputs):
    """A version whose card says what it takes."""
    card = base / str(version) / CARD
    card.parent.mkdir(parents=True, exist_ok=True)
    card.write_text(json.dumps({"signatures": {"serving_default": {"inputs": list(inputs), "outputs": []}}}))


@pytest.mark.parametrize(
    ("inputs", "batching"),
    [
        (["inputs: float32 [any, 4]"], True),
        (["inputs: string [any]"], True),
        (["inputs: float32 [any, any, 4]"], False),
        (["a: float32 [any, 4]", "a [b]: int64 [any, any]"], False),
        (["any [any: float32 [any, 4]"], True),
        (["inputs: float32 any shape"], False),
    ],
)
def test_inputs_of_any_size_are_not_batched(inputs, batching, tmp_path):
    base = tmp_path / "m"
    with_inputs(base, 1, *inputs)
    directory = write_configuration(base, Release())
    (service,) = yaml.safe_load((directory / "compose.yaml").read_text())["services"].values()
    _, deployment, _ = yaml.safe_load_all((directory / "kubernetes.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    for options in (service["command"], container["args"]):
        assert ("--enable_batching=true" in options) is batching
        assert any("batching" in option for option in options) is batching
    for file in ("compose.yaml", "kubernetes.yaml", "batching.config"):
        assert ("an open dimension beside the batch" in (directory / file).read_text()) is not batching
    text_format.Parse((directory / "batching.config").read_text(), message("Batching", BATCHING))


def test_a_later_version_changes_what_is_not_changed_by_hand(tmp_path):
    base = tmp_path / "m"
    with_inputs(base, 1, "inputs: float32 [any, 4]")
    directory = write_configuration(base, Release())
    mine = "# mine\n" + (directory / "kubernetes.yaml").read_text()
    (directory / "kubernetes.yaml").write_text(mine)
    with_inputs(base, 2, "inputs: float32 [any, any]")
    write_configuration(base, Release())
    assert "--enable_batching" not in (directory / "compose.yaml").read_text()
    assert (directory / "kubernetes.yaml").read_text() == mine


def test_a_version_without_a_card_is_taken_for_one_of_known_size(tmp_path):
    (tmp_path / "m" / "1").mkdir(parents=True)
    with_inputs(tmp_path / "m", 2)
    (tmp_path / "m" / "2" / CARD).write_text("[1")
    directory = write_configuration(tmp_path / "m", Release())
    assert "--enable_batching" in (directory / "compose.yaml").read_text()


def test_monitoring(base):
    write_configuration(base, Release())
    schema = message("Monitoring", {"prometheus_config": ("Prometheus", False)})
    found = text_format.Parse((base / "serving" / "monitoring.config").read_text(), schema)
    assert found.prometheus_config.enable
    assert found.prometheus_config.path.startswith("/monitoring/")


def test_compose_listens_on_this_machine_only(base):
    directory = write_configuration(base, Release())
    (service,) = yaml.safe_load((directory / "compose.yaml").read_text())["services"].values()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["volumes"] == ["..:/models/iris:ro"]
    files = [option.split("=")[1] for option in service["command"] if "_file=" in option]
    for file in files:
        assert (base / file.removeprefix("/models/iris/")).is_file()


def test_kubernetes_objects_fit_together(base):
    directory = write_configuration(base, Release())
    claim, deployment, service = yaml.safe_load_all((directory / "kubernetes.yaml").read_text())
    assert [each["kind"] for each in (claim, deployment, service)] == ["PersistentVolumeClaim", "Deployment", "Service"]
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {port["name"] for port in container["ports"]}
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    # The status of a model answers also while it loads, its metadata only when it is loaded.
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/iris/metadata"
    assert "--enable_batching=true" in container["args"]


@pytest.mark.parametrize("name", ["42", "yes", "Iris_v2.1", "a" * 70])
def test_names_that_yaml_or_kubernetes_would_mistake(name):
    (service,) = yaml.safe_load(compose(name))["services"]
    names = [service, *(each["metadata"]["name"] for each in yaml.safe_load_all(kubernetes(name)))]
    assert all(re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", each) for each in names)


def test_what_the_user_has_changed_stays(base):
    directory = write_configuration(base, Release())
    (directory / "compose.yaml").write_text("mine")
    promote(base, 1)
    assert (directory / "compose.yaml").read_text() == "mine"


def test_a_name_that_does_not_go_into_an_address(tmp_path):
    (tmp_path / "my model").mkdir()
    with pytest.raises(ServingError, match="cannot be the name of a served model"):
        write_configuration(tmp_path / "my model", Release())


def test_old_versions_are_pruned_but_not_labelled_ones(tmp_path):
    base = hollow_versions(tmp_path / "many", *range(1, 8))
    write_current_configuration(base)
    promote(base, 2)
    assert prune(base, 3) == [1, 3, 4]
    assert list_versions(base) == [2, 5, 6, 7]
    assert prune(base, 3) == []
    assert not list(base.glob(".removed*"))
    with pytest.raises(ServingError, match="expected 1 or more"):
        prune(base, 0)
    found = json.loads((base / "serving" / "labels.json").read_text())
    assert found == {"labels": {"stable": 2}, "served": [2, 7]}


def watch(base, stop, halves):
    """What the server does: list the base, take numbers for versions, open what a version needs."""
    while not stop.is_set():
        for version in [entry.name for entry in os.scandir(base) if entry.name.isdecimal()]:
            # A version that is gone meanwhile is gone whole; one that is there has all its files.
            present = {name: os.path.exists(base / version / name) for name in ("a", "saved_model.pb")}
            if not all(present.values()) and os.path.exists(base / version):
                halves.put(version)


def test_a_reader_never_sees_a_version_half_removed(tmp_path):
    base = hollow_versions(tmp_path / "many", *range(1, 60))
    for number in range(1, 60):
        (base / str(number) / "a").write_bytes(b"x")
    write_current_configuration(base)
    context = multiprocessing.get_context("fork")
    stop, halves = context.Event(), context.Queue()
    reader = context.Process(target=watch, args=(base, stop, halves))
    reader.start()
    for keep in range(59, 0, -1):
        prune(base, keep)
        time.sleep(0.001)
    stop.set()
    reader.join(timeout=20)
    assert halves.empty()
    assert list_versions(base) == [59]
