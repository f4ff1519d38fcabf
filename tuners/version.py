"""The version of this distribution, which has both packages, `kzoo` and `tuners`."""

from importlib.metadata import version

__version__ = version("kzoo")
