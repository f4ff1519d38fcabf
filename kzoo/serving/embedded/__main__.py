"""Entry point of the embedded server's process: `python -m kzoo.serving.embedded --help`."""

import sys

# TensorFlow goes without Keras where it cannot be imported, and starts a third sooner.
sys.modules["keras"] = None  # type: ignore[assignment]

from kzoo.serving.embedded.run import main  # noqa: E402

sys.exit(main())
