"""Images of converted datasets, shards, and what other programs make of the new files."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.dataset.locations import Member
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.formats.images import ImageMode
from rsitmd_tools.formats.shards import ShardWriter, members_of
from rsitmd_tools.formats.unpacked import image_files
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images

Convert = Callable[..., int]


def run(*arguments: object) -> int:
    return root._run([str(argument) for argument in arguments], False)


def picture(number: int) -> Image.Image:
    return Image.new("RGB", (20, 16), (40 * number, 10, 10))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four images, one of them in a folder of its own."""
    folder = tmp_path / "source"
    names = ["port_0.tif", "port_1.png", "a/port_2.tif", "port_3.jpg"]
    images = []
    for number, name in enumerate(names):
        file = folder / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(file)
        split = ("train", "train", "val", "test")[number]
        where, _, filename = name.rpartition("/")
        extra = {"filepath": where} if where else {}
        texts = tuple(Sentence(f"Image {number}, sentence {k}.") for k in range(5))
        images.append(ImageRecord(filename, texts, split=split, category="port", extra=extra))
    save_dataset(Dataset("small", tuple(images), folder, "rsitmd"), folder, "rsitmd")
    return folder


def colours(path: Path) -> dict[str, int]:
    """Return the red of each image by its stem: its number times 40."""
    data = load_dataset(path)
    found = {}
    for image in data:
        with Image.open(io.BytesIO(data.image_bytes(image))) as opened:
            red = opened.convert("RGB").getpixel((5, 5))
        assert isinstance(red, tuple)
        found[Path(image.filename).stem] = round(red[0] / 40)
    return found


FORMATS = ("rsitmd", "precomp", "karpathy", "albef", "open-clip-csv", "coco", "csv", "jsonl")
NUMBERS = {"port_0": 0, "port_1": 1, "port_2": 2, "port_3": 3}


@pytest.mark.parametrize("mode", ["copy", "link", "jpeg:90"])
@pytest.mark.parametrize("layout", [*FORMATS, "imagefolder", "webdataset"])
def test_images_are_written_and_found_again(
    source: Path, tmp_path: Path, layout: str, mode: str
) -> None:
    target = tmp_path / "out"
    code = run("build", "convert", source, target, "--to", layout, "--images", mode)
    if (layout, mode) == ("webdataset", "link"):
        assert code == 2
        assert not target.exists()
        return
    assert code == 0
    assert colours(target) == NUMBERS
    suffixes = {Path(image.filename).suffix for image in load_dataset(target)}
    assert suffixes == ({".jpg"} if mode == "jpeg:90" else {".tif", ".png", ".jpg"})
    if mode == "link":
        image = load_dataset(target).images[0]
        assert load_dataset(target).image_path(image).samefile(source / "images/port_0.tif")


