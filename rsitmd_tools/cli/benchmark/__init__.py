"""``rsitmd benchmark``: train, evaluate and compare baselines."""

from rsitmd_tools.cli.lazy import LazyGroup

command = LazyGroup(
    "benchmark",
    {
        "train": ("rsitmd_tools.cli.benchmark.train", "Train a baseline on a dataset."),
        "evaluate": ("rsitmd_tools.cli.benchmark.evaluate", "Evaluate a run on a dataset."),
        "compare": ("rsitmd_tools.cli.benchmark.compare", "Compare runs over seeds and folds."),
        "report": ("rsitmd_tools.cli.benchmark.report", "Write a report of several runs."),
        "suite": (
            "rsitmd_tools.cli.benchmark.suite",
            "Train, evaluate and compare several configurations.",
        ),
        "weights": ("rsitmd_tools.cli.benchmark.weights", "Convert backbone weights for timm."),
        "search": (
            "rsitmd_tools.cli.benchmark.search",
            "Search by a sentence, keywords or an image.",
        ),
        "serve": (
            "rsitmd_tools.cli.benchmark.serve",
            "Show search results in a local web page.",
        ),
        "locate": (
            "rsitmd_tools.cli.benchmark.locate",
            "Locate a sentence in a large scene.",
        ),
        "positives": (
            "rsitmd_tools.cli.benchmark.positives",
            "Find sentences that may fit other images too.",
        ),
        "suspects": (
            "rsitmd_tools.cli.benchmark.suspects",
            "Find sentences that fit another image better.",
        ),
    },
    "Train, evaluate and compare the baselines.",
)
