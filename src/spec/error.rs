//! What is wrong with a `cutover.toml`, in words and with places.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use crate::model::text::plural;

/// Narrower than this the frame around the source has no room; wider terminals are used in full.
const NARROWEST: usize = 40;

/// Columns that the frame and line numbers around a label take.
const FRAME: usize = 12;

/// Drawn instead of a file that holds nothing.
const ONE_EMPTY_LINE: &str = "\n";

/// One thing that is wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, with the key it is about. Never holds a value that may be secret.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The bytes of the file it is about; empty at the start of the file when something is missing there.
    pub span: Range<usize>,
}

impl Problem {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            span,
        }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn label(&self) -> String {
        match &self.help {
            Some(help) => format!("{}\n{help}", self.message),
            None => self.message.clone(),
        }
    }
}

/// Why there is no [`Spec`](super::Spec).
#[derive(Debug)]
pub enum SpecError {
    /// There is no such file.
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a file, but its text cannot be had.
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The text is not a valid `cutover.toml`.
    Invalid {
        /// All that is wrong, in the order of the file. Not empty.
        problems: Vec<Problem>,
        /// The file, with values that may be secret blotted out.
        text: NamedSource<String>,
    },
}

impl SpecError {
    /// All that is wrong inside the file; empty when it could not be read at all.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid { problems, .. } => problems,
            Self::Missing { .. } | Self::Unreadable { .. } => &[],
        }
    }

    /// The error with the lines of the file it is about, framed and pointed at, for a terminal of this many columns.
    #[must_use]
    pub fn render(&self, color: bool, width: usize) -> String {
        let theme = if color {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let width = width.max(NARROWEST);
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(width)
            .with_links(false)
            .with_context_lines(1);
        let mut text = String::new();
        let drawing = Drawing { error: self, width };
        match handler.render_report(&mut text, &drawing) {
            Ok(()) => text,
            // Drawing failed, the problems are still worth telling.
            Err(_) => std::iter::once(self.to_string())
                .chain(self.problems().iter().map(Problem::label))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    pub(super) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            Self::Missing { path }
        } else {
            Self::Unreadable { path, source }
        }
    }

    /// `whole` is the text that was read, and `text` what of it may be shown, in the same places.
    pub(super) fn invalid(name: &str, whole: &str, text: String, mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            problem.span = fitted(&problem.span, whole);
        }
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        Self::Invalid {
            problems,
            text: NamedSource::new(name, text),
        }
    }
}

/// A span of whole letters, and of one that is there: the TOML reader takes the last byte for the last letter, and at the very end of
/// a text nothing would be shown.
fn fitted(span: &Range<usize>, text: &str) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    if start < text.len() {
        return start..text.ceil_char_boundary(span.end.max(start));
    }
    let last = text.trim_end().char_indices().next_back();
    last.map_or(0..0, |(at, letter)| at..at + letter.len_utf8())
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "cannot read `{}`: there is no such file", path.display()),
            Self::Unreadable { path, source } => write!(f, "cannot read `{}`: {source}", path.display()),
            Self::Invalid { problems, text } => {
                let amount = u64::try_from(problems.len()).unwrap_or(u64::MAX);
                write!(f, "`{}` has {}", text.name(), plural(amount, "problem"))
            }
        }
    }
}

impl std::error::Error for SpecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The operating system's words are part of the message already.
        None
    }
}

impl Diagnostic for SpecError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Missing { .. } => Some(Box::new(
                "write one with two lines, `application = \"…\"` and `cname = \"…\"`; `cutover schema` prints all that it \
                 may hold, and docs/cutover-toml.md explains it",
            )),
            Self::Unreadable { source, .. } => Some(Box::new(match source.kind() {
                io::ErrorKind::PermissionDenied => "the user who runs cutover must be allowed to read it",
                io::ErrorKind::IsADirectory => "name the file, not its folder",
                io::ErrorKind::InvalidData => "save it as UTF-8 text",
                _ => "see that it is a text file of reasonable size",
            })),
            Self::Invalid { .. } => None,
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            Self::Invalid { text, .. } => Some(text),
            Self::Missing { .. } | Self::Unreadable { .. } => None,
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self
            .problems()
            .iter()
            .map(|problem| LabeledSpan::new_with_span(Some(problem.label()), problem.span.clone()));
        Some(Box::new(labels))
    }
}

/// The error as it is drawn: the library wraps what stands outside the frame, but no label.
#[derive(Debug)]
struct Drawing<'e> {
    error: &'e SpecError,
    width: usize,
}

impl Drawing<'_> {
    /// Columns for a label: what its line leaves, less the frame, but never so few that words stand alone.
    fn room(&self, problem: &Problem) -> usize {
        let SpecError::Invalid { text, .. } = self.error else {
            return self.width;
        };
        let before = text.inner().get(..problem.span.start).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let middle = line.chars().count() + problem.span.len() / 2;
        self.width.saturating_sub(middle + FRAME).max(NARROWEST)
    }
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Drawing<'_> {}

impl Diagnostic for Drawing<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.error.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self.error {
            // In a file without a line there is nothing to point at, and what has no place in it is not drawn.
            SpecError::Invalid { text, .. } if text.inner().is_empty() => Some(&ONE_EMPTY_LINE),
            _ => self.error.source_code(),
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.error.problems().iter().map(|problem| {
            let label = wrap(&problem.label(), self.room(problem));
            LabeledSpan::new_with_span(Some(label), problem.span.clone())
        });
        Some(Box::new(labels))
    }
}

/// Breaks lines between words so that none is wider than that many characters, if its words allow.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut column = 0;
        for word in line.split_whitespace() {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
    }
    out
}
