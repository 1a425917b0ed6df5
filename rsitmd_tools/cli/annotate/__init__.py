"""``rsitmd annotate``: the campaign in Label Studio."""

from rsitmd_tools.cli.lazy import LazyGroup

command = LazyGroup(
    "annotate",
    {
        "serve": ("rsitmd_tools.cli.annotate.serve", "Start Label Studio for a workspace."),
        "connect": ("rsitmd_tools.cli.annotate.connect", "Use a server that runs elsewhere."),
        "invite": ("rsitmd_tools.cli.annotate.invite", "Print a link by which people sign up."),
        "users": ("rsitmd_tools.cli.annotate.users", "Say who takes part; add, deactivate."),
        "pilot": ("rsitmd_tools.cli.annotate.pilot", "Try new people on the same images first."),
        "template": ("rsitmd_tools.cli.annotate.template", "Show and check annotators' pages."),
        "push": ("rsitmd_tools.cli.annotate.push", "Send images as tasks, each once."),
        "prefill": ("rsitmd_tools.cli.annotate.prefill", "Give captions to take and change."),
        "assist": ("rsitmd_tools.cli.annotate.assist", "Live hints for annotators."),
        "pull": ("rsitmd_tools.cli.annotate.pull", "Bring annotations into the workspace."),
        "review": ("rsitmd_tools.cli.annotate.review", "Send back, accept or reject sentences."),
        "backup": ("rsitmd_tools.cli.annotate.backup", "Copy workspace and server data."),
        "restore": ("rsitmd_tools.cli.annotate.restore", "Bring a backup back."),
        "log": ("rsitmd_tools.cli.annotate.log", "Show all that was written for an image."),
        "status": ("rsitmd_tools.cli.annotate.status", "Say how far the campaign is."),
    },
    "Run the captioning campaign in a real Label Studio.",
)
