//! A template: what notifications of an application's own say, in versions that never change.

mod definition;

pub use definition::{
    Content, Definition, Fault, LOCALES_MAX, SUBJECT_BYTES_MAX, TEXT_BYTES_MAX, VARIABLE_NAME_CHARACTERS_MAX,
    VARIABLES_BYTES_MAX, VARIABLES_MAX, Variable, VariableType, Variables,
};
