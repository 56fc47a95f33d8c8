#!/bin/sh
# Runs once, when the database is made: creates the role that the nodes connect as. It owns nothing.
set -eu
# The password is assigned on a line of its own, so that the script ends when it cannot be read.
password=$(cat /run/secrets/app_password)
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$password" <<'SQL'
create role letopis_app login password :'password';
SQL
