"""``rsitmd benchmark evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.options import input_options, json_option, print_json
from rsitmd_tools.errors import WrongUsage

KS = ("r1", "r5", "r10")


@click.command("evaluate", short_help="Evaluate a run on a dataset.")
@click.argument("run", metavar="[RUN]", type=click.Path(path_type=Path))
@click.argument("path", metavar="PATH", required=False, type=click.Path(path_type=Path))
@input_options
@click.option("--split", default="test", show_default=True, help="The split to evaluate on.")
@click.option(
    "--scores",
    metavar="FILE.npy",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Judge this score matrix (images x sentences) in place of a run.",
)
@click.option(
    "--views",
    type=click.IntRange(1, 8),
    default=1,
    show_default=True,
    help="See each image in so many of its eight rotations and flips; scores are their mean.",
)
@click.option("--maps", is_flag=True, help="Draw MVSA's saliency maps into RUN/maps.")
@click.option("--trec", is_flag=True, help="Write run files in the format of TREC into RUN/trec.")
@click.option(
    "--positives",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Extra positives, of: rsitmd benchmark positives.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the result in place of RUN, as `compare` and `report` read it.",
)
@device_option
@json_option
def command(
    run: Path,
    path: Path | None,
    input_format: str | None,
    image_folder: Path | None,
    split: str,
    scores: Path | None,
    views: int,
    maps: bool,
    trec: bool,
    positives: Path | None,
    output: Path | None,
    device: str,
    as_json: bool,
) -> int:
    """Evaluate the best checkpoint of a run, or a score matrix of your own.

    RUN/result.json holds the result, or DIR/result.json with -o DIR. A RUN of several seeds
    or folds is evaluated one by one. What --maps and --trec write comes last: where it fails,
    the result is there, and the exit code is 1. Of --scores FILE.npy, rows are the images of
    the split and columns its sentences, in the order of the dataset, or as FILE.json beside
    it names them.

    \b
    Examples:
      rsitmd benchmark evaluate runs/fusion release/
      rsitmd benchmark evaluate runs/fusion release/ --split val --json
      rsitmd benchmark evaluate runs/fusion release/ --maps --trec
      rsitmd benchmark evaluate runs/fusion release/ --views 8
      rsitmd benchmark evaluate /read-only/fusion release/ -o results/fusion
      rsitmd benchmark evaluate --scores mine.npy release/ -o results/mine
    """
    _check_usage(run, path, scores, output, maps=maps, trec=trec, views=views)
    from rsitmd_tools.extras import require

    require("torch", "torchvision", "timm", "lightning")
    from rsitmd_tools.baselines.evaluation.evaluate import (
        EvaluationOptions,
        check_output,
        evaluate,
        evaluate_scores,
    )
    from rsitmd_tools.baselines.evaluation.optional import Failures
    from rsitmd_tools.baselines.run import runs_in
    from rsitmd_tools.formats import load_dataset

    options = EvaluationOptions(
        device=device, maps=maps, run_files=trec, positives=positives, views=views
    )
    failures = Failures()
    if scores is not None:
        dataset = load_dataset(run, input_format, image_folder)
        results = {scores.name: evaluate_scores(scores, dataset, split, options, output, failures)}
    else:
        assert path is not None
        dataset = load_dataset(path, input_format, image_folder)
        runs = [each.folder for each in runs_in(run)]
        places = _places(run, runs, output)
        for each in runs:  # all of them, before the first one is encoded
            check_output(each, places[each])
        results = {
            each.name: evaluate(each, dataset, split, options, places[each], failures)
            for each in runs
        }
    _print(results, as_json=as_json)
    for error in failures.errors:
        click.echo(f"error: {error}", err=True)
    return int(bool(failures.errors))


def _places(run: Path, runs: list[Path], output: Path | None) -> dict[Path, Path | None]:
    """Return where the result of each run goes; None for the run itself."""
    if output is None:
        return dict.fromkeys(runs)
    return {each: output if each == run else output / each.name for each in runs}


def _print(results: dict[str, dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        one = next(iter(results.values()))
        print_json(one if len(results) == 1 else {"runs": results})
        return
    for name, result in results.items():
        if len(results) > 1:
            click.echo(f"{name}:")
        for line in result_lines(result):
            click.echo(line)


def _check_usage(
    run: Path,
    path: Path | None,
    scores: Path | None,
    output: Path | None,
    *,
    maps: bool,
    trec: bool,
    views: int,
) -> None:
    if scores is None:
        if path is None:
            raise WrongUsage("no PATH given", hint="write: rsitmd benchmark evaluate RUN PATH")
        return
    if path is not None:
        raise WrongUsage("--scores takes no RUN", hint=f"leave out {run}: its model is not asked")
    if maps:
        raise WrongUsage("--maps needs a RUN", hint="a file of scores has no model to draw")
    if views > 1:
        raise WrongUsage(
            "--views needs a RUN", hint="a file of scores has no model to show them to"
        )
    if trec and output is None:
        raise WrongUsage("--trec needs a folder", hint="name one with -o DIR")


def result_lines(result: dict[str, Any]) -> list[str]:
    """Return the result as a small table."""
    lines = [f"{'percent':24} {'R@1':>7} {'R@5':>7} {'R@10':>7} {'median rank':>12}"]
    ways = (("image->text", "image_to_text"), ("text->image", "text_to_image"))
    soft = result["soft_positive"]
    for prefix, values in (
        ("", result),
        ("chance ", result["chance"]),
        ("soft ", soft),
        ("soft chance ", soft["chance"]),
    ):
        for short, way in ways:
            row = " ".join(f"{values[way][key]:7.2f}" for key in KS)
            rank = f"{result['median_rank'][way]:12.1f}" if values is result else ""
            lines.append(f"{prefix + short:24} {row} {rank}".rstrip())
    low, high = result["interval"]["mean_recall"]
    category = result["category_chance"]
    known = f" ({category['mean_recall']:.2f} by the category alone)" if category else ""
    ties = result["ties"]
    lines.append(
        f"mean recall {result['mean_recall']:.2f} (95 % interval {low:.2f} to {high:.2f}), "
        f"chance {result['chance']['mean_recall']:.2f}{known}; "
        f"if ties fell ill {ties['pessimistic']['mean_recall']:.2f}, "
        f"well {ties['optimistic']['mean_recall']:.2f}"
    )
    lines.append(_precision_line(result["map_at_r"]))
    gallery = result["gallery"]
    lines.append(
        f"gallery: {gallery['images']} images, {gallery['texts']} texts; {result['metric']}"
    )
    lines += _notes(result)
    return lines


def _precision_line(precision: dict[str, Any]) -> str:
    own, more = precision["own"], precision["with_extra_positives"]
    extra = precision["extra_positives"]
    kind = "verified" if extra["verified"] else "unverified"
    return (
        f"mAP@R image->text {own['image_to_text']:.2f}, text->image {own['text_to_image']:.2f}; "
        f"with {extra['pairs']} {kind} extra positives {more['image_to_text']:.2f}, "
        f"{more['text_to_image']:.2f}"
    )


def _notes(result: dict[str, Any]) -> list[str]:
    notes = []
    if result["images_without_sentences"] or result["blank_sentences"]:
        notes.append(
            f"left out: {result['images_without_sentences']} images without sentences, "
            f"{result['blank_sentences']} blank sentences"
        )
    if result.get("views", 1) > 1:
        notes.append(f"each image seen in {result['views']} views, the scores are their mean")
    if result["trained_on_this_data"] is False:
        notes.append("trained on other data than evaluated on")
    if result.get("seen_in_training"):
        notes.append(
            f"images of {result['split']} were learned from: this is no measure of new images"
        )
    if result.get("training_finished") is False:
        notes.append("the training is not finished: the best epoch so far was evaluated")
    weights = result["weights"]
    if weights is not None:
        notes.append(f"weights: {weights if isinstance(weights, str) else weights['file']}")
    return notes
