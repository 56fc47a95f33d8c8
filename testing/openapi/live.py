"""Live by clients that nobody here wrote, PyPI's websockets and httpx-sse: python live.py URL

Each hears what is said, is disconnected, misses something, and comes back: it hears all of it, each once and in order.
"""

import json
import sys
from contextlib import contextmanager

import httpx
from httpx_sse import connect_sse
from websockets.sync.client import connect

url = sys.argv[1]
PASSWORD = "correct horse battery"
WAIT_S = 30


def post(path, body, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.post(f"{url}{path}", json=body, headers=headers)
    assert answer.is_success, (path, answer.status_code, answer.text)
    return answer.json()


@contextmanager
def by_header(token, position):
    """A WebSocket of a program, which can set a header."""
    path = "/v1/ws" if position is None else f"/v1/ws?from={position}"
    with socket(path, additional_headers={"Authorization": f"Bearer {token}"}) as heard:
        yield heard


@contextmanager
def by_first_frame(token, position):
    """A WebSocket of who can set none."""
    data = {"token": token} if position is None else {"token": token, "from": position}
    with socket("/v1/ws", {"event": "auth", "data": data}) as heard:
        yield heard


@contextmanager
def socket(path, first=None, **options):
    address = url.replace("http", "ws", 1) + path
    with connect(address, subprotocols=["letopis.v1"], **options) as connection:
        assert connection.subprotocol == "letopis.v1"
        assert connection.protocol.extensions == [], "nothing is compressed"
        if first:
            connection.send(json.dumps(first))
        yield lambda: frame(json.loads(connection.recv(timeout=WAIT_S)))


def frame(told):
    return told["event"], told.get("position"), told["data"]


@contextmanager
def by_events(token, position):
    """Server-sent events."""
    headers = {"Authorization": f"Bearer {token}"}
    if position is not None:
        headers["Last-Event-ID"] = str(position)
    with httpx.Client(timeout=WAIT_S) as client, connect_sse(client, "GET", f"{url}/v1/live", headers=headers) as source:
        events = source.iter_sse()

        def heard():
            event = next(events)
            return event.event, int(event.id) if event.id else None, json.loads(event.data)

        yield heard


def messages(heard, many):
    """The texts and positions of so many messages."""
    found = []
    while len(found) < many:
        event, position, data = heard()
        if event == "message.posted":
            found.append((data["message"]["text"], position))
    return found


for way in [by_header, by_first_frame, by_events]:
    name = way.__name__
    account = {"user_name": name, "password": PASSWORD}
    post("/v1/auth/register", account)
    token = post("/v1/auth/login", account)["session_id"]
    chat = post("/v1/chats", {"chat_name": name}, token)["chat_id"]

    def say(text):
        return text, post(f"/v1/chats/{chat}/messages", {"message": text}, token)["position"]

    before = say("before")
    with way(token, None) as heard:
        assert heard()[0] == "hello"
        live = [say("one"), say("two")]
        assert messages(heard, 2) == live, "from now on"
    missed = [say(f"missed {count}") for count in range(20)]
    with way(token, live[-1][1]) as heard:
        assert heard()[0] == "hello"
        after = say("after")
        assert messages(heard, 21) == [*missed, after], "what was missed, then what is new"
        end = say("end")
        assert messages(heard, 1) == [end], "nothing twice"
    with way(token, before[1]) as heard:
        assert heard()[0] == "hello"
        assert messages(heard, 24) == [*live, *missed, after, end], "from any position"
    print(f"live {name}: heard all of it, each once")
