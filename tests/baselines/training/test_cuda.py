"""Training on a GPU: the same results as on a CPU, with and without graphs. Skipped without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rsitmd_tools.baselines.camp import model as camp
from rsitmd_tools.baselines.config import Config, load_config
from rsitmd_tools.baselines.data.augmentation import rotated_crops, turned_crops
from rsitmd_tools.baselines.data.batches import Batch
from rsitmd_tools.baselines.data.rows import StoredRows
from rsitmd_tools.baselines.evaluation.evaluate import evaluate
from rsitmd_tools.baselines.text import SentenceEncoder
from rsitmd_tools.baselines.training.graphs import GraphedSteps
from rsitmd_tools.baselines.training.train import Options, train
from rsitmd_tools.dataset import Dataset
from tests.baselines.training.common import losses, small, state

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
CUDA = Options(device="cuda")
TABLE_II = ["scan-t2i", "scan-i2t", "camp-triplet", "camp-bce", "mtfn"]
TRAINED = ["amfmn-fusion", "amfmn-similarity", "m5", "m9", "vsepp", *TABLE_II]


def whole(*changes: str) -> Config:
    """Return a configuration of a whole network at the size of the paper's maps."""
    settings = ["image_size=64", "batch_size=8", "epochs=4", "dimension=32", "precision=bf16-mixed"]
    return load_config("amfmn-soft", [*settings, "margin.kind=fixed", *changes])


def test_sentences_are_encoded_as_on_a_cpu() -> None:
    torch.manual_seed(0)
    encoder = SentenceEncoder(50, 12, 16)
    words, lengths = torch.randint(2, 50, (7, 13)), torch.randint(1, 14, (7,))
    for row, length in zip(words, lengths, strict=True):
        row[length:] = 0
    on_cpu = encoder(words, lengths)
    on_cpu.square().sum().backward()
    gradients = [p.grad.clone() for p in encoder.parameters() if p.grad is not None]
    encoder.zero_grad()
    on_gpu = encoder.cuda()(words.cuda(), lengths.cuda())
    on_gpu.square().sum().backward()
    assert torch.allclose(on_cpu, on_gpu.cpu(), atol=1e-3)
    for parameter, gradient in zip(encoder.parameters(), gradients, strict=True):
        assert parameter.grad is not None
        scale = float(gradient.abs().max())
        assert torch.allclose(parameter.grad.cpu(), gradient, atol=2e-3 * scale)


def test_images_are_augmented_as_on_a_cpu() -> None:
    pixels = torch.randint(0, 256, (8, 70, 70, 3), dtype=torch.uint8)
    corners, degrees = torch.randint(0, 7, (8, 2)), 90 * torch.rand(8)
    on_gpu = rotated_crops(pixels.cuda(), 64, degrees.cuda(), corners.cuda()).cpu()
    assert torch.allclose(on_gpu, rotated_crops(pixels, 64, degrees, corners), atol=1e-3)
    views = torch.arange(8)
    on_gpu = turned_crops(pixels.cuda(), 64, views.cuda(), corners.cuda()).cpu()
    assert torch.allclose(on_gpu, turned_crops(pixels, 64, views, corners), atol=1e-6)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of images of each batch for which a graph was recorded."""
    sizes: list[int] = []
    record = GraphedSteps._record

    def counted(self: GraphedSteps, batch: Batch) -> object:
        sizes.append(len(batch.rows))
        return record(self, batch)

    monkeypatch.setattr(GraphedSteps, "_record", counted)
    return sizes


@pytest.mark.parametrize("changes", [[], ["views=8", "dropout=0.3"], ["text=vgmf"]])
def test_graphs_do_not_affect_the_result(
    tmp_path: Path, tiny: Dataset, changes: list[str], recorded: list[int]
) -> None:
    config = whole(*changes)
    graphs = train(tiny, config, tmp_path / "graphs", CUDA)
    assert recorded
    eager = train(tiny, config, tmp_path / "eager", replace(CUDA, graphs=False))
    assert losses(graphs) == losses(eager)
    for key, value in state(eager).items():
        assert torch.equal(value, state(graphs)[key]), key


@pytest.mark.parametrize("name", TABLE_II)
def test_graphs_do_not_affect_other_models(
    tmp_path: Path,
    tiny: Dataset,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    recorded: list[int],
) -> None:
    # Several blocks of pairs, each computed a second time for its gradient.
    monkeypatch.setattr(camp, "TRAINING_ELEMENTS", 1)
    config = small(name, "epochs=3", "captions=one", "image_size=64", "precision=bf16-mixed")
    graphs = train(tiny, config, tmp_path / "graphs", CUDA)
    assert recorded
    eager = train(tiny, config, tmp_path / "eager", replace(CUDA, graphs=False))
    for one, other in zip(losses(graphs), losses(eager), strict=True):
        assert float(one[0]) == pytest.approx(float(other[0]), rel=1e-3)


def test_images_that_do_not_fit_are_sent_with_each_batch(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = train(tiny, whole(), tmp_path / "kept", CUDA)
    monkeypatch.setattr(StoredRows, "load", lambda self, device: False)
    sent = train(tiny, whole(), tmp_path / "sent", CUDA)
    assert losses(kept) == losses(sent)


def test_a_run_is_resumed_bit_exactly(tmp_path: Path, tiny: Dataset) -> None:
    config = whole("epochs=3")
    one = train(tiny, config, tmp_path / "one", CUDA)
    stop = train(tiny, replace(config, epochs=1), tmp_path / "two", CUDA)
    settings = (stop / "config.yaml").read_text().replace("epochs: 1", "epochs: 3")
    (stop / "config.yaml").write_text(settings)
    two = train(tiny, config, tmp_path / "two", replace(CUDA, resume=True))
    assert losses(one) == losses(two)


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("frozen", ["true", "false"])
def test_it_trains_and_is_evaluated(tmp_path: Path, tiny: Dataset, name: str, frozen: str) -> None:
    config = small(name, "epochs=3", f"freeze_backbone={frozen}")
    run = train(tiny, config, tmp_path / "run", CUDA)
    on_gpu = evaluate(run, tiny)["mean_recall"]
    assert 0 <= on_gpu <= 100
    assert all(torch.isfinite(value).all() for value in state(run).values())
