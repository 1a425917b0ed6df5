"""``rsitmd build``: from folders of images to a release."""

from rsitmd_tools.cli.lazy import LazyGroup

command = LazyGroup(
    "build",
    {
        "init": ("rsitmd_tools.cli.build.init", "Make a workspace."),
        "ingest": ("rsitmd_tools.cli.build.ingest", "Take in images from class folders."),
        "split": ("rsitmd_tools.cli.build.split", "Split into train, val and test."),
        "similarity": (
            "rsitmd_tools.cli.build.similarity",
            "Compute the prior: every image with every caption.",
        ),
        "release": ("rsitmd_tools.cli.build.release", "Make a release that can be cited."),
    },
    "Make a dataset: a workspace, its images, its split, its prior, its release.",
)
