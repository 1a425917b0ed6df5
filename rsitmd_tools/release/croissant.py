"""``croissant.json``: metadata of a release in the Croissant 1.1 vocabulary, as JSON-LD.

With the vocabularies of responsible AI (RAI) and, if images have a place, GeoCroissant. Source:
https://docs.mlcommons.org/croissant/ (namespaces ``cr``, ``rai`` and ``geocr``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rsitmd_tools.errors import count_of
from rsitmd_tools.formats import rsitmd
from rsitmd_tools.release.facts import ReleaseFacts

CROISSANT = "croissant.json"
CORE = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"
GEO = "http://mlcommons.org/croissant/geo/1.0"

# The terms of Croissant that the document uses, and those its readers expect.
_TERMS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field",
    "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset",
    "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "geocr": "http://mlcommons.org/croissant/geo/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}


def croissant(facts: ReleaseFacts, checksums: Mapping[str, str]) -> dict[str, Any]:
    """Return the Croissant document of a release.

    Args:
        facts: What the workspace knows about the release.
        checksums: SHA-256 of the files of the release that the document names.
    """
    images = facts.image_licences or (facts.image_licence,)
    licences = [name for name in (facts.text_licence, *images) if name]
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [CORE, RAI, *([GEO] if facts.box else [])],
        "name": facts.title,
        "description": facts.description,
        "version": facts.version,
        "inLanguage": "en",
        "keywords": ["remote sensing", "image-text retrieval", "image captioning"],
        "creator": [_creator(author) for author in facts.authors],
        "citeAs": facts.cite_as,
    }
    optional = {
        "license": list(dict.fromkeys(licences)),
        "url": facts.url,
        "temporalCoverage": facts.period,
        **_responsible(facts),
        **_geography(facts),
    }
    document |= {name: value for name, value in optional.items() if value}
    document["distribution"] = _distribution(facts, checksums)
    document["recordSet"] = _records(facts)
    return document


def _creator(author: str) -> dict[str, str]:
    kind = "sc:Person" if "," in author else "sc:Organization"
    return {"@type": kind, "name": author}


def _responsible(facts: ReleaseFacts) -> dict[str, Any]:
    machine = facts.machine_given and (
        f"{count_of(facts.machine_given, 'sentence')}"
        f" {'was' if facts.machine_given == 1 else 'were'} written by annotators who saw a machine"
        " text."
    )
    written = facts.annotators > 0  # else the sentences are those of another dataset
    return {
        "rai:dataCollection": "Remote sensing images, described by people."
        if written
        else "Remote sensing images with the sentences of another dataset.",
        "rai:dataAnnotationPlatform": written and "Label Studio, driven by rsitmd-tools",
        "rai:dataAnnotationProtocol": written
        and (
            "Annotators describe each image in fine-grained sentences and one to five keywords,"
            " without seeing the sentences of others. Sentences are checked by rules and can be"
            " sent back to their authors."
        ),
        "rai:annotationsPerItem": facts.sentences_per_image,
        "rai:machineAnnotationTools": machine or None,
        "rai:dataPreprocessingProtocol": f"{facts.preprocessing} (RGB, 8 bits).",
    }


def _geography(facts: ReleaseFacts) -> dict[str, Any]:
    if facts.box is None:
        return {}
    west, south, east, north = facts.box
    found: dict[str, Any] = {
        "spatialCoverage": {
            "@type": "sc:Place",
            "geo": {"@type": "sc:GeoShape", "box": f"{south} {west} {north} {east}"},
        },
        "geocr:coordinateReferenceSystem": "EPSG:4326",
    }
    if facts.resolution is not None:
        found["geocr:spatialResolution"] = {
            "@type": "sc:QuantitativeValue",
            "value": facts.resolution,
            "unitText": "m",
        }
    return found


def _distribution(facts: ReleaseFacts, checksums: Mapping[str, str]) -> list[dict[str, Any]]:
    # One object per record set: readers make one table of all fields of an object, and there are
    # more sentences than images.
    files: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": f"{records}.json",
            "name": f"{rsitmd.FILENAME} ({records})",
            "description": "Sentences, keywords, categories and splits.",
            "contentUrl": rsitmd.FILENAME,
            "encodingFormat": "application/json",
            "sha256": checksums[rsitmd.FILENAME],
        }
        for records in ("images", "sentences")
    ]
    if facts.with_images:
        files.append(
            {
                "@type": "cr:FileSet",
                "@id": "image-files",
                "name": "image files",
                "description": f"RGB images of {facts.image_size} x {facts.image_size} pixels.",
                "encodingFormat": "image/tiff",
                "includes": "images/*.tif",
            }
        )
    return files


def _records(facts: ReleaseFacts) -> list[dict[str, Any]]:
    image, sentence = "$.images[*]", "$.images[*].sentences[*]"
    records = [
        _record_set(
            "images",
            "One record per image.",
            [
                _field("images", "imgid", "sc:Integer", f"{image}.imgid"),
                _field("images", "filename", "sc:Text", f"{image}.filename"),
                _field("images", "split", "sc:Text", f"{image}.split"),
                _field("images", "category", "sc:Text", f"{image}.category"),
            ],
            key="imgid",
        ),
        _record_set(
            "sentences",
            "One record per sentence.",
            [
                _field("sentences", "sentid", "sc:Integer", f"{sentence}.sentid"),
                _field("sentences", "imgid", "sc:Integer", f"{sentence}.imgid")
                | {"references": {"field": {"@id": "images/imgid"}}},
                _field("sentences", "sentence", "sc:Text", f"{sentence}.raw"),
            ],
            key="sentid",
        ),
    ]
    if facts.with_images:
        records.append(
            _record_set(
                "pixels",
                "One record per image file.",
                [
                    _file_field("filename", "sc:Text", "filename"),
                    _file_field("image", "sc:ImageObject", "content"),
                ],
                key="filename",
            )
        )
    return records


def _record_set(
    name: str, description: str, fields: Sequence[dict[str, Any]], key: str
) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "key": {"@id": f"{name}/{key}"},
        "field": list(fields),
    }


def _field(record: str, name: str, kind: str, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record}/{name}",
        "name": name,
        "dataType": kind,
        "source": {"fileObject": {"@id": f"{record}.json"}, "extract": {"jsonPath": path}},
    }


def _file_field(name: str, kind: str, content: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"pixels/{name}",
        "name": name,
        "dataType": kind,
        "source": {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": content}},
    }
