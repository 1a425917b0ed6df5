"""``rsitmd build``: from folders of images to a release."""

from rsitmd_tools.cli.lazy import LazyGroup

command = LazyGroup(
    "build",
    {
        "init": ("rsitmd_tools.cli.building.init", "Create a workspace."),
        "ingest": ("rsitmd_tools.cli.building.ingest", "Add images from class folders."),
        "import": (
            "rsitmd_tools.cli.building.import_dataset",
            "Add the images and texts of another dataset.",
        ),
        "split": ("rsitmd_tools.cli.building.split", "Split the images into train, val and test."),
        "similarity": (
            "rsitmd_tools.cli.building.similarity",
            "Compute the prior similarity of images and captions.",
        ),
        "convert": ("rsitmd_tools.cli.building.convert", "Write a dataset in another format."),
        "release": ("rsitmd_tools.cli.building.release", "Create a release that can be cited."),
    },
    "Build a dataset: create a workspace, add images, split, compute the prior, release.",
)
