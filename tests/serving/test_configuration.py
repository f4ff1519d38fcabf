"""Every file of the configuration is read by its own schema, as the server, Compose and Kubernetes read it."""

import re

import pytest
import server_protos
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from kzoo.export.layout import ALLOWED_BATCH_SIZES
from kzoo.export.versions import list_versions
from kzoo.serving import ServingError, write_configuration
from kzoo.serving.container import slug

# The flags of tensorflow_model_server that we use, from its main.cc; another name is a crash at start.
FLAGS = {
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "allow_version_labels_for_unavailable_models",
    "monitoring_config_file",
    "enable_batching",
    "batching_parameters_file",
}
NAMES = ("insects", "my model_2", "yes", "42", "größe: {x} $(HOME)")


@pytest.fixture
def directory(base):
    written = write_configuration(base)
    assert {path.parent for path in written} == {base / "serving"}
    return base / "serving"


def test_what_the_server_takes_for_versions_is_the_same_with_the_configuration(base, directory):
    assert list_versions(base) == [1, 2, 3]
    assert not [path.name for path in directory.iterdir() if path.name.startswith(".")]


def test_models_config_serves_the_newest(directory):
    text = (directory / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("insects", "/models/insects", "tensorflow")
    assert model.model_version_policy.latest.num_versions == 1
    assert not model.version_labels


def test_batching_pads_to_the_sizes_that_exports_are_warmed_up_at(directory):
    batching = text_format.Parse((directory / "batching.config").read_text(), server_protos.BatchingParameters())
    assert tuple(batching.allowed_batch_sizes) == ALLOWED_BATCH_SIZES
    assert batching.allowed_batch_sizes[-1] == batching.max_batch_size.value
    assert sorted(set(ALLOWED_BATCH_SIZES)) == list(ALLOWED_BATCH_SIZES)


def test_prometheus_asks_where_the_server_answers(directory):
    monitoring = text_format.Parse((directory / "monitoring.config").read_text(), server_protos.MonitoringConfig())
    assert monitoring.prometheus_config.enable
    deployment = manifests(directory)["Deployment"]
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == monitoring.prometheus_config.path
    assert all(isinstance(value, str) for value in annotations.values())


def check_flags(flags, mounted_at, directory):
    """Only flags that the server has, and files that are there once the base directory is mounted."""
    for flag in flags:
        name, _, value = re.fullmatch(r"--(\w+)(=)(.+)", flag).groups()
        assert name in FLAGS
        if name.endswith("_file"):
            assert value.startswith(f"{mounted_at}/")
            assert (directory.parent / value.removeprefix(f"{mounted_at}/")).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_compose(base, name):
    write_configuration(base, name=name)
    compose = yaml.safe_load((base / "serving" / "compose.yaml").read_text())
    ((service_name, service),) = compose["services"].items()
    assert re.fullmatch(r"[a-z][a-z0-9-]*", service_name)
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    (volume,) = service["volumes"]
    assert volume["read_only"] is True
    assert volume["target"].replace("$$", "$") == f"/models/{name}"
    assert (base / "serving" / volume["source"]).resolve() == base
    check_flags([flag.replace("$$", "$") for flag in service["command"]], f"/models/{name}", base / "serving")
    assert service["healthcheck"]["test"][:2] == ["CMD", "bash"]


def manifests(directory):
    return {each["kind"]: each for each in yaml.safe_load_all((directory / "kubernetes.yaml").read_text())}


@pytest.mark.parametrize("name", NAMES)
def test_kubernetes(base, name):
    write_configuration(base, name=name)
    found = manifests(base / "serving")
    assert set(found) == {"PersistentVolumeClaim", "Deployment", "Service"}
    for each in found.values():
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", each["metadata"]["name"])
    deployment, service = found["Deployment"]["spec"], found["Service"]["spec"]
    pod = deployment["template"]
    assert deployment["selector"]["matchLabels"] == pod["metadata"]["labels"] == service["selector"]
    (container,) = pod["spec"]["containers"]
    (mount,) = container["volumeMounts"]
    (volume,) = pod["spec"]["volumes"]
    assert mount["name"] == volume["name"]
    assert mount["readOnly"] is True
    assert volume["persistentVolumeClaim"]["claimName"] == found["PersistentVolumeClaim"]["metadata"]["name"]
    check_flags([flag.replace("$$", "$") for flag in container["args"]], mount["mountPath"], base / "serving")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    assert {port["targetPort"] for port in service["ports"]} == set(ports)
    assert container["startupProbe"]["httpGet"]["port"] in ports


def test_what_was_changed_by_hand_stays(base, directory):
    (directory / "batching.config").write_text("max_batch_size { value: 7 }")
    (directory / "compose.yaml").unlink()
    assert write_configuration(base) == [directory / "compose.yaml"]
    assert "7" in (directory / "batching.config").read_text()


def test_no_export_no_configuration(tmp_path):
    with pytest.raises(ServingError, match="kzoo export RUN --name beetles"):
        write_configuration(tmp_path / "beetles")
    assert not (tmp_path / "beetles").exists()


def test_long_names_fit_kubernetes():
    assert slug("A" * 62 + "_b") == "a" * 62
