//! What SendGrid tells later of the mails that it took: signed lists of events, in which one may come many times.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::Timestamp;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use std::fmt;
use uuid::Uuid;

/// A list that was signed earlier, or later, than this is none of now: somebody repeats an old one.
const SECONDS_OFF_MAX: i64 = 10 * 60;
/// Most events of one list that are looked at.
const EVENTS_MAX: usize = 10_000;
/// What a public key of the curve P-256 begins with (`SubjectPublicKeyInfo`); its point follows.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT_BYTES: usize = 65;

/// The key by which lists of events are verified.
#[derive(Clone, PartialEq, Eq)]
pub struct EventKey([u8; POINT_BYTES]);

/// Why a list of events is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    #[error("the signature is missing, or not that of this body")]
    Signature,
    #[error("the signature is too old, or of a clock that is ahead")]
    Stale,
    #[error("the body is not a list of events")]
    Malformed,
}

/// What became of a mail that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedKind {
    /// The recipient's server has it.
    Delivered,
    /// It came back, or was not sent because earlier ones had come back.
    Bounced,
    /// The recipient calls it spam.
    Complained,
}

/// One event that says what became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub delivery_id: Uuid,
    /// SendGrid's id of the event: the same each time that it comes.
    pub event_id: String,
    pub kind: ReportedKind,
    /// The recipient's address takes no mail: nothing is to be sent to it any more.
    pub address_at_fault: bool,
    /// The address that the mail went to, as SendGrid names it.
    pub address: Option<String>,
    /// In words, without personal data.
    pub detail: String,
}

impl EventKey {
    /// Reads the verification key as SendGrid shows it: base64.
    ///
    /// # Errors
    /// What it must be like.
    pub fn parse(text: &str) -> Result<EventKey, &'static str> {
        const SHAPE: &str = "it must be the verification key that SendGrid shows, a public key of P-256 as base64";
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| SHAPE)?;
        let point = bytes.strip_prefix(&P256).and_then(|point| point.try_into().ok()).ok_or(SHAPE)?;
        Ok(EventKey(point))
    }

    /// Whether the body was signed by whoever has the private key, about now. `signature` and `timestamp` are the headers
    /// of the request.
    ///
    /// # Errors
    /// Why it was not.
    pub fn verify(&self, signature: &str, timestamp: &str, body: &[u8], now: Timestamp) -> Result<(), Unverified> {
        let signature = BASE64_STANDARD.decode(signature).map_err(|_| Unverified::Signature)?;
        let signed = [timestamp.as_bytes(), body].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0);
        key.verify(&signed, &signature).map_err(|_| Unverified::Signature)?;
        let signed_at = timestamp.parse::<i64>().map_err(|_| Unverified::Signature)?;
        let seconds_off = now.0.div_euclid(1_000_000).saturating_sub(signed_at);
        if seconds_off.saturating_abs() > SECONDS_OFF_MAX { Err(Unverified::Stale) } else { Ok(()) }
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("EventKey(…)")
    }
}

#[derive(Deserialize)]
struct Sent {
    event: String,
    sg_event_id: Option<String>,
    delivery_id: Option<Uuid>,
    email: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    reason: Option<String>,
    status: Option<String>,
    bounce_classification: Option<String>,
}

/// What a list of events says of our deliveries. Events of other kinds, and of mails that others sent, are left out.
///
/// # Errors
/// [`Unverified::Malformed`].
pub fn reports(body: &[u8]) -> Result<Vec<Report>, Unverified> {
    let events = serde_json::from_slice::<Vec<serde_json::Value>>(body).map_err(|_| Unverified::Malformed)?;
    let sent = events.into_iter().take(EVENTS_MAX).filter_map(|event| serde_json::from_value::<Sent>(event).ok());
    Ok(sent.filter_map(report).collect())
}

