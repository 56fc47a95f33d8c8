-- The same as before, with the rows made in the select list: `from unnest(…)` would first write each of the twelve columns
-- into a store of its own and read it again, a tenth of what a batch costs the server. In the select list they go in step;
-- the shorter ones of unequal arrays would be filled with nulls, in both.
create or replace function write_batch(head bigint, head_hash bytea, head_recorded_at bigint,
    positions bigint[], streams text[], versions bigint[], ids bytea[], names text[], recorded_at bigint[],
    payloads text[], subjects bytea[], sealed bytea[], sealed_hashes bytea[], metas text[], hashes bytea[],
    key_subjects bytea[], keys bytea[],
    command_ids bytea[], fingerprints bytea[], receipts_at bigint[], receipt_positions bigint[],
    receipt_subjects bytea[], outcomes bytea[])
returns void
language plpgsql set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
    if cardinality(key_subjects) > 0 then
        insert into letopis.subject_key (subject, wrapped) select unnest(key_subjects), unnest(keys);
    end if;
    insert into letopis.event (position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash,
            meta, hash)
        select unnest(positions), unnest(streams), unnest(versions), unnest(ids), unnest(names),
            unnest(write_batch.recorded_at), unnest(payloads), unnest(subjects), unnest(write_batch.sealed),
            unnest(sealed_hashes), unnest(metas), unnest(hashes);
    if cardinality(command_ids) > 0 then
        insert into letopis.receipt (command_id, fingerprint, at, position, subject, outcome)
            select unnest(command_ids), unnest(fingerprints), unnest(receipts_at), unnest(receipt_positions),
                unnest(receipt_subjects), unnest(outcomes);
    end if;
    update letopis.log_head set position = head, hash = head_hash, recorded_at = head_recorded_at where one;
end
$$;
