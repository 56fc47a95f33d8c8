//! Running one text of a template: within bounds, strict about what is undefined, and with the place of every fault.

use super::error::TemplateFault;
use super::words;
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

/// Instructions that one text may take; each 64 bytes that it makes count as one as well, so that it bounds its memory to
/// 16 MiB.
pub(super) const FUEL_MAX: u64 = 250_000;
/// Most bytes that one text may become.
pub(super) const OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// How deep macros may call each other.
const RECURSION_MAX: usize = 40;

/// What a text is: it decides how variables are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Html,
}

/// Why one text could not be rendered.
#[derive(Debug)]
pub(super) enum Failure {
    Invalid(TemplateFault),
    TooExpensive(TemplateFault),
}

/// What all templates run in. There is nothing to load from: templates of users cannot name files, nor each other.
pub(super) fn environment(format: Format) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL_MAX));
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_debug(true);
    environment.set_auto_escape_callback(move |_| match format {
        Format::Text => AutoEscape::None,
        Format::Html => AutoEscape::Html,
    });
    words::add(&mut environment);
    environment
}

/// Renders one text, which is at that place of its template.
pub(super) fn run(pointer: &str, source: &str, format: Format, variables: &Value) -> Result<String, Failure> {
    let rendered = environment(format).render_named_str(pointer, source, variables.clone());
    bounded(pointer, rendered.map_err(|error| failure(pointer, source, &error))?)
}

/// What was made, if it is not too much.
pub(super) fn bounded(pointer: &str, output: String) -> Result<String, Failure> {
    if output.len() <= OUTPUT_BYTES_MAX {
        return Ok(output);
    }
    let detail = "becomes longer than 1048576 bytes".to_owned();
    let fault = TemplateFault { pointer: pointer.to_owned(), line: None, column: None, detail };
    Err(Failure::TooExpensive(fault))
}

pub(super) fn failure(pointer: &str, source: &str, error: &Error) -> Failure {
    // Of a chain the innermost error says where it happened: those around it are the calls that led there.
    let (line, column) = match error.range() {
        Some(range) => place(source, range.start),
        None => (error.line().unwrap_or(1), 1),
    };
    let fault =
        TemplateFault { pointer: pointer.to_owned(), line: Some(line), column: Some(column), detail: detail(error) };
    if error.kind() == ErrorKind::OutOfFuel { Failure::TooExpensive(fault) } else { Failure::Invalid(fault) }
}

/// In words of ours what kind of fault it is; what the engine adds names what the author wrote.
fn detail(error: &Error) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of kinds is open")]
    let kind = match error.kind() {
        ErrorKind::OutOfFuel => return "takes more steps than a template may".to_owned(),
        ErrorKind::TemplateNotFound | ErrorKind::BadInclude => return "a template cannot use another one".to_owned(),
        ErrorKind::SyntaxError => "is not well formed",
        ErrorKind::UnknownFilter => "uses an unknown filter",
        ErrorKind::UnknownTest => "uses an unknown test",
        ErrorKind::UnknownFunction => "calls an unknown function",
        ErrorKind::UnknownMethod => "calls an unknown method",
        ErrorKind::UndefinedError => "uses what is not defined",
        ErrorKind::TooManyArguments => "has too many arguments",
        ErrorKind::MissingArgument => "lacks an argument",
        _ => "cannot be done",
    };
    let said = error.detail().map(|detail| words::one_line(detail).chars().take(200).collect::<String>());
    said.map_or_else(|| kind.to_owned(), |said| format!("{kind}: {said}"))
}

/// Every name that a text uses and that is neither set in it nor among those, where it stands first.
pub(super) fn undeclared(
    pointer: &str,
    source: &str,
    format: Format,
    is_known: impl Fn(&str) -> bool,
) -> Result<Vec<TemplateFault>, Failure> {
    let environment = environment(format);
    let template = environment.template_from_named_str(pointer, source);
    let template = template.map_err(|error| failure(pointer, source, &error))?;
    let mut names = template.undeclared_variables(false).into_iter().collect::<Vec<_>>();
    names.retain(|name| !is_known(name) && !words::FUNCTIONS.contains(&name.as_str()));
    let mut faults = names.into_iter().map(|name| {
        let (line, column) = first(source, &name);
        let detail = format!("uses {name}, which is not declared among the variables");
        TemplateFault { pointer: pointer.to_owned(), line: Some(line), column: Some(column), detail }
    });
    let mut faults = faults.by_ref().collect::<Vec<_>>();
    faults.sort_by_key(|fault| (fault.line, fault.column));
    Ok(faults)
}

/// Where a name stands first as a name, and not as an attribute or a filter.
fn first(source: &str, name: &str) -> (usize, usize) {
    let mut follows = false;
    for (token, span) in tokenize(source, false, SyntaxConfig::default()).map_while(Result::ok) {
        if !follows && matches!(token, Token::Ident(ident) if ident == name) {
            return place(source, span.start_offset as usize);
        }
        follows = matches!(token, Token::Dot | Token::Pipe);
    }
    (1, 1)
}

/// Line and column of a place in bytes, both from 1 on.
fn place(source: &str, bytes: usize) -> (usize, usize) {
    let before = source.get(..bytes).unwrap_or(source);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}
