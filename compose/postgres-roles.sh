#!/bin/sh
# Runs once, when the database is made: the role that the nodes connect as. It owns nothing.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$(cat /run/secrets/app_password)" <<'SQL'
create role letopis_app login password :'password';
SQL
