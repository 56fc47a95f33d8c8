"""Passkeys of a device that nobody here wrote, PyPI's soft-webauthn: python passkey.py URL"""

import base64
import copy
import sys

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.utils import sha256
from soft_webauthn import SoftWebauthnDevice

url = sys.argv[1]
PASSWORD = "correct horse battery"
VERIFIED = 0x04
FLAGS = 32  # where they are in the data of an authenticator (WebAuthn level 3, 6.1)


class VerifyingDevice(SoftWebauthnDevice):
    """The same, of a maker who verifies its holder: soft-webauthn says that somebody is there, and no more."""

    def create(self, options, origin):
        made = super().create(options, origin)
        attested = cbor.decode(made["response"]["attestationObject"])
        attested["authData"] = verified(attested["authData"])
        made["response"]["attestationObject"] = cbor.encode(attested)
        return made

    def get(self, options, origin):
        made = super().get(options, origin)
        response = made["response"]
        response["authenticatorData"] = verified(response["authenticatorData"])
        signed = response["authenticatorData"] + sha256(response["clientDataJSON"])
        response["signature"] = self.private_key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return made


def verified(data):
    return data[:FLAGS] + bytes([data[FLAGS] | VERIFIED]) + data[FLAGS + 1 :]


def encoded(part):
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def options(told):
    """What a browser makes of the JSON before it asks a device."""
    told = copy.deepcopy(told)
    told["challenge"] = decoded(told["challenge"])
    if "user" in told:
        told["user"]["id"] = decoded(told["user"]["id"])
    return {"publicKey": told}


def to_json(credential):
    """What a browser makes of the device's answer."""
    response = {name: encoded(part) for name, part in credential["response"].items()}
    raw_id = encoded(credential["rawId"])
    return {
        "id": raw_id,
        "rawId": raw_id,
        "type": credential["type"],
        "clientExtensionResults": {},
        "response": response,
    }


def post(path, body, token=None, status=200):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.post(f"{url}{path}", json=body, headers=headers)
    assert answer.status_code == status, (path, answer.status_code, answer.text)
    return answer.json()


def finish(credential, status=200):
    return post("/v1/auth/passkey/finish", {"credential": to_json(credential)}, status=status)


def begin():
    return options(post("/v1/auth/passkey/begin", {})["publicKey"])


def make(device, token, origin=url, status=201):
    begun = post("/v1/me/passkeys/begin", {"name": "of software"}, token)["publicKey"]
    made = {"credential": to_json(device.create(options(begun), origin))}
    return post("/v1/me/passkeys/finish", made, token, status)


def refused(answer):
    assert answer["code"] == "bad-passkey", answer


account = {"user_name": "passkey", "password": PASSWORD}
user_id = post("/v1/auth/register", account, status=201)["user_id"]
token = post("/v1/auth/login", account)["session_id"]

# A device that does not verify its holder, and one that another page asked, make none.
refused(make(SoftWebauthnDevice(), token, status=401))
refused(make(VerifyingDevice(), token, origin="https://elsewhere.example", status=401))

device = VerifyingDevice()
passkey = make(device, token)

credential = device.get(begin(), url)
session = finish(credential)
assert session["user_id"] == user_id, session
told = httpx.get(f"{url}/v1/me/passkeys", headers={"Authorization": f"Bearer {session['session_id']}"}).json()
assert [(known["id"], known["name"]) for known in told["passkeys"]] == [(passkey["id"], "of software")], told
assert told["passkeys"][0]["last_used_at"], told

# What was signed counts once, for the page that asked, by its holder, with its own key, and counting on.
refused(finish(credential, status=401))
refused(finish(device.get(begin(), "https://elsewhere.example"), status=401))
refused(finish(SoftWebauthnDevice.get(device, begin(), url), status=401))
another = copy.copy(device)
another.private_key = ec.generate_private_key(ec.SECP256R1())
refused(finish(another.get(begin(), url), status=401))
older = copy.copy(device)
older.sign_count = 0
refused(finish(older.get(begin(), url), status=401))
finish(device.get(begin(), url))
print("passkey: a foreign device signed in, and what it must not do was refused")
