//! Why something could not be rendered, as data for whoever wrote it.

/// Why something could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template is not well formed, uses what it does not declare, or fails on its variables.
    #[error("the template is not valid")]
    Invalid(Vec<TemplateFault>),
    /// It does more than it may, or makes more.
    #[error("the template takes too long or produces too much")]
    TooExpensive(Vec<TemplateFault>),
    /// The variables are not those that it declares.
    #[error("the variables do not match those that the template declares")]
    Variables(Vec<VariableFault>),
}

/// One fault of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFault {
    /// Into the template as JSON (RFC 6901): `/locales/en/text`.
    pub pointer: String,
    /// Within that text, from 1 on; none where the whole is at fault.
    pub line: Option<usize>,
    /// In characters, from 1 on.
    pub column: Option<usize>,
    /// What is wrong.
    pub detail: String,
}

/// One fault of the variables that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableFault {
    /// The variable; none when all of them together are at fault.
    pub name: Option<String>,
    /// What is wrong, completing "it …".
    pub detail: String,
}

/// Most faults that are told of one template: the first ones say enough.
pub const FAULTS_MAX: usize = 50;
