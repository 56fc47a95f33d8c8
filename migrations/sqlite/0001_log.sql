-- The log: one row an event, in the order of their commits.
create table event (
    position integer primary key,
    stream text not null,
    version integer not null,
    id blob not null,
    name text not null,
    recorded_at integer not null, -- µs since 1970
    payload text not null,        -- JSON, exact text
    subject blob,                 -- whose the sealed part is
    sealed blob,
    sealed_hash blob,             -- stays when the sealed part is forgotten
    meta text not null,           -- JSON, exact text
    hash blob not null,
    unique (stream, version)
) strict;

create trigger event_is_never_deleted before delete on event
begin
    select raise(abort, 'the log is append-only: an event is never deleted');
end;

-- Forgetting a sealed part is the only change that an event ever sees.
create trigger event_is_only_forgotten before update on event
when new.sealed is not null
    or new.position is not old.position
    or new.stream is not old.stream
    or new.version is not old.version
    or new.id is not old.id
    or new.name is not old.name
    or new.recorded_at is not old.recorded_at
    or new.payload is not old.payload
    or new.subject is not old.subject
    or new.sealed_hash is not old.sealed_hash
    or new.meta is not old.meta
    or new.hash is not old.hash
begin
    select raise(abort, 'the log is append-only: only a sealed part is ever forgotten');
end;

-- What commands answered. With row numbers, so that the oldest go first.
create table receipt (
    command_id blob primary key,
    fingerprint blob not null,
    at integer not null, -- µs since 1970
    position integer not null,
    subject blob,        -- whose key the outcome is sealed with; null: not sealed
    outcome blob not null
) strict;

-- The check value of the master key, and the key for look-ups.
create table secret (
    name text primary key,
    wrapped blob not null
) strict, without rowid;

-- One data key for each person.
create table subject_key (
    subject blob primary key,
    wrapped blob not null
) strict, without rowid;
