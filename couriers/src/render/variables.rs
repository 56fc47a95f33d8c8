//! The variables of one message: those that its template declares, and nothing else.

use super::error::VariableFault;
use domain::notify::template::{VARIABLES_BYTES_MAX, Variable, Variables};
use serde_json::{Map, Value};

/// What stands for a required variable that was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing: it is an error.
    Refused,
    /// Its example, as for everything else that was not given.
    Example,
}

/// Every declared variable with its value. One that may be left out and is has the empty value of its type; null is as if
/// it were left out.
pub(super) fn bind(
    declared: &Variables,
    given: &Map<String, Value>,
    missing: Missing,
) -> Result<Map<String, Value>, Vec<VariableFault>> {
    let of = |name: &str, detail: String| VariableFault { name: Some(name.to_owned()), detail };
    let mut faults = Vec::new();
    for name in given.keys().filter(|name| !declared.contains_key(*name)) {
        faults.push(of(name, "is not declared by the template".to_owned()));
    }
    let mut bound = Map::new();
    for (name, variable) in declared {
        match value(variable, given.get(name), missing) {
            Ok(value) => _ = bound.insert(name.clone(), value),
            Err(detail) => faults.push(of(name, detail)),
        }
    }
    if faults.is_empty() && json_bytes(&bound) > VARIABLES_BYTES_MAX {
        faults.push(VariableFault { name: None, detail: "must have at most 32768 bytes as JSON".to_owned() });
    }
    if faults.is_empty() { Ok(bound) } else { Err(faults) }
}

fn value(variable: &Variable, given: Option<&Value>, missing: Missing) -> Result<Value, String> {
    match (given.filter(|value| !value.is_null()), missing) {
        (Some(value), _) if variable.of.fits(value) => Ok(value.clone()),
        (Some(_), _) => Err(format!("must be a {}", variable.of.name())),
        (None, Missing::Example) => Ok(variable.example.clone()),
        (None, Missing::Refused) if variable.required => Err("is required and was not given".to_owned()),
        (None, Missing::Refused) => Ok(variable.of.empty()),
    }
}

/// The examples of those that are required, as if nothing else were given.
pub(super) fn required_examples(declared: &Variables) -> Map<String, Value> {
    let required = declared.iter().filter(|(_, variable)| variable.required);
    required.map(|(name, variable)| (name.clone(), variable.example.clone())).collect()
}

fn json_bytes(variables: &Map<String, Value>) -> usize {
    serde_json::to_string(variables).map_or(usize::MAX, |text| text.len())
}
