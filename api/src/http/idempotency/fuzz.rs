use super::*;
use ::fuzz::Verdict;
use axum::http::HeaderValue;

fn parts(header: &'static str, value: &[u8]) -> Option<Parts> {
    let value = HeaderValue::from_bytes(value).ok()?;
    let request = axum::http::Request::post("/").header(header, value).body(()).unwrap();
    Some(request.into_parts().0)
}

#[test]
fn a_key_is_kept_as_it_was_sent() {
    ::fuzz::bytes(&[b"0190c2f4-0000-7000-8000-000000000001", b"a"], |input| {
        let Some(parts) = parts("idempotency-key", input) else { return Verdict::Refused };
        let key = idempotency_key(&parts);
        if let Ok(key) = &key {
            assert_eq!(key.as_deref().map(str::as_bytes), Some(input));
        }
        Verdict::from(&key)
    });
}
