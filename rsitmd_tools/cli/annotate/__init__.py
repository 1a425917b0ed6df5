"""``rsitmd annotate``: the campaign in Label Studio."""

from rsitmd_tools.cli.lazy import LazyGroup

command = LazyGroup(
    "annotate",
    {
        "serve": ("rsitmd_tools.cli.annotate.serve", "Start Label Studio for a workspace."),
        "connect": ("rsitmd_tools.cli.annotate.connect", "Use a server that runs elsewhere."),
        "invite": ("rsitmd_tools.cli.annotate.invite", "Print the link for annotators to sign up."),
        "users": ("rsitmd_tools.cli.annotate.users", "List annotators; add, deactivate."),
        "pilot": ("rsitmd_tools.cli.annotate.pilot", "Test new annotators on the same images."),
        "template": ("rsitmd_tools.cli.annotate.template", "Show and check labeling pages."),
        "push": ("rsitmd_tools.cli.annotate.push", "Send images as tasks, each once."),
        "prefill": ("rsitmd_tools.cli.annotate.prefill", "Offer captions to accept or change."),
        "assist": ("rsitmd_tools.cli.annotate.assist", "Live hints for annotators."),
        "pull": ("rsitmd_tools.cli.annotate.pull", "Bring annotations into the workspace."),
        "review": ("rsitmd_tools.cli.annotate.review", "Send back, accept or reject sentences."),
        "backup": ("rsitmd_tools.cli.annotate.backup", "Copy workspace and server data."),
        "restore": ("rsitmd_tools.cli.annotate.restore", "Restore a backup."),
        "log": ("rsitmd_tools.cli.annotate.log", "Show the history of an image."),
        "status": ("rsitmd_tools.cli.annotate.status", "Show the progress of the campaign."),
    },
    "Run the captioning campaign in a real Label Studio.",
)
