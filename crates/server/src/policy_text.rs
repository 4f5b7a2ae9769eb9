//! Findings for people: the place, what is wrong there, the source line with carets below.

use std::fmt::Write;

use iamd_policy::{Finding, FindingType, Location, Span};

use crate::policy_validate::Checked;

/// The most characters of a source line that are shown; of a longer one, what is around the finding.
const MAX_EXCERPT: usize = 110;

/// How much of a long line is shown before the finding.
const BEFORE: usize = 30;

/// All findings, and a line that counts them.
pub(crate) fn render(checked: &[Checked], colours: bool) -> String {
    let page = Page { colours };
    let mut text = String::new();
    for file in checked {
        let lines: Vec<&str> = file.text.split('\n').collect();
        for finding in &file.findings {
            page.finding(file, &lines, finding, &mut text);
        }
    }
    text.push_str(&summary(checked));
    text
}

fn summary(checked: &[Checked]) -> String {
    let count = |kind: FindingType| {
        let all = checked.iter().flat_map(|file| &file.findings);
        all.filter(|finding| finding.code.finding_type() == kind).count()
    };
    let plural = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    format!(
        "{}: {}, {}, {}, {}\n",
        plural(checked.len(), "file"),
        plural(count(FindingType::Error), "error"),
        plural(count(FindingType::SecurityWarning), "security warning"),
        plural(count(FindingType::Warning), "warning"),
        plural(count(FindingType::Suggestion), "suggestion")
    )
}

struct Page {
    colours: bool,
}

/// SGR codes (ECMA-48): bold red, yellow, cyan, blue, plain bold.
const RED: &str = "1;31";
const MAGENTA: &str = "1;35";
const YELLOW: &str = "1;33";
const CYAN: &str = "1;36";
const BLUE: &str = "1;34";
const BOLD: &str = "1";

impl Page {
    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn finding(&self, file: &Checked, lines: &[&str], finding: &Finding, text: &mut String) {
        let Some((first, others)) = finding.locations.split_first() else { return };
        let (word, colour) = match finding.code.finding_type() {
            FindingType::Error => ("error", RED),
            FindingType::SecurityWarning => ("security warning", MAGENTA),
            FindingType::Warning => ("warning", YELLOW),
            FindingType::Suggestion => ("suggestion", CYAN),
        };
        let place = place(file, first);
        let kind = self.paint(colour, &format!("{word}[{}]", finding.code));
        let message = self.paint(BOLD, &harmless(&finding.message));
        let _ = writeln!(text, "{place}: {kind}: {message}");
        self.excerpt(lines, first.span, colour, text);
        for other in others {
            let _ = writeln!(text, "{}: and here", self::place(file, other));
            self.excerpt(lines, other.span, BLUE, text);
        }
        text.push('\n');
    }

    /// The line where a span begins. A span of several lines is marked to the end of the first.
    fn excerpt(&self, lines: &[&str], span: Span, colour: &str, text: &mut String) {
        let number = span.start.line.to_string();
        let Some(line) = (span.start.line as usize).checked_sub(1).and_then(|at| lines.get(at))
        else {
            return;
        };
        let line: Vec<char> = line.trim_end_matches('\r').chars().collect();
        let start = (span.start.column as usize).saturating_sub(1).min(line.len());
        let end = match span.end.line == span.start.line {
            true => (span.end.column as usize).saturating_sub(1).clamp(start, line.len()),
            false => line.len(),
        };
        let from = if line.len() > MAX_EXCERPT { start.saturating_sub(BEFORE) } else { 0 };
        let shown: String = line.iter().skip(from).take(MAX_EXCERPT).collect();
        let cut = |cut: bool| if cut { "…" } else { "" };
        let (left, right) = (cut(from > 0), cut(from + MAX_EXCERPT < line.len()));
        let gutter = " ".repeat(number.len());
        let bar = self.paint(BLUE, "|");
        let shown = harmless(&shown.replace('\t', " "));
        let _ = writeln!(text, "{gutter} {bar}");
        let _ = writeln!(text, "{} {bar} {left}{shown}{right}", self.paint(BLUE, &number));
        let indent = " ".repeat(start - from + left.chars().count());
        let width = (end - start).clamp(1, MAX_EXCERPT.saturating_sub(start - from).max(1));
        let carets = self.paint(colour, &"^".repeat(width));
        let _ = writeln!(text, "{gutter} {bar} {indent}{carets}");
    }
}

fn place(file: &Checked, location: &Location) -> String {
    let start = location.span.start;
    let path = harmless(&file.path.display().to_string());
    format!("{path}:{}:{}", start.line, start.column)
}

/// Policies and their names may come from anywhere; a terminal must not take them for commands.
fn harmless(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect()
}
