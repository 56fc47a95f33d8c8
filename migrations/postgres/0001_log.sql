-- Everything lies in the schema `letopis`, which the migration runs in.

-- The log: one row an event, in the order of their commits. The columns are those of the embedded log.
create table event (
    position bigint primary key,
    stream text collate "C" not null,
    version bigint not null,
    id bytea not null,
    name text collate "C" not null,
    recorded_at bigint not null, -- µs since 1970
    payload text not null,       -- JSON, exact text
    subject bytea,               -- whose the sealed part is
    sealed bytea,
    sealed_hash bytea,           -- stays when the sealed part is forgotten
    meta text not null,          -- JSON, exact text
    hash bytea not null,
    unique (stream, version)
);

-- Where the log ends. Whoever appends locks this one row until he has committed: so the order of positions is the
-- order of commits, and a rollback leaves no hole.
create table log_head (
    one boolean primary key default true check (one),
    position bigint not null,
    hash bytea not null,
    recorded_at bigint not null
);
insert into log_head (position, hash, recorded_at) values (0, decode(repeat('00', 32), 'hex'), 0);

create function event_is_only_forgotten() returns trigger language plpgsql as $$
begin
    if tg_op <> 'UPDATE' then
        raise exception 'the log is append-only: an event is never deleted';
    end if;
    if new.sealed is not null
        or row (new.position, new.stream, new.version, new.id, new.name, new.recorded_at, new.payload, new.subject,
                new.sealed_hash, new.meta, new.hash)
           is distinct from
           row (old.position, old.stream, old.version, old.id, old.name, old.recorded_at, old.payload, old.subject,
                old.sealed_hash, old.meta, old.hash)
    then
        raise exception 'the log is append-only: only a sealed part is ever forgotten';
    end if;
    return new;
end
$$;

-- Forgetting a sealed part is the only change that an event ever sees.
create trigger event_is_only_forgotten before update or delete on event
    for each row execute function event_is_only_forgotten();
create trigger event_is_never_truncated before truncate on event
    for each statement execute function event_is_only_forgotten();

-- What commands answered.
create table receipt (
    command_id bytea primary key,
    fingerprint bytea not null,
    at bigint not null, -- µs since 1970
    position bigint not null,
    subject bytea,      -- whose key the outcome is sealed with; null: not sealed
    outcome bytea not null
);
create index receipt_by_age on receipt (at);

-- The check value of the master key, and the key for look-ups.
create table secret (
    name text primary key,
    wrapped bytea not null
);

-- One data key for each person.
create table subject_key (
    subject bytea primary key,
    wrapped bytea not null
);
