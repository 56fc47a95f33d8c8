//! JSON bodies of requests, and what is wrong with them.

use crate::error::{Code, Error, FieldError};
use crate::http::admission::unread;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

/// Deepest nesting of a JSON body.
const JSON_DEPTH_MAX: usize = 32;
/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Error> {
        if !request.headers().get(CONTENT_TYPE).is_some_and(|value| is_json(value.as_bytes())) {
            return Err(not_json());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        parse(&bytes).map(Body)
    }
}

/// A JSON body that may be left out: then it says nothing.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<OptionalBody<T>, Error> {
        if request.headers().contains_key(CONTENT_TYPE) {
            return Body::from_request(request, state).await.map(|Body(body)| OptionalBody(body));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        if bytes.is_empty() { Ok(OptionalBody(T::default())) } else { Err(not_json()) }
    }
}

fn not_json() -> Error {
    Error::new(Code::UnsupportedMediaType, "send the body with Content-Type: application/json")
}

/// Whether a `Content-Type` names JSON, whatever its parameters hold.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || (essence.starts_with(b"application/") && essence.ends_with(b"+json"))
}

pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if depth(bytes) > JSON_DEPTH_MAX {
        return Err(Error::new(Code::BadParameters, "the body is nested deeper than 32 levels"));
    }
    if bytes.trim_ascii_start().starts_with(b"[") {
        // serde would fill the fields from an array, in their order.
        let fault = FieldError::at(String::new(), "must be a JSON object");
        let detail = format!("the body {}", fault.detail);
        return Err(Error { errors: vec![fault], ..Error::new(Code::BadParameters, detail) });
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| explain(&error))?;
    json.end().map_err(|_| Error::new(Code::BadParameters, "there is extra text after the JSON body"))?;
    Ok(value)
}

/// The deepest nesting of brackets outside strings, counted without recursion.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Says what is wrong with a body in our own words: where, and what is expected there.
fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() {
        let place = format!("the body is not valid JSON at line {} column {}", inner.line(), inner.column());
        return Error::new(Code::BadParameters, place);
    }
    let text = inner.to_string();
    let named = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.split('`').next()).map(str::to_owned);
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            serde_path_to_error::Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            serde_path_to_error::Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {}
        }
    }
    // serde names the field itself in these three; its path ends at the object that holds it, or at the field.
    let (field, detail) = if let Some(field) = named("missing field `") {
        (Some(field), "is required")
    } else if let Some(field) = named("unknown field `") {
        (Some(field), "is not known here")
    } else if let Some(field) = named("duplicate field `") {
        (Some(field), "is there twice")
    } else {
        (None, expected(&text))
    };
    if let Some(field) = field {
        let last = format!("/{}", escape(&field));
        if !pointer.ends_with(&last) {
            pointer.push_str(&last);
        }
    }
    let place = if pointer.is_empty() { "the body".to_owned() } else { pointer.trim_start_matches('/').to_owned() };
    let fault = FieldError::at(pointer, detail);
    Error { errors: vec![fault], ..Error::new(Code::BadParameters, format!("{place} {detail}")) }
}

fn expected(text: &str) -> &'static str {
    match text.split("expected ").nth(1).unwrap_or_default() {
        rest if rest.starts_with("a string") || rest.starts_with("a borrowed string") => "must be a string",
        rest if rest.starts_with("a boolean") => "must be true or false",
        rest if rest.starts_with("struct") => "must be a JSON object",
        rest if rest.starts_with("a sequence") => "must be a JSON array",
        rest if rest.starts_with('u') || rest.starts_with('i') => "must be a whole number",
        _ => "has a value that is not allowed here",
    }
}

/// A key as a part of a pointer (RFC 6901).
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(rename = "name")]
        _name: String,
        #[serde(default, rename = "private")]
        _private: bool,
    }

    fn fault(body: &str) -> (String, String) {
        let error = parse::<Sample>(body.as_bytes()).unwrap_err();
        assert_eq!(error.code, Code::BadParameters);
        let pointer = error.errors.first().and_then(|fault| fault.pointer.clone()).unwrap_or_default();
        (pointer, error.detail)
    }

    #[test]
    fn faults_are_told_in_our_words_with_a_pointer() {
        let cases = [
            (r#"{}"#, "/name", "name is required"),
            (r#"{"name":"a","colour":1}"#, "/colour", "colour is not known here"),
            (r#"{"name":5}"#, "/name", "name must be a string"),
            (r#"{"name":"a","private":"yes"}"#, "/private", "private must be true or false"),
            (r#"{"name":"a","name":"b"}"#, "/name", "name is there twice"),
            (r#"[]"#, "", "the body must be a JSON object"),
            (r#" ["a",true]"#, "", "the body must be a JSON object"),
            (r#"{"name":"#, "", "the body is not valid JSON at line 1 column 8"),
            (r#"{"name":"a"} x"#, "", "there is extra text after the JSON body"),
        ];
        for (body, pointer, detail) in cases {
            assert_eq!(fault(body), (pointer.to_owned(), detail.to_owned()), "{body}");
        }
    }

    #[test]
    fn deep_bodies_are_refused_before_they_are_parsed() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(fault(&deep).1, "the body is nested deeper than 32 levels");
        assert_eq!(depth(br#"{"a":"[[[[\"[[["}"#), 1);
    }
}
