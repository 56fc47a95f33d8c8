//! The OpenAPI document as a judge: an answer that it does not foresee fails the test.

use crate::Reply;
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Headers that are always there where an answer lists them.
const ALWAYS: [&str; 3] = ["ETag", "Retry-After", "WWW-Authenticate"];

/// The document, and the validators that were made of it so far.
pub struct Contract {
    document: Value,
    validators: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

impl Default for Contract {
    fn default() -> Contract {
        Contract::new()
    }
}

impl Contract {
    /// Of the document that the code makes.
    pub fn new() -> Contract {
        Contract { document: api::document(), validators: Mutex::default() }
    }

    /// Fails the test when the document does not foresee this answer. Addresses that are not in the document must
    /// answer 404 or 405 (or a redirect to the pages).
    #[track_caller]
    pub fn check(&self, method: &Method, path: &str, reply: &Reply) {
        assert!(!reply.header("x-request-id").is_empty(), "{method} {path} has no X-Request-Id");
        let status = reply.status.as_u16();
        // The console says on a page what failed, where there is one.
        let is_page = path.starts_with("/console") && reply.header("content-type").starts_with("text/html");
        if status >= 400 && !is_page {
            assert_eq!(reply.header("content-type").split(';').next(), Some(problem_type(path)), "{}", reply.text);
        }
        let path = path.split('?').next().unwrap_or_default();
        if path.starts_with("/v1/") && reply.status.is_success() && *method != Method::OPTIONS {
            assert!(!reply.header("letopis-position").is_empty(), "{method} {path} has no Letopis-Position");
        }
        let Some(template) = self.template(path) else {
            let foreseen = status == 404 || *method == Method::OPTIONS || !path.starts_with("/v1/");
            assert!(foreseen, "{method} {path} is not in the document, and answered {}", reply.text);
            return;
        };
        if matches!(*method, Method::HEAD | Method::OPTIONS) {
            return;
        }
        let pointer = format!("/paths/{}/{}", escape(template), method.as_str().to_lowercase());
        let Some(operation) = self.document.pointer(&pointer) else {
            assert_eq!(status, 405, "{method} {path} is not in the document, and answered {}", reply.text);
            return;
        };
        let response = self.resolved(&operation["responses"][status.to_string()]);
        assert!(!response.is_null(), "{method} {template} does not document {status}: {}", reply.text);
        // The code of a failure is one of those that the description lists.
        if let Some(code) = reply.body["code"].as_str().filter(|_| status >= 400) {
            let foreseen = response["description"].as_str().is_some_and(|text| text.contains(&format!("(`{code}`)")));
            assert!(foreseen, "{method} {template} does not document {code} as {status}: {response}");
        }
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let needed = self.resolved(header)["required"] == true || ALWAYS.contains(&name.as_str());
            assert!(!needed || !reply.header(name).is_empty(), "{method} {path} answered {status} without {name}");
        }
        let Some(types) = response["content"].as_object() else { return };
        let sent = reply.header("content-type").split(';').next().unwrap_or_default();
        let Some(content) = types.get(sent).or_else(|| types.values().next()) else { return };
        if content["schema"]["type"] == "string" {
            return;
        }
        let key = format!("{method} {template} {status}");
        if let Some(validator) = self.validator(&key, &content["schema"]) {
            let faults = validator.iter_errors(&reply.body).map(|fault| fault.to_string()).collect::<Vec<_>>();
            assert!(faults.is_empty(), "{key} answered {} against its document: {faults:?}", reply.text);
        }
    }

    /// What a reference names; anything else is itself.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.map_or(value, |pointer| self.document.pointer(pointer).unwrap_or(&Value::Null))
    }

    fn template(&self, path: &str) -> Option<&str> {
        let fits = |template: &str| {
            template.split('/').count() == path.split('/').count()
                && template
                    .split('/')
                    .zip(path.split('/'))
                    .all(|(of, is)| of == is || (of.starts_with('{') && !is.is_empty()))
        };
        let paths = self.document["paths"].as_object()?;
        let exact = paths.keys().find(|template| *template == path);
        exact.or_else(|| paths.keys().find(|template| fits(template))).map(String::as_str)
    }

    fn validator(&self, key: &str, schema: &Value) -> Option<Arc<Validator>> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let whole = json!({"allOf": [schema], "components": self.document["components"]});
            let validator = jsonschema::options().should_validate_formats(true).build(&whole);
            Some(Arc::new(validator.unwrap_or_else(|fault| panic!("{key}: no valid schema: {fault}"))))
        };
        validators.entry(key.to_owned()).or_insert_with(make).clone()
    }
}

/// `/readyz` answers what keeps it from being ready in its own shape.
fn problem_type(path: &str) -> &'static str {
    if path.starts_with("/readyz") { "application/json" } else { "application/problem+json" }
}

fn escape(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}
