"""Ingest: adding the images of folders to a workspace, normalised."""

from rsitmd_tools.ingest.ingest import IngestReport, ingest, ingest_files

__all__ = ["IngestReport", "ingest", "ingest_files"]
