"""A round trip with the client that openapi-python-client makes of the document: python round_trip.py URL"""

import sys
from http import HTTPStatus

from client import AuthenticatedClient, Client
from client.api.accounts import login, read_my_profile, register
from client.api.chats import create_chat, read_chat
from client.api.messages import list_messages, post_message
from client.api.search import search_messages
from client.models import (
    Credentials,
    ErrorCode,
    ListMessagesOrder,
    NewChat,
    NewMessage,
    Problem,
    Registration,
    UserRole,
)
from client.types import UNSET

url = sys.argv[1]
name, password = "python", "correct horse battery"

anyone = Client(base_url=url)
user = register.sync(client=anyone, body=Registration(user_name=name, password=password))
session = login.sync(client=anyone, body=Credentials(user_name=name, password=password))
assert session.user_id == user.user_id
client = AuthenticatedClient(base_url=url, token=session.session_id)
assert read_my_profile.sync(client=client).role == UserRole.USER

chat = create_chat.sync(client=client, body=NewChat(chat_name="Garden"))
for text in ["The tomatoes are ripe.", "And the beans?", "Not yet."]:
    posted = post_message.sync(chat.chat_id, client=client, body=NewMessage(message=text), idempotency_key=text)
    again = post_message.sync_detailed(
        chat.chat_id, client=client, body=NewMessage(message=text), idempotency_key=text
    )
    assert again.parsed.message_id == posted.message_id
    assert again.headers["Idempotency-Replayed"] == "true"

texts, iterator = [], UNSET
while True:
    page = list_messages.sync(
        chat.chat_id, client=client, limit=2, order=ListMessagesOrder.NEWEST_FIRST, from_=iterator
    )
    texts += [message.text for message in page.messages]
    if not page.next_:
        break
    iterator = page.next_.iterator
assert texts == ["Not yet.", "And the beans?", "The tomatoes are ripe."], texts

found = search_messages.sync(client=client, q="tomato")
assert [hit.text for hit in found.hits] == ["The tomatoes are ripe."], found

refused = read_chat.sync_detailed(user.user_id, client=client)
assert refused.status_code == HTTPStatus.NOT_FOUND
assert isinstance(refused.parsed, Problem) and refused.parsed.code == ErrorCode.CHAT_NOT_FOUND
print("python: round trip done")
