-- What a batch asks of the log, and how it is written. As functions because the server keeps their plans: it would
-- parse and plan a statement of its own anew with every batch, and behind a pooler none can be prepared.
--
-- Each goes by an index: of a table that was filled a moment ago the server has no statistics, and would rather read all
-- of it. What it must not do at any price would look worth compiling to it, hence no jit.

-- The wanted streams, each by version; what is sealed comes with its subject's wrapped key.
create function wanted_streams(wanted text[])
returns table ("position" bigint, stream text, version bigint, id bytea, name text, recorded_at bigint, payload text,
    subject bytea, sealed bytea, sealed_hash bytea, meta text, hash bytea, wrapped bytea)
language plpgsql set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
    return query
        select e.position, e.stream, e.version, e.id, e.name, e.recorded_at, e.payload, e.subject, e.sealed,
            e.sealed_hash, e.meta, e.hash,
            (select k.wrapped from letopis.subject_key k where k.subject = e.subject)
        from letopis.event e where e.stream = any (wanted) order by e.stream, e.version;
end
$$;

-- Takes the head until the transaction ends, and answers where the log ends, as the position, time and hash of a first
-- row; then what it holds from that position on. Behind the lock each statement sees what was committed before it, and
-- nobody commits events any more.
create function take_head(from_position bigint, at_most bigint)
returns table ("position" bigint, stream text, version bigint, id bytea, name text, recorded_at bigint, payload text,
    subject bytea, sealed bytea, sealed_hash bytea, meta text, hash bytea, wrapped bytea)
language plpgsql set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
    return query
        select h.position, ''::text, 0::bigint, ''::bytea, ''::text, h.recorded_at, ''::text, null::bytea, null::bytea,
            null::bytea, ''::text, h.hash, null::bytea
        from letopis.log_head h where h.one for update;
    return query
        select e.position, e.stream, e.version, e.id, e.name, e.recorded_at, e.payload, e.subject, e.sealed,
            e.sealed_hash, e.meta, e.hash,
            (select k.wrapped from letopis.subject_key k where k.subject = e.subject)
        from letopis.event e where e.position >= from_position order by e.position limit at_most;
end
$$;

-- Adds events, wrapped keys and receipts, each column as an array, and moves the head.
create function write_batch(head bigint, head_hash bytea, head_recorded_at bigint,
    positions bigint[], streams text[], versions bigint[], ids bytea[], names text[], recorded_at bigint[],
    payloads text[], subjects bytea[], sealed bytea[], sealed_hashes bytea[], metas text[], hashes bytea[],
    key_subjects bytea[], keys bytea[],
    command_ids bytea[], fingerprints bytea[], receipts_at bigint[], receipt_positions bigint[],
    receipt_subjects bytea[], outcomes bytea[])
returns void
language plpgsql set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
    if cardinality(key_subjects) > 0 then
        insert into letopis.subject_key (subject, wrapped) select * from unnest(key_subjects, keys);
    end if;
    insert into letopis.event (position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash,
            meta, hash)
        select * from unnest(positions, streams, versions, ids, names, write_batch.recorded_at, payloads, subjects,
            write_batch.sealed, sealed_hashes, metas, hashes);
    if cardinality(command_ids) > 0 then
        insert into letopis.receipt (command_id, fingerprint, at, position, subject, outcome)
            select * from unnest(command_ids, fingerprints, receipts_at, receipt_positions, receipt_subjects, outcomes);
    end if;
    update letopis.log_head set position = head, hash = head_hash, recorded_at = head_recorded_at where one;
end
$$;
