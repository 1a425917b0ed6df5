"""``rsitmd annotate``: run a captioning campaign in Label Studio."""

from rsitmd_tools.cli.lazy import LazyGroup

command = LazyGroup(
    "annotate",
    {
        "serve": ("rsitmd_tools.cli.annotate.serve", "Start Label Studio for a workspace."),
        "connect": (
            "rsitmd_tools.cli.annotate.connect",
            "Connect to an existing Label Studio server.",
        ),
        "invite": ("rsitmd_tools.cli.annotate.invite", "Print the sign-up link for annotators."),
        "users": (
            "rsitmd_tools.cli.annotate.users",
            "List, add, deactivate or remove annotators.",
        ),
        "pilot": ("rsitmd_tools.cli.annotate.pilot", "Test new annotators on common images."),
        "template": ("rsitmd_tools.cli.annotate.template", "Show and check labeling pages."),
        "push": ("rsitmd_tools.cli.annotate.push", "Assign images and send them as tasks."),
        "prefill": ("rsitmd_tools.cli.annotate.prefill", "Show existing captions for correction."),
        "assist": ("rsitmd_tools.cli.annotate.assist", "Show live hints to annotators."),
        "pull": ("rsitmd_tools.cli.annotate.pull", "Fetch annotations into the workspace."),
        "review": (
            "rsitmd_tools.cli.annotate.review",
            "List findings; send back, accept or reject sentences.",
        ),
        "backup": (
            "rsitmd_tools.cli.annotate.backup",
            "Back up the workspace and server data in one file.",
        ),
        "restore": ("rsitmd_tools.cli.annotate.restore", "Restore a backup into a new folder."),
        "log": ("rsitmd_tools.cli.annotate.log", "Show the annotation history of an image."),
        "status": ("rsitmd_tools.cli.annotate.status", "Show the progress of the campaign."),
    },
    "Run a captioning campaign in Label Studio.",
)
