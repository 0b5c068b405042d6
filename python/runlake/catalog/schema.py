"""Schema of the catalog: one list of statements a version; what has been released is never edited.

Runs and key names have small integers beside their text, and what belongs to a run is clustered by (run, key), so that
reading a run, or all runs, is one walk through a table. `tx` on a run is the transaction that changed it last, in any
of its tables; deleting marks, so a reader that asks for what changed since transaction n misses nothing.

Columns of metric values have no type: SQLite keeps -0.0 in those alone (a REAL column turns it into 0.0); NaN is NULL.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x524C414B  # "RLAK": tells a catalog from any other SQLite file

VERSION_1: Final = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    "CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), tx INTEGER NOT NULL)",
    "INSERT INTO counter (id, tx) VALUES (1, 1)",
    # artifact_location NULL: the folder inside the store, wherever that is moved to
    """CREATE TABLE experiment (
        experiment INTEGER PRIMARY KEY, experiment_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        artifact_location TEXT, deleted INTEGER NOT NULL DEFAULT 0,
        created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, tx INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX experiment_name ON experiment (name) WHERE deleted = 0",
    """CREATE TABLE experiment_tag (
        experiment INTEGER NOT NULL REFERENCES experiment, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (experiment, key)) WITHOUT ROWID""",
    "CREATE TABLE name (name INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    # deleted: 0 active, 1 by itself, 2 with its experiment; owned: began by start_run, ended by recovery if need be
    """CREATE TABLE run (
        run INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, experiment INTEGER NOT NULL REFERENCES experiment,
        name TEXT NOT NULL, user_id TEXT NOT NULL, status TEXT NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER,
        deleted INTEGER NOT NULL DEFAULT 0, artifact_uri TEXT, owned INTEGER NOT NULL, tx INTEGER NOT NULL)""",
    "CREATE INDEX run_changed ON run (experiment, tx)",
    "CREATE INDEX run_unfinished ON run (run) WHERE owned = 1 AND status = 'RUNNING'",
    # kind and typed: see catalog/typed.py
    """CREATE TABLE param (
        run INTEGER NOT NULL REFERENCES run, key INTEGER NOT NULL REFERENCES name,
        value TEXT NOT NULL, kind INTEGER NOT NULL, typed, PRIMARY KEY (run, key)) WITHOUT ROWID""",
    """CREATE TABLE tag (
        run INTEGER NOT NULL REFERENCES run, key INTEGER NOT NULL REFERENCES name, value TEXT NOT NULL,
        PRIMARY KEY (run, key)) WITHOUT ROWID""",
    """CREATE TABLE metric_summary (
        run INTEGER NOT NULL REFERENCES run, key INTEGER NOT NULL REFERENCES name,
        count INTEGER NOT NULL, nan_count INTEGER NOT NULL,
        first_step INTEGER NOT NULL, first_timestamp INTEGER NOT NULL, first_value,
        last_step INTEGER NOT NULL, last_timestamp INTEGER NOT NULL, last_value,
        min, min_step INTEGER NOT NULL, max, max_step INTEGER NOT NULL, sum, max_timestamp INTEGER NOT NULL,
        PRIMARY KEY (run, key)) WITHOUT ROWID""",
    """CREATE TABLE dataset (
        dataset INTEGER PRIMARY KEY, experiment INTEGER NOT NULL REFERENCES experiment, name TEXT NOT NULL,
        digest TEXT NOT NULL, source_type TEXT NOT NULL, source TEXT NOT NULL, schema TEXT, profile TEXT,
        UNIQUE (experiment, name, digest))""",
    """CREATE TABLE input (
        run INTEGER NOT NULL REFERENCES run, dataset INTEGER NOT NULL REFERENCES dataset,
        PRIMARY KEY (run, dataset)) WITHOUT ROWID""",
    """CREATE TABLE input_tag (
        run INTEGER NOT NULL, dataset INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (run, dataset, key), FOREIGN KEY (run, dataset) REFERENCES input) WITHOUT ROWID""",
    # state: open; closed (nothing to mend, points may wait in the journal); sealed (no journal left)
    """CREATE TABLE writer (
        writer INTEGER PRIMARY KEY, writer_id TEXT NOT NULL UNIQUE, host TEXT NOT NULL, boot_id TEXT NOT NULL,
        pid INTEGER NOT NULL, created_ms INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'open', closed_ms INTEGER,
        sealed INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX writer_unsealed ON writer (state) WHERE state != 'sealed'",
    # last_ms: time of the run's last point in a journal that was found without its process
    # member: 1 while the writer's process is in the run by start_run; ended: the status with which it ended the run
    """CREATE TABLE writer_run (
        run INTEGER NOT NULL REFERENCES run, writer INTEGER NOT NULL REFERENCES writer, last_ms INTEGER,
        member INTEGER NOT NULL DEFAULT 0, ended TEXT, PRIMARY KEY (run, writer)) WITHOUT ROWID""",
    "CREATE INDEX writer_run_writer ON writer_run (writer)",
    """CREATE TABLE segment (
        segment INTEGER PRIMARY KEY, segment_id TEXT NOT NULL UNIQUE, experiment_id TEXT NOT NULL, path TEXT NOT NULL,
        rows INTEGER NOT NULL, bytes INTEGER NOT NULL, min_step INTEGER NOT NULL, max_step INTEGER NOT NULL,
        min_timestamp INTEGER NOT NULL, max_timestamp INTEGER NOT NULL, tx INTEGER NOT NULL)""",
    "CREATE INDEX segment_experiment ON segment (experiment_id)",
    """CREATE TABLE segment_run (
        run INTEGER NOT NULL REFERENCES run, segment INTEGER NOT NULL REFERENCES segment, rows INTEGER NOT NULL,
        PRIMARY KEY (run, segment)) WITHOUT ROWID""",
    """CREATE TABLE segment_range (
        segment INTEGER NOT NULL REFERENCES segment, writer INTEGER NOT NULL REFERENCES writer,
        first INTEGER NOT NULL, upto INTEGER NOT NULL, PRIMARY KEY (segment, writer, first)) WITHOUT ROWID""",
    """CREATE TABLE gap (
        writer INTEGER NOT NULL REFERENCES writer, first INTEGER NOT NULL, upto INTEGER NOT NULL, reason TEXT NOT NULL,
        file TEXT NOT NULL, last_verified_ms INTEGER, found_ms INTEGER NOT NULL,
        PRIMARY KEY (writer, first, file)) WITHOUT ROWID""",
    # what came too late to be refused: another value for a parameter that has one
    """CREATE TABLE conflict (
        run INTEGER NOT NULL REFERENCES run, key TEXT NOT NULL, value TEXT NOT NULL, kept TEXT NOT NULL,
        found_ms INTEGER NOT NULL, PRIMARY KEY (run, key, value)) WITHOUT ROWID""",
    """INSERT INTO experiment (experiment, experiment_id, name, created_ms, updated_ms, tx)
        VALUES (0, '0', 'Default', strftime('%s', 'now') * 1000, strftime('%s', 'now') * 1000, 1)""",
)

# rank: of the writer's process among those of its job, as its launcher has numbered them; NULL when it had none
# *_tx on a run: the transaction that changed its parameters, tags or summaries last
VERSION_2: Final = (
    "ALTER TABLE writer ADD COLUMN rank INTEGER",
    "ALTER TABLE run ADD COLUMN param_tx INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE run ADD COLUMN tag_tx INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE run ADD COLUMN summary_tx INTEGER NOT NULL DEFAULT 0",
    "UPDATE run SET param_tx = tx, tag_tx = tx, summary_tx = tx",
)

# registered_model.versions: the highest number given out; a deleted version does not give it back, nor a deleted model
# its own. storage: what a version's source leads to when it names another version; NULL when it leads to itself.
# registry_event: each row has the hash of the one before in its own; rows are never changed, see catalog/events.py
# logged_model_metric: the latest value a data set; without one, dataset_name and dataset_digest are empty
_REGISTRY: Final[tuple[str, ...]] = (
    """CREATE TABLE registered_model (
        model INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, description TEXT, user_id TEXT,
        created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, versions INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE registered_model_tag (
        model INTEGER NOT NULL REFERENCES registered_model ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (model, key)) WITHOUT ROWID""",
    """CREATE TABLE model_version (
        model INTEGER NOT NULL REFERENCES registered_model ON DELETE CASCADE, version INTEGER NOT NULL,
        created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, description TEXT, user_id TEXT,
        stage TEXT NOT NULL DEFAULT 'None', source TEXT NOT NULL, storage TEXT, run_id TEXT, model_id TEXT,
        run_link TEXT, status TEXT NOT NULL DEFAULT 'READY', status_message TEXT,
        PRIMARY KEY (model, version)) WITHOUT ROWID""",
    "CREATE INDEX model_version_stage ON model_version (model, stage, version)",
    "CREATE INDEX model_version_run ON model_version (run_id)",
    """CREATE TABLE model_version_tag (
        model INTEGER NOT NULL, version INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (model, version, key),
        FOREIGN KEY (model, version) REFERENCES model_version ON DELETE CASCADE) WITHOUT ROWID""",
    "CREATE INDEX model_version_tag_key ON model_version_tag (key, substr(value, 1, 64))",
    """CREATE TABLE model_alias (
        model INTEGER NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (model, alias),
        FOREIGN KEY (model, version) REFERENCES model_version ON DELETE CASCADE) WITHOUT ROWID""",
    "CREATE INDEX model_alias_version ON model_alias (model, version)",
    """CREATE TABLE registry_event (
        event INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, user_id TEXT, action TEXT NOT NULL, model INTEGER NOT NULL,
        name TEXT NOT NULL, version INTEGER, payload TEXT NOT NULL, hash TEXT NOT NULL)""",
    "CREATE INDEX registry_event_model ON registry_event (model)",
    "CREATE INDEX registry_event_name ON registry_event (name)",
    """CREATE TRIGGER registry_event_kept BEFORE UPDATE ON registry_event
        BEGIN SELECT RAISE(ABORT, 'events of the registry are never changed'); END""",
    """CREATE TRIGGER registry_event_stays BEFORE DELETE ON registry_event
        BEGIN SELECT RAISE(ABORT, 'events of the registry are never deleted'); END""",
    """CREATE TABLE logged_model (
        logged INTEGER PRIMARY KEY, model_id TEXT NOT NULL UNIQUE, experiment INTEGER NOT NULL REFERENCES experiment,
        name TEXT NOT NULL, model_type TEXT, source_run_id TEXT, status TEXT NOT NULL, status_message TEXT,
        created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX logged_model_experiment ON logged_model (experiment)",
    """CREATE TABLE logged_model_param (
        logged INTEGER NOT NULL REFERENCES logged_model, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (logged, key)) WITHOUT ROWID""",
    """CREATE TABLE logged_model_tag (
        logged INTEGER NOT NULL REFERENCES logged_model, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (logged, key)) WITHOUT ROWID""",
    """CREATE TABLE logged_model_metric (
        logged INTEGER NOT NULL REFERENCES logged_model, key TEXT NOT NULL, dataset_name TEXT NOT NULL,
        dataset_digest TEXT NOT NULL, run_id TEXT NOT NULL, value, timestamp INTEGER NOT NULL, step INTEGER NOT NULL,
        PRIMARY KEY (logged, key, dataset_name, dataset_digest)) WITHOUT ROWID""",
    """CREATE TABLE model_input (
        run INTEGER NOT NULL REFERENCES run, model_id TEXT NOT NULL, PRIMARY KEY (run, model_id)) WITHOUT ROWID""",
    """CREATE TABLE model_output (
        run INTEGER NOT NULL REFERENCES run, model_id TEXT NOT NULL, step INTEGER NOT NULL,
        PRIMARY KEY (run, model_id, step)) WITHOUT ROWID""",
)
# version: goes up with every change of the other three, so that a server knows when to read them again
# permission.user 0: everybody; resource '': all of the kind that have none of their own
_ACCESS: Final[tuple[str, ...]] = (
    "CREATE TABLE access (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)",
    "INSERT INTO access (id, version) VALUES (1, 1)",
    """CREATE TABLE user (
        user INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, password TEXT NOT NULL,
        admin INTEGER NOT NULL, created_ms INTEGER NOT NULL)""",
    """CREATE TABLE token (
        token_id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, user INTEGER NOT NULL REFERENCES user,
        scope TEXT NOT NULL, note TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER) WITHOUT ROWID""",
    """CREATE TABLE permission (
        user INTEGER NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL, level TEXT NOT NULL,
        PRIMARY KEY (user, kind, resource)) WITHOUT ROWID""",
)
# replica: 1 for a writer of another store, whose stream is kept here under the same numbers; see catalog/receiving.py
# received_*: what other stores, known by their ids, have sent; version is the transaction there, status how the run
# ended or stands there, NULL once it has been forgotten
_REPLICATION: Final[tuple[str, ...]] = (
    "ALTER TABLE writer ADD COLUMN replica INTEGER NOT NULL DEFAULT 0",
    """CREATE TABLE received_experiment (
        source TEXT NOT NULL, local_id TEXT NOT NULL, experiment INTEGER NOT NULL REFERENCES experiment,
        PRIMARY KEY (source, local_id)) WITHOUT ROWID""",
    """CREATE TABLE received_run (
        run INTEGER NOT NULL REFERENCES run, source TEXT NOT NULL, version INTEGER NOT NULL, status TEXT,
        PRIMARY KEY (run, source)) WITHOUT ROWID""",
    """CREATE TABLE received_file (
        run INTEGER NOT NULL REFERENCES run, path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        sha256 TEXT NOT NULL, PRIMARY KEY (run, path)) WITHOUT ROWID""",
)

# What other stores have acknowledged of this one; see catalog/sending.py.
# server: a store that this one is sent to, known by its id; url is where it was found last
# sent_experiment: the same of an experiment; remote_id is its id there
# sent_run: how a run was when it was acknowledged; tags and inputs as digests, writers as their number
_SENDING: Final = (
    """CREATE TABLE server (
        server INTEGER PRIMARY KEY, store_id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, acknowledged_ms INTEGER)""",
    """CREATE TABLE sent_experiment (
        server INTEGER NOT NULL REFERENCES server, experiment INTEGER NOT NULL REFERENCES experiment,
        tx INTEGER NOT NULL, remote_id TEXT NOT NULL, tags TEXT NOT NULL,
        PRIMARY KEY (server, experiment)) WITHOUT ROWID""",
    """CREATE TABLE sent_run (
        server INTEGER NOT NULL REFERENCES server, run INTEGER NOT NULL REFERENCES run, tx INTEGER NOT NULL,
        status TEXT NOT NULL, end_ms INTEGER, deleted INTEGER NOT NULL, tags TEXT NOT NULL, inputs TEXT NOT NULL,
        writers INTEGER NOT NULL, PRIMARY KEY (server, run)) WITHOUT ROWID""",
    """CREATE TABLE sent_writer (
        server INTEGER NOT NULL REFERENCES server, writer INTEGER NOT NULL REFERENCES writer, have INTEGER NOT NULL,
        PRIMARY KEY (server, writer)) WITHOUT ROWID""",
    """CREATE TABLE sent_file (
        server INTEGER NOT NULL REFERENCES server, run INTEGER NOT NULL REFERENCES run, path TEXT NOT NULL,
        size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, PRIMARY KEY (server, run, path)) WITHOUT ROWID""",
)
VERSION_3: Final = (*_REGISTRY, *_ACCESS, *_REPLICATION, *_SENDING)

# ledger: what a writer has accepted of a series and not stored, from its beginning up to now; see catalog/ledger.py
# dropped and stretches are JSON; the columns from count on sum up these points as far as their values are known, and
# are in metric_summary as well
_LEDGER: Final[tuple[str, ...]] = (
    """CREATE TABLE ledger (
        run INTEGER NOT NULL REFERENCES run, key INTEGER NOT NULL REFERENCES name,
        writer INTEGER NOT NULL REFERENCES writer, unstored INTEGER NOT NULL, merged INTEGER NOT NULL,
        dropped TEXT NOT NULL, stretches TEXT NOT NULL, count INTEGER NOT NULL, nan_count INTEGER NOT NULL,
        first_step INTEGER, first_timestamp INTEGER, first_value,
        last_step INTEGER, last_timestamp INTEGER, last_value,
        min, min_step INTEGER, max, max_step INTEGER, sum, max_timestamp INTEGER,
        PRIMARY KEY (run, key, writer)) WITHOUT ROWID""",
    "CREATE INDEX ledger_writer ON ledger (writer)",
)
# replaced_segment: a file that is listed no more and stays for those who read it, until it is old enough;
# replaced_by: id of the listed segment that has its rows by now
# deleted_ms: when a run was deleted last; experiment.removed_tx: the transaction that last removed runs of it for good
_COMPACTION: Final[tuple[str, ...]] = (
    """CREATE TABLE replaced_segment (
        path TEXT PRIMARY KEY, segment_id TEXT NOT NULL, bytes INTEGER NOT NULL, replaced_ms INTEGER NOT NULL,
        replaced_by TEXT NOT NULL) WITHOUT ROWID""",
    "ALTER TABLE run ADD COLUMN deleted_ms INTEGER",
    "UPDATE run SET deleted_ms = strftime('%s', 'now') * 1000 WHERE deleted != 0",
    "ALTER TABLE experiment ADD COLUMN removed_tx INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX run_deleted ON run (deleted_ms) WHERE deleted != 0",
)
# lost: why a segment gives none of its rows back, and since when that is known; see catalog/rebuilding.py
_REPAIR: Final[tuple[str, ...]] = (
    "ALTER TABLE segment ADD COLUMN lost TEXT",
    "ALTER TABLE segment ADD COLUMN lost_ms INTEGER",
)
VERSION_4: Final = (*_LEDGER, *_COMPACTION, *_REPAIR)

# target: a stage or @alias; rules: JSON, see catalog/gates.py; reference: the target that better_than compares with
_GATES: Final[tuple[str, ...]] = (
    """CREATE TABLE model_gate (
        model INTEGER NOT NULL REFERENCES registered_model ON DELETE CASCADE, target TEXT NOT NULL, rules TEXT NOT NULL,
        reference TEXT, user_id TEXT, set_ms INTEGER NOT NULL, PRIMARY KEY (model, target)) WITHOUT ROWID""",
    """CREATE TABLE model_approval (
        model INTEGER NOT NULL, version INTEGER NOT NULL, target TEXT NOT NULL, user_id TEXT NOT NULL,
        at_ms INTEGER NOT NULL, comment TEXT, PRIMARY KEY (model, version, target, user_id),
        FOREIGN KEY (model, version) REFERENCES model_version ON DELETE CASCADE) WITHOUT ROWID""",
    """CREATE TABLE model_check (
        model INTEGER NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, passed INTEGER NOT NULL, details TEXT,
        user_id TEXT, at_ms INTEGER NOT NULL, PRIMARY KEY (model, version, name),
        FOREIGN KEY (model, version) REFERENCES model_version ON DELETE CASCADE) WITHOUT ROWID""",
)
VERSION_5: Final = _GATES

# state: what a page is made of, as the page writes it; user_id: who owns it, NULL where nobody was asked
VERSION_6: Final = (
    """CREATE TABLE saved_view (
        name TEXT PRIMARY KEY, page TEXT NOT NULL, state TEXT NOT NULL, user_id TEXT, created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL) WITHOUT ROWID""",
)

VERSIONS: Final = (VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6)
"""Statements that lead from version i to version i + 1, in order."""
