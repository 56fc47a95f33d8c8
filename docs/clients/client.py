"""Signs up, opens a chat, posts, reads back and searches; the standard library is enough.

Usage: python3 docs/clients/client.py http://127.0.0.1:8080 NAME
"""
import json, sys, urllib.error, urllib.parse, urllib.request, uuid

api, name = sys.argv[1:3] if len(sys.argv) > 2 else ("http://127.0.0.1:8080", "anna")
password, token = "correct horse battery", None


def call(method, path, body=None, **headers):
    headers |= {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(api + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        problem = json.load(error)  # RFC 9457: `code` is stable, `detail` is for people
        sys.exit(f"{problem['code']}: {problem.get('detail', problem['title'])} (request {problem['request_id']})")


call("POST", "/v1/auth/register", {"user_name": name, "password": password})
token = call("POST", "/v1/auth/login", {"user_name": name, "password": password})["session_id"]
chat = call("POST", "/v1/chats", {"chat_name": f"garden of {name}"})["chat_id"]

# With a key a message may be sent again after a time-out: it is posted once, and answered the same.
key = str(uuid.uuid4())
for attempt in range(2):
    call("POST", f"/v1/chats/{chat}/messages", {"message": "the roses are out"}, **{"Idempotency-Key": key})

query = {"order": "newest-first", "limit": 50}
while True:  # newest first, a page at a time
    page = call("GET", f"/v1/chats/{chat}/messages?{urllib.parse.urlencode(query)}")
    print(*(message["text"] for message in page["messages"]), sep="\n")
    if "next" not in page:
        break
    query["from"] = page["next"]["iterator"]
print(json.dumps(call("GET", "/v1/search?" + urllib.parse.urlencode({"q": "rose"}))))
