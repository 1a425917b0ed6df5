"""Tables of ``workspace.db`` and their migrations.

Migration ``n`` (counted from 1) takes the database from ``user_version`` n - 1 to n; a
published migration is never changed; add a new one at the end.
"""

from __future__ import annotations

import sqlite3

from rsitmd_tools.errors import RsitmdError

MIGRATIONS: tuple[str, ...] = (
    """
    -- One row an image. Identity is the SHA-256 of the source file's bytes.
    CREATE TABLE image (
        id              INTEGER PRIMARY KEY,
        sha256          TEXT NOT NULL UNIQUE,
        filename        TEXT NOT NULL UNIQUE,   -- <category>_<number>.tif
        category        TEXT NOT NULL,
        number          INTEGER NOT NULL,
        source          TEXT NOT NULL,          -- where it was found, for the record
        width           INTEGER NOT NULL,       -- of the source, pixels
        height          INTEGER NOT NULL,
        pixel_sha256    TEXT NOT NULL,          -- of the normalised RGB pixels
        phash           TEXT NOT NULL,          -- of the eight orientations, hex
        duplicate_group INTEGER,                -- images of one group never part in a split
        split           TEXT CHECK (split IN ('train', 'val', 'test')),
        ingested_at     TEXT NOT NULL,
        UNIQUE (category, number)
    );
    -- Files that could not be taken in, with the reason.
    CREATE TABLE rejected (
        source      TEXT PRIMARY KEY,
        reason      TEXT NOT NULL,
        rejected_at TEXT NOT NULL
    );
    CREATE TABLE annotator (
        id    INTEGER PRIMARY KEY,
        email TEXT NOT NULL UNIQUE,
        name  TEXT NOT NULL DEFAULT ''
    );
    -- A project of a Label Studio server. A campaign may have one a person.
    CREATE TABLE project (
        id           INTEGER PRIMARY KEY,
        server       TEXT NOT NULL,             -- instance key: survives a change of port
        server_id    INTEGER NOT NULL,
        annotator_id INTEGER REFERENCES annotator (id),
        template     TEXT NOT NULL,
        config       TEXT NOT NULL,             -- SHA-256 of the page as last sent
        created_at   TEXT NOT NULL,             -- the server's time: tells it from a later
                                                -- project of the same number
        UNIQUE (server, server_id)
    );
    -- One task an image and project.
    CREATE TABLE task (
        id         INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES project (id),
        image_id   INTEGER NOT NULL REFERENCES image (id),
        server_id  INTEGER NOT NULL,
        pushed_at  TEXT NOT NULL,
        UNIQUE (project_id, image_id),
        UNIQUE (project_id, server_id)
    );
    -- Every revision of every annotation that a pull has seen.
    CREATE TABLE annotation (
        id           INTEGER PRIMARY KEY,
        task_id      INTEGER NOT NULL REFERENCES task (id),
        server_id    INTEGER NOT NULL,
        updated_at   TEXT NOT NULL,             -- the server's time, ISO 8601 UTC
        created_at   TEXT NOT NULL,
        annotator_id INTEGER NOT NULL REFERENCES annotator (id),
        updated_by   INTEGER REFERENCES annotator (id),
        lead_time    REAL,                      -- seconds, as the server says
        result       TEXT NOT NULL,             -- JSON as the server sent it
        latest       INTEGER NOT NULL DEFAULT 1 CHECK (latest IN (0, 1)),
        deleted_at   TEXT,                      -- when a pull found it gone
        pulled_at    TEXT NOT NULL,
        UNIQUE (task_id, server_id, updated_at)
    );
    CREATE UNIQUE INDEX annotation_latest ON annotation (task_id, server_id) WHERE latest;
    -- Sentences and keywords of the revisions, in the order of the page.
    CREATE TABLE sentence (
        id            INTEGER PRIMARY KEY,
        annotation_id INTEGER NOT NULL REFERENCES annotation (id) ON DELETE CASCADE,
        slot          INTEGER NOT NULL,
        raw           TEXT NOT NULL,
        state         TEXT NOT NULL DEFAULT 'new'
            CHECK (state IN ('new', 'sent back', 'accepted', 'replaced', 'rejected')),
        UNIQUE (annotation_id, slot)
    );
    CREATE TABLE keyword (
        id            INTEGER PRIMARY KEY,
        annotation_id INTEGER NOT NULL REFERENCES annotation (id) ON DELETE CASCADE,
        slot          INTEGER NOT NULL,
        raw           TEXT NOT NULL,
        UNIQUE (annotation_id, slot)
    );
    -- Small facts of the workspace: pull cursors, recorded settings.
    CREATE TABLE fact (
        key   TEXT PRIMARY KEY,
        value TEXT NOT NULL
    );
    """,
    """
    -- What `validate --fix` changed in a sentence, and what stood there before.
    CREATE TABLE correction (
        id          INTEGER PRIMARY KEY,
        sentence_id INTEGER REFERENCES sentence (id) ON DELETE SET NULL,
        before      TEXT NOT NULL,
        after       TEXT NOT NULL,
        codes       TEXT NOT NULL,             -- of the rules, by blanks
        tool        TEXT NOT NULL,
        made_at     TEXT NOT NULL
    );
    """,
    """
    -- Who takes part: joined and not left. Others are accounts of the server, no more.
    ALTER TABLE annotator ADD COLUMN joined_at TEXT;
    ALTER TABLE annotator ADD COLUMN left_at TEXT;
    ALTER TABLE annotator ADD COLUMN pilot TEXT CHECK (pilot IN ('admitted', 'refused'));
    ALTER TABLE annotator ADD COLUMN pilot_by TEXT;
    ALTER TABLE annotator ADD COLUMN pilot_at TEXT;
    -- Texts of a pilot are practice: no dataset takes them. A closed project gets no new
    -- tasks; what people write there is pulled all the same.
    ALTER TABLE project ADD COLUMN kind TEXT NOT NULL DEFAULT 'main'
        CHECK (kind IN ('main', 'pilot'));
    ALTER TABLE project ADD COLUMN closed_at TEXT;
    ALTER TABLE task ADD COLUMN data_sha256 TEXT;  -- of the data last sent; NULL: not known
    ALTER TABLE task ADD COLUMN updated_at TEXT;   -- the server's time when last pulled
    ALTER TABLE task ADD COLUMN drafts INTEGER NOT NULL DEFAULT 0;
    -- Skips: somebody passed over a task.
    CREATE TABLE skip (
        id           INTEGER PRIMARY KEY,
        task_id      INTEGER NOT NULL REFERENCES task (id),
        server_id    INTEGER NOT NULL,
        annotator_id INTEGER NOT NULL REFERENCES annotator (id),
        skipped_at   TEXT NOT NULL,
        UNIQUE (task_id, server_id)
    );
    -- The plan: who captions which image. A row goes when the work is given to others.
    CREATE TABLE assignment (
        id           INTEGER PRIMARY KEY,
        annotator_id INTEGER NOT NULL REFERENCES annotator (id),
        image_id     INTEGER NOT NULL REFERENCES image (id),
        planned_at   TEXT NOT NULL,
        UNIQUE (annotator_id, image_id)
    );
    CREATE INDEX assignment_image ON assignment (image_id);
    -- The images that every new person captions first, and how others described them.
    CREATE TABLE pilot_image (
        image_id INTEGER PRIMARY KEY REFERENCES image (id),
        position INTEGER NOT NULL UNIQUE
    );
    CREATE TABLE pilot_reference (
        image_id INTEGER NOT NULL REFERENCES pilot_image (image_id) ON DELETE CASCADE,
        slot     INTEGER NOT NULL,
        raw      TEXT NOT NULL,
        UNIQUE (image_id, slot)
    );
    -- Every change of a sentence's state: who, when, why.
    CREATE TABLE decision (
        id          INTEGER PRIMARY KEY,
        sentence_id INTEGER NOT NULL REFERENCES sentence (id) ON DELETE CASCADE,
        before      TEXT NOT NULL,
        after       TEXT NOT NULL,
        decided_by  TEXT NOT NULL,             -- a reviewer's name, or "pull"
        note        TEXT NOT NULL DEFAULT '',
        codes       TEXT NOT NULL DEFAULT '',  -- of the rules, by blanks
        decided_at  TEXT NOT NULL
    );
    CREATE INDEX decision_sentence ON decision (sentence_id);
    -- Text that annotators are given to take or change, in the order of the page.
    CREATE TABLE prediction (
        id       INTEGER PRIMARY KEY,
        image_id INTEGER NOT NULL REFERENCES image (id),
        slot     INTEGER NOT NULL,
        raw      TEXT NOT NULL,
        model    TEXT NOT NULL,                -- a model's name and version, or a dataset's
        added_at TEXT NOT NULL,
        UNIQUE (image_id, slot, model)
    );
    -- Where a sentence comes from; machine_raw is the text that was given.
    ALTER TABLE sentence ADD COLUMN origin TEXT NOT NULL DEFAULT 'human'
        CHECK (origin IN ('human', 'machine changed', 'machine untouched'));
    ALTER TABLE sentence ADD COLUMN machine_raw TEXT;
    ALTER TABLE sentence ADD COLUMN edit_distance INTEGER;  -- characters
    -- Under which licence an annotator gives their text; accepted once a text of it.
    CREATE TABLE licence (
        annotator_id INTEGER NOT NULL REFERENCES annotator (id),
        name         TEXT NOT NULL,
        text_sha256  TEXT NOT NULL,
        accepted_at  TEXT NOT NULL,
        UNIQUE (annotator_id, text_sha256)
    );
    """,
    """
    -- A person's number on a server: who changes their address stays the same person.
    CREATE TABLE account (
        server       TEXT NOT NULL,
        number       INTEGER NOT NULL,
        annotator_id INTEGER NOT NULL REFERENCES annotator (id),
        PRIMARY KEY (server, number)
    );
    """,
    """
    -- Who says that they accepted, as on paper; empty: they did, on the server's page.
    ALTER TABLE licence ADD COLUMN recorded_by TEXT NOT NULL DEFAULT '';
    """,
    """
    CREATE INDEX task_image ON task (image_id);
    -- When the server made the copy that an import put in an annotation's place.
    ALTER TABLE annotation ADD COLUMN copied_at TEXT;
    -- The annotations that count: those on the server, and those that were deleted there but
    -- have an accepted sentence, unless their author has written for the image anew.
    -- `whole` is 0 where only some sentences of a deleted annotation were accepted.
    CREATE VIEW current_annotation AS
    SELECT annotation.*, deleted_at IS NULL OR NOT EXISTS (
        SELECT 1 FROM sentence WHERE annotation_id = annotation.id AND state <> 'accepted'
    ) AS whole
    FROM annotation WHERE latest AND (deleted_at IS NULL OR (
        EXISTS (
            SELECT 1 FROM sentence WHERE annotation_id = annotation.id AND state = 'accepted'
        ) AND NOT EXISTS (
            SELECT 1 FROM annotation AS other
            JOIN task AS its ON its.id = other.task_id
            JOIN project ON project.id = its.project_id AND kind = 'main'
            JOIN task AS own ON own.id = annotation.task_id
            WHERE its.image_id = own.image_id AND other.annotator_id = annotation.annotator_id
            AND other.latest AND other.deleted_at IS NULL
        )
    ));
    -- The sentences that count, whatever was decided about them.
    CREATE VIEW current_sentence AS
    SELECT sentence.* FROM sentence
    JOIN current_annotation ON current_annotation.id = annotation_id
    WHERE deleted_at IS NULL OR state = 'accepted';
    """,
    """
    -- Why somebody left, where it was not the lead's decision; empty: it was.
    ALTER TABLE annotator ADD COLUMN left_reason TEXT NOT NULL DEFAULT '';
    -- When the server made the account: tells it from an account of another database that has
    -- the same number.
    ALTER TABLE account ADD COLUMN joined TEXT;
    -- Every pilot, the ones that were stopped too. The last one is current until it is stopped.
    CREATE TABLE pilot (
        id         INTEGER PRIMARY KEY,
        started_at TEXT NOT NULL,
        started_by TEXT NOT NULL,
        stopped_at TEXT,
        stopped_by TEXT
    );
    ALTER TABLE project ADD COLUMN pilot_id INTEGER REFERENCES pilot (id);
    INSERT INTO pilot (started_at, started_by)
        SELECT strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'), ''
        WHERE EXISTS (SELECT 1 FROM pilot_image);
    UPDATE project SET pilot_id = (SELECT max(id) FROM pilot) WHERE kind = 'pilot';
    """,
    """
    -- Findings that a review has listed: they are listed again on request only.
    CREATE TABLE seen_finding (
        sentence_id INTEGER NOT NULL REFERENCES sentence (id) ON DELETE CASCADE,
        code        TEXT NOT NULL,
        message     TEXT NOT NULL,
        seen_at     TEXT NOT NULL,
        PRIMARY KEY (sentence_id, code, message)
    ) WITHOUT ROWID;
    """,
    """
    -- Tasks of the campaign itself; those of a pilot are practice.
    CREATE VIEW main_task AS
    SELECT task.*, project.annotator_id AS owner_id, project.closed_at
    FROM task JOIN project ON project.id = task.project_id
    WHERE project.kind = 'main';
    -- The latest revision of each annotation that is on the server.
    CREATE VIEW live_annotation AS
    SELECT * FROM annotation WHERE latest AND deleted_at IS NULL;
    -- Assignments that their annotator has not captioned yet.
    CREATE VIEW open_assignment AS
    SELECT assignment.* FROM assignment WHERE NOT EXISTS (
        SELECT 1 FROM current_annotation AS annotation
        JOIN main_task ON main_task.id = annotation.task_id
        WHERE main_task.image_id = assignment.image_id
        AND annotation.annotator_id = assignment.annotator_id AND annotation.whole
    );
    """,
    """
    -- Source files that were read: one that has the same size and times is not read again.
    CREATE TABLE source_file (
        path      TEXT PRIMARY KEY,
        size      INTEGER NOT NULL,
        mtime_ns  INTEGER NOT NULL,
        ctime_ns  INTEGER NOT NULL,
        read_ns   INTEGER NOT NULL,            -- when reading began, by the clock of the computer
        sha256    TEXT NOT NULL
    ) WITHOUT ROWID;
    -- Images that were taken out of the dataset. Their rows, texts and splits stay.
    CREATE TABLE removed_image (
        image_id   INTEGER PRIMARY KEY REFERENCES image (id),
        reason     TEXT NOT NULL,
        removed_at TEXT NOT NULL
    );
    -- The images of the dataset.
    CREATE VIEW kept_image AS
    SELECT * FROM image WHERE id NOT IN (SELECT image_id FROM removed_image);
    -- What was changed of an image by hand: before and after are file names or categories.
    CREATE TABLE image_change (
        id         INTEGER PRIMARY KEY,
        image_id   INTEGER NOT NULL REFERENCES image (id),
        kind       TEXT NOT NULL
            CHECK (kind IN ('removed', 'restored', 'renamed', 'recategorised')),
        before     TEXT NOT NULL,
        after      TEXT NOT NULL,
        reason     TEXT NOT NULL DEFAULT '',
        changed_at TEXT NOT NULL
    );
    -- Nobody has to caption a removed image.
    DROP VIEW open_assignment;
    CREATE VIEW open_assignment AS
    SELECT assignment.* FROM assignment
    WHERE image_id NOT IN (SELECT image_id FROM removed_image) AND NOT EXISTS (
        SELECT 1 FROM current_annotation AS annotation
        JOIN main_task ON main_task.id = annotation.task_id
        WHERE main_task.image_id = assignment.image_id
        AND annotation.annotator_id = assignment.annotator_id AND annotation.whole
    );
    """,
    """
    -- How the values of a raster became colours. Plain colours of 8 bits have no row.
    CREATE TABLE image_reading (
        image_id        INTEGER PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
        bands           TEXT NOT NULL,         -- JSON: numbers, counted from 1
        low             REAL,                  -- value that became black; NULL: unchanged
        high            REAL,                  -- value that became white
        low_percentile  REAL,                  -- whose values low and high are; NULL: a fixed range
        high_percentile REAL
    );
    """,
    """
    -- Rasters that images were cut from, or that became an image as a whole. A raster that was
    -- read with two settings of the bands has two rows.
    CREATE TABLE scene (
        id        INTEGER PRIMARY KEY,
        sha256    TEXT NOT NULL,
        source    TEXT NOT NULL,               -- path relative to the given source
        found_at  TEXT NOT NULL,               -- absolute path, for the record
        size      INTEGER NOT NULL,            -- bytes
        mtime_ns  INTEGER NOT NULL,
        width     INTEGER NOT NULL,            -- pixels
        height    INTEGER NOT NULL,
        crs       TEXT,                        -- EPSG code or WKT
        transform TEXT,                        -- JSON: a, b, c, d, e, f; NULL: GCPs, RPCs or none
        acquired  TEXT,                        -- ISO 8601, UTC, from the tags
        bands     TEXT NOT NULL,               -- JSON: the settings of bands and values
        UNIQUE (sha256, bands)
    );
    -- Where an image lies in its scene and on the ground. spatial_group is kept apart from
    -- image.duplicate_group: images of one place need not look alike.
    CREATE TABLE place (
        image_id      INTEGER PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
        scene_id      INTEGER NOT NULL REFERENCES scene (id),
        col           INTEGER NOT NULL,        -- window in pixels of the scene
        row           INTEGER NOT NULL,
        width         INTEGER NOT NULL,
        height        INTEGER NOT NULL,
        footprint     TEXT,                    -- GeoJSON geometry, WGS84
        gsd           REAL,                    -- metres
        spatial_group INTEGER                  -- smallest image_id of its group
    );
    CREATE INDEX place_scene ON place (scene_id);
    """,
    """
    -- Images of other datasets whose texts were imported. An image without a file has no row in
    -- the table image: image_id is NULL until an import finds its file.
    CREATE TABLE imported_image (
        id          INTEGER PRIMARY KEY,
        dataset     TEXT NOT NULL,             -- name of the other dataset
        name        TEXT NOT NULL,             -- of the image there
        category    TEXT NOT NULL,
        number      INTEGER NOT NULL,          -- <category>_<number>.tif is its name here
        split       TEXT CHECK (split IN ('train', 'val', 'test')),
        image_id    INTEGER REFERENCES image (id),
        imported_at TEXT NOT NULL,
        UNIQUE (dataset, name)
    );
    CREATE INDEX imported_image_image ON imported_image (image_id);
    -- Their sentences, without annotator. `raw` changes by `validate --fix` only.
    CREATE TABLE imported_sentence (
        id                INTEGER PRIMARY KEY,
        imported_image_id INTEGER NOT NULL REFERENCES imported_image (id),
        slot              INTEGER NOT NULL,
        raw               TEXT NOT NULL,
        UNIQUE (imported_image_id, slot)
    );
    CREATE TABLE imported_keyword (
        id                INTEGER PRIMARY KEY,
        imported_image_id INTEGER NOT NULL REFERENCES imported_image (id),
        slot              INTEGER NOT NULL,
        raw               TEXT NOT NULL,
        UNIQUE (imported_image_id, slot)
    );
    -- What `validate --fix` changed in an imported sentence, and what stood there before.
    CREATE TABLE imported_correction (
        id                   INTEGER PRIMARY KEY,
        imported_sentence_id INTEGER NOT NULL REFERENCES imported_sentence (id),
        before               TEXT NOT NULL,
        after                TEXT NOT NULL,
        codes                TEXT NOT NULL,
        tool                 TEXT NOT NULL,
        made_at              TEXT NOT NULL
    );
    """,
    """
    -- Small grey copies of the images, from which pairs are found: 32 x 32 bytes.
    CREATE TABLE thumbnail (
        image_id INTEGER PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
        grey     BLOB NOT NULL
    );
    -- Images that show the same picture or place. first_id is the smaller one.
    CREATE TABLE image_pair (
        first_id   INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        second_id  INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        kind       TEXT NOT NULL CHECK (kind IN ('exact', 'near', 'same-place')),
        similarity REAL NOT NULL,
        PRIMARY KEY (first_id, second_id)
    ) WITHOUT ROWID;
    -- What a person decided about two images. The last decision counts.
    CREATE TABLE pair_decision (
        id         INTEGER PRIMARY KEY,
        first_id   INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        second_id  INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        decision   TEXT NOT NULL CHECK (decision IN ('join', 'split')),
        decided_by TEXT NOT NULL DEFAULT '',
        note       TEXT NOT NULL DEFAULT '',
        decided_at TEXT NOT NULL
    );
    """,
    """
    -- What proves that two images show one place: keypoints that agree with the map from the first
    -- image to the second one, the common share of the ground, and the map (JSON, two rows of
    -- three numbers, in shares of width and height).
    ALTER TABLE image_pair ADD COLUMN inliers INTEGER;
    ALTER TABLE image_pair ADD COLUMN overlap REAL;
    ALTER TABLE image_pair ADD COLUMN map TEXT;
    """,
    """
    -- In which part of a cross-validation an image is tested, from 0.
    CREATE TABLE fold (
        image_id INTEGER PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
        fold     INTEGER NOT NULL CHECK (fold >= 0)
    );
    """,
    """
    -- Tasks of the main projects, not of pilots, with what is known of their project.
    DROP VIEW main_task;
    CREATE VIEW main_task AS
    SELECT task.*, project.annotator_id AS owner_id, project.closed_at, project.template,
        project.server_id AS project_server_id
    FROM task JOIN project ON project.id = task.project_id
    WHERE project.kind = 'main';
    -- Sentences that a release can have: of main projects and of images that were not removed,
    -- neither sent back nor replaced nor rejected. One that was left empty and sent back has an
    -- empty row.
    CREATE VIEW usable_sentence AS
    SELECT sentence.*, annotation.annotator_id, annotation.server_id, annotation.lead_time,
        main_task.image_id, main_task.template
    FROM current_sentence AS sentence
    JOIN annotation ON annotation.id = sentence.annotation_id
    JOIN main_task ON main_task.id = annotation.task_id
    WHERE sentence.raw <> '' AND sentence.state NOT IN ('sent back', 'replaced', 'rejected')
    AND main_task.image_id NOT IN (SELECT image_id FROM removed_image);
    -- The usable sentences without machine-generated ones that were submitted unchanged.
    CREATE VIEW released_sentence AS
    SELECT * FROM usable_sentence WHERE origin <> 'machine untouched';
    """,
    """
    -- Captions that later ones of the same model replaced. Annotators may have been given them.
    CREATE TABLE replaced_prediction (
        id       INTEGER PRIMARY KEY,
        image_id INTEGER NOT NULL REFERENCES image (id),
        raw      TEXT NOT NULL,
        model    TEXT NOT NULL
    );
    CREATE INDEX replaced_prediction_image ON replaced_prediction (image_id);
    """,
    """
    -- Address of the picture in the data last sent; NULL: not known.
    ALTER TABLE task ADD COLUMN image_address TEXT;
    """,
    """
    -- The last annotation when the image got its file: this one and those before it did not
    -- correct the sentences.
    ALTER TABLE imported_image ADD COLUMN after_annotation INTEGER NOT NULL DEFAULT 0;
    """,
)

VERSION = len(MIGRATIONS)


def migrate(db: sqlite3.Connection, where: str) -> None:
    """Migrate a database to the current schema, with one transaction per step.

    Raises:
        RsitmdError: The database was written by a newer version of this tool.
    """
    found = version(db)
    refuse_newer(found, where)
    for number in range(found, VERSION):
        db.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[number]}; PRAGMA user_version = {number + 1}; COMMIT;"
        )


def version(db: sqlite3.Connection) -> int:
    """Return the schema version of a database; 0 for an empty one."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(found: int, where: str) -> None:
    """Raise an error if a database has a newer schema than this tool."""
    if found > VERSION:
        raise RsitmdError(
            f"the workspace has schema {found}, newer than the schema {VERSION} of this tool",
            where=where,
            hint="update the tool: in its clone, run: git pull && pip install -U .",
        )
