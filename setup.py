"""Puts configs/ into the wheel as multitask/configs; all else is said in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CONFIGS = "configs"


class BuildWithConfigs(build_py):
    """Copies the package, and the configurations that it offers."""

    def run(self) -> None:
        """Build; an editable installation reads the repository's own folder."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "multitask", CONFIGS)
            # An earlier build may have copied files that were deleted since.
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(CONFIGS, target)


setup(cmdclass={"build_py": BuildWithConfigs})
