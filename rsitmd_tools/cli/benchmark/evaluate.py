"""``rsitmd benchmark evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.benchmark.arguments import check_dataset, check_run
from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.options import FILE, input_options, json_option, print_json
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage, count_of

KS = ("r1", "r5", "r10")
DIRECTIONS = (("image->text", "image_to_text"), ("text->image", "text_to_image"))


@click.command("evaluate")
@click.argument("run", metavar="[RUN]", required=False, type=PathType(path_type=Path))
@click.argument("path", metavar="PATH", required=False, type=PathType(path_type=Path))
@input_options
@click.option("--split", default="test", show_default=True, help="The split to evaluate on.")
@click.option(
    "--scores",
    metavar="FILE.npy",
    type=FILE,
    help="Evaluate this score matrix (images x sentences) instead of a run.",
)
@click.option(
    "--views",
    type=click.IntRange(1, 8),
    default=1,
    show_default=True,
    help="Number of rotations and flips of each image; the scores are means over them.",
)
@click.option(
    "--ensemble",
    is_flag=True,
    help="Evaluate the mean of the scores of all runs in RUN, as one model; requires -o.",
)
@click.option("--maps", is_flag=True, help="Draw MVSA's saliency maps into RUN/maps.")
@click.option("--trec", is_flag=True, help="Write TREC run files into RUN/trec.")
@click.option(
    "--positives",
    metavar="FILE",
    type=FILE,
    help="File of extra positives from `rsitmd benchmark positives`.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=PathType(file_okay=False, path_type=Path),
    help="Folder for the result, instead of RUN. `compare` and `report` read it like a run.",
)
@device_option
@json_option
def command(
    run: Path | None,
    path: Path | None,
    input_format: str | None,
    image_folder: Path | None,
    split: str,
    scores: Path | None,
    views: int,
    ensemble: bool,
    maps: bool,
    trec: bool,
    positives: Path | None,
    output: Path | None,
    device: str,
    as_json: bool,
) -> int:
    """Evaluate the best checkpoint of a run, or a score matrix of another model.

    The result is written to RUN/result.json, or to DIR/result.json with -o DIR. If RUN is a
    folder of several seeds or folds, each is evaluated; with --ensemble, all together. The
    files of --maps and --trec are written last. If one cannot be written, the result is still
    complete and the exit code is 1.

    In --scores FILE.npy, rows are the images of the split and columns its sentences, in the
    order of the dataset. FILE.json beside it can list them in another order.

    \b
    Examples:
      rsitmd benchmark evaluate runs/fusion release/
      rsitmd benchmark evaluate runs/fusion release/ --split val --json
      rsitmd benchmark evaluate runs/fusion release/ --maps --trec
      rsitmd benchmark evaluate runs/fusion release/ --views 8
      rsitmd benchmark evaluate runs/seeds release/ --ensemble -o results/ensemble
      rsitmd benchmark evaluate /read-only/fusion release/ -o results/fusion
      rsitmd benchmark evaluate --scores mine.npy release/ -o results/mine
    """
    _check_usage(run, path, scores, output, maps=maps, trec=trec, views=views, ensemble=ensemble)
    assert run is not None
    from rsitmd_tools.extras import require_training

    require_training()
    if positives is not None:
        from rsitmd_tools.formats.rsitmd import load_document

        load_document(positives)  # an error must not wait until all images are encoded
    if scores is not None:
        check_dataset(run)  # the only argument is PATH
    else:
        assert path is not None
        check_run(run)
        check_dataset(path)
    from rsitmd_tools.baselines.evaluation.ensemble import evaluate_ensemble
    from rsitmd_tools.baselines.evaluation.evaluate import (
        EvaluationOptions,
        check_output,
        evaluate,
        evaluate_scores,
    )
    from rsitmd_tools.baselines.evaluation.optional import Failures
    from rsitmd_tools.baselines.run import runs_in
    from rsitmd_tools.formats import load_dataset
    from rsitmd_tools.formats.unpacked import image_files

    options = EvaluationOptions(
        device=device, maps=maps, run_files=trec, positives=positives, views=views
    )
    failures = Failures()
    if scores is not None:
        dataset = load_dataset(run, input_format, image_folder)
        results = {scores.name: evaluate_scores(scores, dataset, split, options, output, failures)}
    else:
        assert path is not None
        runs = [each.folder for each in runs_in(run)]
        places = {} if ensemble else _places(run, runs, output)
        for each, place in places.items():  # check all before the first one is encoded
            check_output(each, place)
        with image_files(load_dataset(path, input_format, image_folder)) as dataset:
            results = {
                each.name: evaluate(each, dataset, split, options, place, failures)
                for each, place in places.items()
            }
            if ensemble:
                found = evaluate_ensemble(runs, dataset, split, options, output, failures)
                results = {run.name: found}
    _print(results, as_json=as_json)
    for error in failures.errors:
        click.echo(f"error: {error}", err=True)
    return int(bool(failures.errors))


def _places(run: Path, runs: list[Path], output: Path | None) -> dict[Path, Path | None]:
    """Return the folder for the result of each run; None for the run itself."""
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
    run: Path | None,
    path: Path | None,
    scores: Path | None,
    output: Path | None,
    *,
    maps: bool,
    trec: bool,
    views: int,
    ensemble: bool,
) -> None:
    if scores is None:
        if run is None:
            raise WrongUsage(
                "RUN and PATH are missing", hint="run: rsitmd benchmark evaluate RUN PATH"
            )
        if path is None:
            raise WrongUsage("PATH is missing", hint="run: rsitmd benchmark evaluate RUN PATH")
        if ensemble and output is None:
            raise WrongUsage("--ensemble requires a folder", hint="set one with -o DIR")
        if ensemble and maps:
            raise WrongUsage("--maps draws the maps of one run", hint="leave out --ensemble")
        return
    if run is None:
        raise WrongUsage(
            "PATH is missing", hint="run: rsitmd benchmark evaluate --scores FILE.npy PATH"
        )
    if path is not None:
        raise WrongUsage("--scores replaces RUN", hint=f"leave out {run}")
    if ensemble:
        raise WrongUsage("--ensemble requires a RUN", hint="leave out --ensemble or --scores")
    if maps:
        raise WrongUsage("--maps requires a RUN", hint="leave out --maps or --scores")
    if views > 1:
        raise WrongUsage("--views requires a RUN", hint="leave out --views or --scores")
    if trec and output is None:
        raise WrongUsage("--trec requires a folder", hint="set one with -o DIR")


def result_lines(result: dict[str, Any]) -> list[str]:
    """Return a result as text: a table of recalls, one line for each metric, and notes."""
    from rsitmd_tools.baselines.evaluation.metrics import load_metrics

    metrics = load_metrics()
    lines = [f"{'percent':24} {'R@1':>7} {'R@5':>7} {'R@10':>7}"]
    for rows in (rows for metric in metrics for rows in metric.recall_rows):
        values = rows.values(result)
        if values is None:
            continue
        for short, direction in DIRECTIONS:
            recalls = " ".join(f"{values[direction][key]:7.2f}" for key in KS)
            lines.append(f"{f'{rows.label} {short}'.strip():24} {recalls}")
    for metric in metrics:
        line = metric.line(result)
        if line is not None:
            lines.append(f"{metric.label}: {line}")
    gallery = result["gallery"]
    lines.append(
        f"gallery: {gallery['images']} images, {gallery['texts']} texts; {result['metric']}"
    )
    return lines + _notes(result)


def _notes(result: dict[str, Any]) -> list[str]:
    notes = []
    if result["images_without_sentences"] or result["blank_sentences"]:
        images, blank = result["images_without_sentences"], result["blank_sentences"]
        notes.append(
            f"left out: {count_of(images, 'image')} without sentences, "
            f"{count_of(blank, 'blank sentence')}"
        )
    if "ensemble" in result:
        notes.append(f"scores are means over {len(result['ensemble'])} runs")
    if result.get("views", 1) > 1:
        notes.append(f"scores are means over {result['views']} views of each image")
    if result["trained_on_this_data"] is False:
        notes.append("trained on other data than evaluated on")
    if result.get("seen_in_training"):
        notes.append(
            f"the model was trained on images of {result['split']}: "
            "the figures do not hold for new images"
        )
    if result.get("training_finished") is False:
        notes.append("the training is not finished: this is its best epoch so far")
    weights = result["weights"]
    if weights is not None:
        notes.append(f"weights: {weights if isinstance(weights, str) else weights['file']}")
    if result.get("text_weights"):
        notes.append(f"sentence encoder: {result['text_weights']['folder']}")
    return notes
