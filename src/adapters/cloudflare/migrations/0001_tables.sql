-- The audit trail. The column "entry" is the entry as JSON; the others are for queries.
CREATE TABLE audit_entries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0),
  id TEXT NOT NULL UNIQUE,
  time TEXT NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('intent', 'outcome')),
  object_id TEXT NOT NULL,
  intent TEXT,
  entry TEXT NOT NULL CHECK (json_valid(entry))
);
CREATE INDEX audit_entries_by_object ON audit_entries (object_id, seq);
CREATE INDEX audit_entries_by_time ON audit_entries (time);

-- The intents that have no outcome yet.
CREATE TABLE open_intents (
  id TEXT PRIMARY KEY,
  time TEXT NOT NULL
);

-- A write that is repeated is one row. Anything else with a known id or number is refused: a
-- REPLACE would delete without the trigger for deletions.
CREATE TRIGGER audit_entries_are_written_once BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id AND entry = NEW.entry)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER audit_entries_are_not_replaced BEFORE INSERT ON audit_entries
WHEN EXISTS (
  SELECT 1 FROM audit_entries WHERE (id = NEW.id AND entry <> NEW.entry) OR
    (seq = NEW.seq AND id <> NEW.id)
)
BEGIN SELECT RAISE(ABORT, 'audit_entries is only ever added to'); END;
CREATE TRIGGER audit_entries_are_not_deleted BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit_entries is only ever added to'); END;
CREATE TRIGGER audit_entries_are_not_changed BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit_entries is only ever added to'); END;
CREATE TRIGGER intents_are_opened AFTER INSERT ON audit_entries WHEN NEW.phase = 'intent'
BEGIN INSERT INTO open_intents (id, time) VALUES (NEW.id, NEW.time); END;
CREATE TRIGGER intents_are_closed AFTER INSERT ON audit_entries WHEN NEW.phase = 'outcome'
BEGIN DELETE FROM open_intents WHERE id = NEW.intent; END;

-- Retention runs, each begun before its first request. "run" is what became of it, as JSON.
CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  started_at TEXT NOT NULL,
  run TEXT CHECK (json_valid(run)),
  good INTEGER NOT NULL DEFAULT 0
);

-- Batches that nothing deletes, beside those that the retention policy holds.
CREATE TABLE holds (
  id TEXT PRIMARY KEY CHECK (id GLOB '[A-Za-z0-9]*' AND id NOT GLOB '*[^A-Za-z0-9_.~-]*'),
  reason TEXT,
  added_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Deletions that outlive the request that asked for them, by the id of their batch. "operation" is the
-- operation as JSON.
CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  operation TEXT NOT NULL CHECK (json_valid(operation))
);
