"""``rsitmd build``: from folders of images to a release."""

from rsitmd_tools.cli.lazy import LazyGroup

command = LazyGroup(
    "build",
    {
        "init": ("rsitmd_tools.cli.building.init", "Create a workspace."),
        "ingest": (
            "rsitmd_tools.cli.building.ingest",
            "Add images from class folders; cut scenes into tiles.",
        ),
        "remove": (
            "rsitmd_tools.cli.building.remove",
            "Remove images from the dataset, or restore them.",
        ),
        "rename": ("rsitmd_tools.cli.building.rename", "Give an image another file name."),
        "recategorise": (
            "rsitmd_tools.cli.building.recategorise",
            "Give images another category; merge categories.",
        ),
        "where": ("rsitmd_tools.cli.building.where", "Print where an image comes from."),
        "export-footprints": (
            "rsitmd_tools.cli.building.export_footprints",
            "Write the footprints of the images.",
        ),
        "import": (
            "rsitmd_tools.cli.building.import_dataset",
            "Add the images and texts of another dataset.",
        ),
        "groups": (
            "rsitmd_tools.cli.building.groups",
            "List duplicate images and images of one place; correct the groups.",
        ),
        "split": ("rsitmd_tools.cli.building.split", "Split the images into train, val and test."),
        "overlap": (
            "rsitmd_tools.cli.building.overlap",
            "Compare datasets: common images, places and sentences.",
        ),
        "similarity": (
            "rsitmd_tools.cli.building.similarity",
            "Compute the prior similarity of images and captions.",
        ),
        "convert": ("rsitmd_tools.cli.building.convert", "Write a dataset in another format."),
        "release": ("rsitmd_tools.cli.building.release", "Create a release that can be cited."),
        "verify": (
            "rsitmd_tools.cli.building.verify",
            "Check that a release is complete and unchanged.",
        ),
        "complete": (
            "rsitmd_tools.cli.building.complete",
            "Add the images to a release without images.",
        ),
    },
    "Build a dataset: create a workspace, add images, split, compute the prior, release.",
)
