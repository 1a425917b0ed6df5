"""Packages of the wheel: the folders at the top of the checkout lie under ``rsitmd_tools``."""

from setuptools import find_packages, setup

FOLDERS = {
    "rsitmd_tools": "rsitmd_tools",
    "rsitmd_tools.annotation_templates": "annotation_templates",
    "rsitmd_tools.baselines": "baselines",
    "rsitmd_tools.schemas": "schemas",
}

DATA = ("css", "csv", "html", "js", "json", "md", "svg", "txt", "xml", "yaml")

packages = [
    name
    for package, folder in FOLDERS.items()
    for name in [package, *(f"{package}.{sub}" for sub in find_packages(folder))]
]

setup(
    packages=packages,
    package_dir=FOLDERS,
    package_data={
        "": ["py.typed", *(f"**/*.{kind}" for kind in DATA)],
    },
    include_package_data=False,
)
