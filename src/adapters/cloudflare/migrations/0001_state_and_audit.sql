-- The Worker runs this file by itself where it finds no tables, so it must be harmless to repeat.

-- What retention runs leave to the next: a text by name, of which the first part is here.
CREATE TABLE IF NOT EXISTS state (
  name TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  token TEXT NOT NULL,
  value TEXT NOT NULL
);

-- The other parts of a long text. Those of an earlier writing have another token.
CREATE TABLE IF NOT EXISTS state_parts (
  name TEXT NOT NULL,
  part INTEGER NOT NULL,
  token TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name, part)
);

-- The audit trail, one entry a row, as JSON.
CREATE TABLE IF NOT EXISTS audit_entries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0),
  entry TEXT NOT NULL CHECK (json_valid(entry))
);
-- A replacement deletes without a trigger.
CREATE TRIGGER IF NOT EXISTS audit_entries_are_not_replaced BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit_entries is only ever added to'); END;
CREATE TRIGGER IF NOT EXISTS audit_entries_stay BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit_entries is only ever added to'); END;
CREATE TRIGGER IF NOT EXISTS audit_entries_stay_as_they_are BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit_entries is only ever added to'); END;