fn report(sent: Sent) -> Option<Report> {
    let kind = match sent.event.as_str() {
        "delivered" => ReportedKind::Delivered,
        "bounce" | "dropped" => ReportedKind::Bounced,
        "spamreport" => ReportedKind::Complained,
        _ => return None,
    };
    let reason = sent.reason.as_deref().unwrap_or_default();
    let address_at_fault = match sent.event.as_str() {
        // One that was blocked may come through another time.
        "bounce" => sent.kind.as_deref() != Some("blocked"),
        "dropped" => ["Bounced Address", "Invalid"].iter().any(|known| reason.starts_with(known)),
        _ => false,
    };
    let words = [Some(sent.event.clone()), sent.kind, sent.status, sent.bounce_classification];
    // The reasons that servers give repeat the recipient's address; a status (5.1.1) does not.
    let words = words.into_iter().flatten().filter(|word| !word.is_empty() && !word.contains('@')).collect::<Vec<_>>();
    let detail = words.join(" ").chars().take(super::super::DETAIL_CHARS_MAX).collect();
    let (delivery_id, event_id, address) = (sent.delivery_id?, sent.sg_event_id?, sent.email);
    Some(Report { delivery_id, event_id, kind, address_at_fault, address, detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn pair() -> (EcdsaKeyPair, EventKey) {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let shown = BASE64_STANDARD.encode([&P256, pair.public_key().as_ref()].concat());
        let key = EventKey::parse(&format!("{shown}\n")).unwrap();
        (pair, key)
    }

    fn sign(pair: &EcdsaKeyPair, timestamp: &str, body: &[u8]) -> String {
        let signed = [timestamp.as_bytes(), body].concat();
        BASE64_STANDARD.encode(pair.sign(&SystemRandom::new(), &signed).unwrap())
    }

    #[test]
    fn only_what_was_signed_about_now_is_looked_at() {
        let (ours, key) = pair();
        let (theirs, _) = pair();
        let good = sign(&ours, "1700000000", b"[]");
        assert_eq!(key.verify(&good, "1700000000", b"[]", NOW), Ok(()));
        let refused = [
            (sign(&theirs, "1700000000", b"[]"), "1700000000", &b"[]"[..]),
            (good.clone(), "1700000000", b"[ ]"),
            (good.clone(), "1700000001", b"[]"),
            (String::new(), "1700000000", b"[]"),
            ("!".to_owned(), "1700000000", b"[]"),
            (sign(&ours, "soon", b"[]"), "soon", b"[]"),
        ];
        for (signature, timestamp, body) in refused {
            assert_eq!(key.verify(&signature, timestamp, body, NOW), Err(Unverified::Signature), "{timestamp}");
        }
        for (timestamp, verified) in [
            ("1699999400", Ok(())),
            ("1699999399", Err(Unverified::Stale)),
            ("1700000600", Ok(())),
            ("1700000601", Err(Unverified::Stale)),
            ("-9223372036854775808", Err(Unverified::Stale)),
        ] {
            assert_eq!(key.verify(&sign(&ours, timestamp, b"[]"), timestamp, b"[]", NOW), verified, "{timestamp}");
        }
    }

    #[test]
    fn a_key_that_is_none_of_the_curve_is_told() {
        for bad in ["", "!", "AAAA", &BASE64_STANDARD.encode(P256), &BASE64_STANDARD.encode([0; 91])] {
            assert!(EventKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn events_of_our_deliveries_say_what_became_of_them() {
        let id = "00000000-0000-0000-0000-000000000007";
        let list = format!(
            r#"[{{"event":"processed","sg_event_id":"0","delivery_id":"{id}"}},
                {{"event":"delivered","sg_event_id":"1","delivery_id":"{id}","email":"anna@example.org","response":"250 OK"}},
                {{"event":"bounce","sg_event_id":"2","delivery_id":"{id}","type":"bounce","status":"5.1.1","reason":"550 anna@example.org unknown"}},
                {{"event":"dropped","sg_event_id":"3","delivery_id":"{id}","reason":"Bounced Address"}},
                {{"event":"spamreport","sg_event_id":"4","delivery_id":"{id}","status":"x@y"}},
                {{"event":"deferred","sg_event_id":"5","delivery_id":"{id}"}},
                {{"event":"delivered","sg_event_id":"6"}},
                {{"event":"delivered","sg_event_id":"7","delivery_id":"of another sender"}},
                {{"event":"delivered","delivery_id":"{id}"}},
                {{"event":"bounce","sg_event_id":"8","delivery_id":"{id}","type":"blocked"}},
                {{"event":"dropped","sg_event_id":"9","delivery_id":"{id}","reason":"Unsubscribed Address"}},
                5, {{}}]"#
        );
        let found = reports(list.as_bytes()).unwrap();
        let shown =
            found.iter().map(|one| (one.event_id.as_str(), one.kind, one.address_at_fault, one.detail.as_str()));
        let shown = shown.collect::<Vec<_>>();
        assert_eq!(
            shown,
            [
                ("1", ReportedKind::Delivered, false, "delivered"),
                ("2", ReportedKind::Bounced, true, "bounce bounce 5.1.1"),
                ("3", ReportedKind::Bounced, true, "dropped"),
                ("4", ReportedKind::Complained, false, "spamreport"),
                ("8", ReportedKind::Bounced, false, "bounce blocked"),
                ("9", ReportedKind::Bounced, false, "dropped"),
            ]
        );
        assert!(found.iter().all(|one| one.delivery_id == Uuid::from_u128(7)));
        assert_eq!((found[0].address.as_deref(), found[1].address.as_deref()), (Some("anna@example.org"), None));
        for bad in ["", "{}", "[", "\"x\"", "null"] {
            assert_eq!(reports(bad.as_bytes()), Err(Unverified::Malformed), "{bad}");
        }
    }
}
