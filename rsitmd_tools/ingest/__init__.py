"""From folders of images to normalised images in the workspace."""

from rsitmd_tools.ingest.ingest import IngestReport, ingest, ingest_files

__all__ = ["IngestReport", "ingest", "ingest_files"]
