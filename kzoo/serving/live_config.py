"""The configuration as a running server reads it, following `models.config` beside the export."""

from __future__ import annotations

from pathlib import Path

from kzoo.serving import layout, models_config
from kzoo.serving.configuration import monitoring_config


class LiveConfig:
    """A directory with `models.config` and `monitoring.config` for one server.

    The paths in it are the server's, and nothing is written into the export.

    Args:
        base: Directory of the versions.
        directory: An empty directory.
        base_path: Where the server has the versions.

    Raises:
        ServingError: `models.config` beside the export is damaged.
    """

    def __init__(self, base: Path, directory: Path, base_path: str) -> None:
        self._source, self._directory, self._base_path = base / layout.DIRECTORY, directory, base_path
        self._name = base.name
        self._written = ""
        layout.write_text(directory / layout.MONITORING, monitoring_config())
        self.follow()

    def follow(self) -> None:
        """Take over what `kzoo promote` has changed.

        Raises:
            ServingError: `models.config` beside the export is damaged; the server goes on with the old one.
        """
        config = models_config.read_config(self._source)
        model = config.model_config_list.config[0]
        model.name, model.base_path = self._name, self._base_path
        if (text := str(config)) != self._written:
            models_config.write_config(self._directory, config)
            self._written = text

    @property
    def wanted(self) -> tuple[int, ...]:
        """Versions that the server is told to serve; empty for the newest."""
        return models_config.served_versions(models_config.read_config(self._directory))
