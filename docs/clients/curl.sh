#!/bin/sh
# Signs up, opens a chat, posts, reads back and searches. Usage: docs/clients/curl.sh http://127.0.0.1:8080 NAME
set -eu
api=${1:-http://127.0.0.1:8080} name=${2:-anna} password='correct horse battery'

# call METHOD PATH [BODY]: prints the answer; an error of the API ends the script with its text.
call() {
    curl -sS --fail-with-body --max-time 10 -X "$1" "$api$2" -H 'Content-Type: application/json' \
        ${token:+-H "Authorization: Bearer $token"} ${key:+-H "Idempotency-Key: $key"} ${3:+-d "$3"}
}
# field NAME: the text of a field of the answer on standard input.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

token= key=
call POST /v1/auth/register "{\"user_name\": \"$name\", \"password\": \"$password\"}" >/dev/null
token=$(call POST /v1/auth/login "{\"user_name\": \"$name\", \"password\": \"$password\"}" | field session_id)
chat=$(call POST /v1/chats "{\"chat_name\": \"garden of $name\"}" | field chat_id)

# With a key a message may be sent again after a time-out: it is posted once, and answered the same.
key=$(date +%s)-$$
for attempt in 1 2; do call POST "/v1/chats/$chat/messages" '{"message": "the roses are out"}' >/dev/null; done
key=

# Newest first, a page at a time; `next` is there while there is more.
call GET "/v1/chats/$chat/messages?order=newest-first&limit=50" && echo
call GET "/v1/search?q=rose&limit=10" && echo