def test_the_default_is_copy_where_the_format_is_made_of_images(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for layout, count in (("imagefolder", 4), ("webdataset", 4), ("coco", 0)):
        assert run("build", "convert", source, tmp_path / layout, "--to", layout, "--json") == 0
        assert json.loads(capsys.readouterr().out)["image_files"] == count
    target = tmp_path / "texts"
    assert run("build", "convert", source, target, "--to", "imagefolder", "--images", "none") == 0
    assert not load_dataset(target).has_images


def test_shards_become_folders_again(source: Path, tmp_path: Path) -> None:
    for first, second in (("webdataset", "imagefolder"), ("imagefolder", "webdataset")):
        one, two = tmp_path / f"{first}1", tmp_path / f"{second}2"
        assert run("build", "convert", source, one, "--to", first) == 0
        assert run("build", "convert", one, two, "--to", second) == 0
        assert colours(two) == NUMBERS
    shards = tmp_path / "webdataset1"
    again = tmp_path / "again"
    assert run("build", "convert", source, again, "--to", "webdataset") == 0
    for file in shards.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()
    assert run("build", "convert", shards, tmp_path / "x", "--to", "coco", "--images", "link") == 2


def test_an_import_takes_images_out_of_tar_files(source: Path, tmp_path: Path) -> None:
    assert run("build", "convert", source, tmp_path / "shards", "--to", "webdataset") == 0
    pixels = {}
    for name, folder in (("from tar", tmp_path / "shards"), ("from files", source)):
        workspace = tmp_path / name
        assert run("build", "init", workspace) == 0
        settings = workspace / "rsitmd.toml"
        settings.write_text(settings.read_text().replace("image_size = 256", "image_size = 16"))
        assert run("build", "import", workspace, folder) == 0
        with Workspace.open(workspace) as opened:
            stored = stored_images(opened)
            sources = [row[0] for row in opened.db.execute("SELECT source FROM image")]
        assert len(stored) == 4
        pixels[name] = {image.filename: image.pixel_sha256 for image in stored}
        if name == "from tar":
            assert all(".tar/" in place for place in sources)
    assert pixels["from tar"] == pixels["from files"]


def test_a_training_reads_images_from_tar_files(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baselines = pytest.importorskip("rsitmd_tools.baselines")
    assert run("build", "convert", source, tmp_path / "shards", "--to", "webdataset") == 0
    found = []

    def train(dataset: Dataset, *_: object, **__: object) -> Path:
        found.extend(Image.open(dataset.image_path(i)).getpixel((0, 0))[0] for i in dataset)
        return tmp_path / "run"

    monkeypatch.setattr(baselines, "train", train)
    command = ("benchmark", "train", tmp_path / "shards", "--config", "vsepp", "-o")
    assert run(*command, tmp_path / "run") == 0
    assert sorted(found) == [0, 40, 80, 120]


def test_a_name_in_a_text_cannot_lead_out_of_the_folder(source: Path, tmp_path: Path) -> None:
    member = Member(tmp_path / "a.tar", 0, 3)
    (tmp_path / "a.tar").write_bytes(b"abcdef")
    data = load_dataset(source)
    for name in ("../evil.tif", "/tmp/evil.tif", "a/../../evil.tif", "c:\\evil.tif"):
        hostile = replace(data, image_folder=None, members={("train", name): member})
        with pytest.raises(RsitmdError, match="leads out of the folder"), image_files(hostile):
            pass
    other = Member(tmp_path / "a.tar", 3, 3)
    twice = {("train", "x/a.tif"): member, ("test", "x/a.tif"): other}
    with (
        pytest.raises(RsitmdError, match="is the name of two images"),
        image_files(replace(data, image_folder=None, members=twice)),
    ):
        pass
    twice["test", "x/a.tif"] = member
    with image_files(replace(data, image_folder=None, members=twice)) as found:
        folder = found.image_folder
        assert folder is not None
        assert (folder / "x" / "a.tif").read_bytes() == b"abc"
    assert not folder.exists()


def test_a_folder_and_a_way_can_both_be_given(source: Path, tmp_path: Path) -> None:
    (source / "images").rename(tmp_path / "elsewhere")
    common = ("build", "convert", source, tmp_path / "out", "--to", "csv", "--images")
    assert run(*common, "copy") == 1
    assert run(*common, "copy", "--images", "link") == 2
    assert run(*common, tmp_path / "elsewhere", "--images", "copy") == 0
    assert colours(tmp_path / "out") == NUMBERS


@pytest.mark.parametrize("text", ["jpeg", "jpeg:0", "jpeg:101", "jpeg:999"])
def test_a_quality_that_is_none_is_wrong_usage(text: str) -> None:
    with pytest.raises(WrongUsage, match="the JPEG quality must be from 1 to 100"):
        ImageMode.parse(text)


def error_of(tmp_path: Path, data: Dataset, layout: str, mode: str) -> str:
    with pytest.raises(RsitmdError) as caught:
        save_dataset(data, tmp_path / "failed", layout, images=ImageMode.parse(mode))
    assert not (tmp_path / "failed").exists(), "nothing is written before all images are checked"
    return str(caught.value)


def test_missing_images_and_names_in_another_case_are_named(source: Path, tmp_path: Path) -> None:
    data = load_dataset(source)
    (source / "images/port_1.png").rename(source / "images/Port_1.PNG")
    line = error_of(tmp_path, data, "csv", "copy")
    assert "1 image of 4 without a file, first port_1.png" in line
    assert "the folder has Port_1.PNG: rename it" in line
    (source / "images/Port_1.PNG").unlink()
    (source / "images/port_3.jpg").unlink()
    line = error_of(tmp_path, data, "webdataset", "copy")
    assert "2 images of 4 without a file" in line
    assert "--images none" in line


def test_two_images_never_become_one_file(source: Path, tmp_path: Path) -> None:
    data = load_dataset(source)
    picture(3).save(source / "images/port_1.tif")
    both = data.with_images([*data.images, replace(data.images[1], filename="port_1.tif")])
    line = error_of(tmp_path, both, "csv", "jpeg:90")
    assert "port_1.png and port_1.tif would have the same file, images/port_1.jpg" in line
    twice = data.with_images([*data.images, replace(data.images[0], split="test")])
    assert save_dataset(twice, tmp_path / "out", "csv", images=ImageMode("copy")) == 4


def test_names_that_lead_out_and_damaged_images_are_refused(source: Path, tmp_path: Path) -> None:
    data = load_dataset(source)
    for name in ("../port_0.tif", "/etc/hostname", "a/../../x.tif"):
        bad = data.with_images([replace(data.images[0], filename=name)])
        assert "outside the image folder" in error_of(tmp_path, bad, "csv", "copy")
    (source / "images/port_0.tif").write_bytes(b"II*\0no")
    with pytest.raises(RsitmdError, match=r"port_0\.tif: cannot be decoded"):
        save_dataset(data, tmp_path / "jpeg", "csv", images=ImageMode("jpeg", 90))


def tar(file: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    with tarfile.open(file, "w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return file


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


GOOD = ("0.json", b'{"filename": "a.tif", "captions": ["A."]}')


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (("/etc/0.txt", b"x"), "member '/etc/0.txt' has a name that leads out of the folder"),
        (("../0.txt", b"x"), "member '../0.txt' has a name that leads out of the folder"),
        (("a/../../0.txt", b"x"), "has a name that leads out of the folder"),
        (("C:\\0.txt", b"x"), "has a name that leads out of the folder"),
        (special("1.jpg", tarfile.SYMTYPE, "/etc/passwd"), "member '1.jpg' is a link"),
        (special("1.jpg", tarfile.LNKTYPE, "0.json"), "member '1.jpg' is a link"),
        (special("1.jpg", tarfile.CHRTYPE), "member '1.jpg' is a device"),
        (special("1.jpg", tarfile.BLKTYPE), "member '1.jpg' is a device"),
        (special("1.jpg", tarfile.FIFOTYPE), "member '1.jpg' is a device"),
        (("0.txt", b"\xff"), None),
        (("0.JSON", b"{}"), "sample '0' has two members .json"),
        (("1.json", b"[]"), "sample '1' is not an object"),
        (("1.json", b"{"), "sample '1' is not JSON"),
        (("1.json", b'{"filename": "a", "filename": "b"}'), "duplicate key 'filename'"),
        (("1.json", b'{"filename": 3, "captions": []}'), "sample '1': filename is missing"),
        (("1.txt", b"\xff"), "sample '1' is not UTF-8"),
        (special("dir/", tarfile.DIRTYPE), None),
        ((".hidden", b"x"), None),
        (("README", b"x"), None),
    ],
)
def test_unsafe_and_malformed_members_are_refused(
    tmp_path: Path, member: tarfile.TarInfo | tuple[str, bytes], message: str | None
) -> None:
    file = tar(tmp_path / "x-train-0.tar", GOOD, member)
    if message is None:
        assert load_dataset(file).captions() == ["A."]
        return
    with pytest.raises(RsitmdError) as caught:
        load_dataset(file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_cut_or_damaged_tar_file_is_refused(tmp_path: Path) -> None:
    file = tar(tmp_path / "x-train-0.tar", GOOD, ("1.txt", b"B." * 600), ("2.txt", b"C."))
    whole = file.read_bytes()
    for cut in (300, 800, 1700, 2600):
        file.write_bytes(whole[:cut])
        with pytest.raises(RsitmdError, match=r"is not a readable tar file|has no known format"):
            load_dataset(file)
    file.write_bytes(whole[:3072] + b"x" * 512 + whole[3584:])  # the header of the third member
    with pytest.raises(RsitmdError, match="damaged at byte 3072"):
        load_dataset(file)
    file.write_bytes(whole)
    assert load_dataset(file).captions() == ["A.", "B." * 600, "C."]
    data = load_dataset(tar(file, ("0.jpg", b"picture"), GOOD))
    file.write_bytes(file.read_bytes()[:514])
    with pytest.raises(RsitmdError, match="is truncated"):
        data.image_bytes(data.images[0])
    with pytest.raises(
        RsitmdError, match="has its images in tar files; to write them to a folder, run"
    ):
        data.image_path(data.images[0])


def test_shards_of_other_tools_are_read(tmp_path: Path) -> None:
    tar(tmp_path / "00000.tar", ("a/1.jpg", b"one"), ("a/1.txt", b"A ship."), ("a/2.jpg", b"two"))
    tar(tmp_path / "00001.tar", ("b/3.png", b"six"), ("b/3.json", b'{"caption": "A pier."}'))
    data = load_dataset(tmp_path)
    assert [(i.location, i.captions, i.split) for i in data] == [
        ("a/1.jpg", ("A ship.",), None),
        ("a/2.jpg", (), None),
        ("b/3.png", ("A pier.",), None),
    ]
    assert [data.image_bytes(image) for image in data] == [b"one", b"two", b"six"]
    assert data.name == tmp_path.name


def test_shards_are_cut_by_samples_and_by_bytes(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, "x", max_samples=2) as shards:
        for number in range(5):
            shards.add(str(number), {"txt": b"x"})
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "x-000000.tar",
        "x-000001.tar",
        "x-000002.tar",
    ]
    assert [name for name, _ in members_of(tmp_path / "x-000001.tar")] == ["2.txt", "3.txt"]
    with ShardWriter(tmp_path, "y", max_bytes=10) as shards:
        for number in range(3):
            shards.add(str(number), {"txt": b"x" * 10})
    assert len(list(tmp_path.glob("y-*"))) == 3


def test_hazards_of_other_programs_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ("=cmd|'/c calc'!A1", "+1", "-2", "@x", "A pier.")
    images = [
        ImageRecord(f"{name}.tif", tuple(map(Sentence, texts)), ("a b",) * (number > 4), "test")
        for number, name in enumerate(["a", "A", "c", "d", "e", "f"])
    ]
    images.append(replace(images[0], filename="g.png"))
    data = Dataset("d", tuple(images), tmp_path, "rsitmd")
    save_dataset(data, tmp_path / "in", "rsitmd")
    for layout in ("open-clip-csv", "csv", "webdataset"):
        assert run("build", "convert", tmp_path / "in", tmp_path / layout, "--to", layout) == 0
        errors = capsys.readouterr().err
        assert "1 pair of file names that differ only in case, such as a.tif and A.tif" in errors
        assert ("28 cells can be executed by a spreadsheet" in errors) == (
            layout == "open-clip-csv"
        )
        assert ("first 5 images of test have no keywords" in errors) == (layout == "webdataset")
        assert ("suffixes .png, .tif" in errors) == (layout == "webdataset")
        # The texts are not changed.
        assert load_dataset(tmp_path / layout).images[0].captions == texts


def shard(file: Path, samples: dict[str, tuple[tuple[int, int, int] | None, str]]) -> None:
    """Write a tar file of colours and texts without JSON, as other tools do."""
    file.parent.mkdir(exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for key, (colour, text) in samples.items():
            members = {"txt": text.encode()}
            if colour is not None:
                stream = io.BytesIO()
                Image.new("RGB", (8, 8), colour).save(stream, "PNG")
                members = {"png": stream.getvalue(), **members}
            for suffix, data in members.items():
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))


RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_shards_that_each_begin_with_0_keep_their_images(tmp_path: Path) -> None:
    for number, colour in enumerate((RED, BLUE)):
        shard(tmp_path / "s" / f"train-{number:06d}.tar", {"000000": (colour, f"Is {colour}.")})
    shard(tmp_path / "s" / "train-000002.tar", {"000000": (RED, "Again.")})
    data = load_dataset(tmp_path / "s")
    found = {
        image.captions: Image.open(io.BytesIO(data.image_bytes(image))).getpixel((0, 0))
        for image in data
    }
    assert found == {(f"Is {RED}.", "Again."): RED, (f"Is {BLUE}.",): BLUE}
    assert [image.location for image in data] == ["000000.png", "train-000001/000000.png"]


def test_images_of_one_name_in_two_splits_are_not_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The test image would get the picture of the training image."""
    source = tmp_path / "s"
    shard(source / "train-000000.tar", {"000000": (RED, "Red.")})
    shard(source / "test-000000.tar", {"000000": (BLUE, "Blue.")})
    target = tmp_path / "out"
    for mode in ("copy", "jpeg:90"):
        assert run("build", "convert", source, target, "--to", "rsitmd", "--images", mode) == 1
        assert "two images would have the same file" in capsys.readouterr().err
    assert run("build", "convert", source, target, "--to", "imagefolder") == 0
    colours = {
        image.captions: Image.open(load_dataset(target).image_path(image)).getpixel((0, 0))
        for image in load_dataset(target)
    }
    assert colours == {("Red.",): RED, ("Blue.",): BLUE}


def test_two_images_with_one_name_in_their_json_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "train-000000.tar"
    with tarfile.open(file, "w") as archive:
        for key, colour in (("0", RED), ("1", BLUE)):
            stream = io.BytesIO()
            Image.new("RGB", (8, 8), colour).save(stream, "PNG")
            text = json.dumps({"filename": "a.png", "captions": [f"{colour}"]}).encode()
            for suffix, data in (("png", stream.getvalue()), ("json", text)):
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    with pytest.raises(RsitmdError, match=r"another image with the name 'a\.png'"):
        load_dataset(file)


def texts_alone(*files: Path) -> None:
    for number, file in enumerate(files):
        file.parent.mkdir(exist_ok=True)
        tar(file, (f"{number}.txt", b"A pier."))


def test_shards_of_several_datasets_are_refused(tmp_path: Path) -> None:
    texts_alone(tmp_path / "ucm-train-000000.tar", tmp_path / "rsicd-train-000000.tar")
    with pytest.raises(RsitmdError, match=r"datasets \(rsicd-train-000000\.tar, ucm-train-"):
        load_dataset(tmp_path)
    assert len(load_dataset(tmp_path / "ucm-train-000000.tar")) == 1


@pytest.mark.parametrize(
    ("names", "name", "splits"),
    [
        (
            ["ucm-21-train-000000", "ucm-21-val-000000", "ucm-21-000000"],
            "ucm-21",
            [None, "train", "val"],
        ),
        (["00000", "00001"], "shards", [None]),
        (["äü-000000", "äü-train-000000"], "äü", [None, "train"]),
        (["train-000000", "validation-000000"], "shards", ["train", "val"]),
        (["coco-train2017-0", "coco-val2017-0"], "coco", ["train", "val"]),
        (["data-00000-of-00002", "data-00001-of-00002"], "data", [None]),
        (["train_0_000", "train_1_000"], "_0", ["train"]),
        (["rs5m-train-node0-000", "rs5m-train-node0-001"], "rs5m-node0", ["train"]),
    ],
)
def test_usual_names_of_shards_are_one_dataset(
    tmp_path: Path, names: list[str], name: str, splits: list[str | None]
) -> None:
    folder = tmp_path / "shards"
    texts_alone(*(folder / f"{stem}.tar" for stem in names))
    data = load_dataset(folder)
    assert len(data) == len(names)
    assert data.name == name
    assert {image.split for image in data} == set(splits)
    assert data.notes == ()


def test_shards_that_are_missing_are_noted(tmp_path: Path) -> None:
    numbers = ("train-000000", "train-000002", "train-000005", "test-000001")
    texts_alone(*(tmp_path / f"x-{number}.tar" for number in numbers))
    assert load_dataset(tmp_path).notes == (
        "missing: 1 shard between x-train-000000.tar and x-train-000002.tar",
        "missing: 2 shards between x-train-000002.tar and x-train-000005.tar",
    )
