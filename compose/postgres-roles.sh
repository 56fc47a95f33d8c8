#!/bin/sh
# Runs once, when the database is made: the role that the nodes connect as. It owns nothing.
set -eu
# An assignment of its own: what cannot be read ends this, and makes no role without a password.
password=$(cat /run/secrets/app_password)
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$password" <<'SQL'
create role letopis_app login password :'password';
SQL
