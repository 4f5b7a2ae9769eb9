//! JSON with positions: just the text as a tree, strict (RFC 8259), repeated keys refused, bounded.
//!
//! Not serde: policies need the place of every value, the source text of numbers, and a refusal of repeated keys.

use std::collections::BTreeSet;

use crate::error::{ParseError, ParseErrorKind};
use crate::{Position, Span};

/// The longest text accepted, in bytes: the 131,072 characters up to U+00FF that AWS takes in a request.
pub const MAX_DOCUMENT_BYTES: usize = 262_144;

/// The deepest nesting accepted. A policy needs six levels.
pub const MAX_DEPTH: usize = 16;

/// The most faults that a lenient reading passes over.
const MAX_TOLERATED: usize = 100;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Json,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number as it was written.
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) value: Node,
}

/// Reads one JSON text.
pub(crate) fn parse(text: &str) -> Result<Node, ParseError> {
    Reader { rest: text, position: Position::START, tolerated: None }.document()
}

/// Reads a text that may be faulty, for whoever reports on it: repeated keys, missing commas and trailing ones are
/// told and passed over. Without a tree, the last fault ended the reading.
#[cfg(feature = "vocabulary")]
pub(crate) fn parse_leniently(text: &str) -> (Option<Node>, Vec<ParseError>) {
    let mut reader = Reader { rest: text, position: Position::START, tolerated: Some(Vec::new()) };
    let result = reader.document();
    let mut faults = reader.tolerated.unwrap_or_default();
    match result {
        Ok(node) => (Some(node), faults),
        Err(error) => {
            faults.push(error);
            (None, faults)
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
    position: Position,
    /// The faults passed over; `None` where none is tolerated.
    tolerated: Option<Vec<ParseError>>,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Node, ParseError> {
        if self.rest.len() > MAX_DOCUMENT_BYTES {
            return Err(self.error(ParseErrorKind::TooLong));
        }
        let node = self.value(0)?;
        self.skip_blanks();
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(self.error(ParseErrorKind::Json("the end of the text"))),
        }
    }

    /// Passes over a fault, if that is wanted.
    fn tolerate(&mut self, error: ParseError) -> Result<(), ParseError> {
        match &mut self.tolerated {
            Some(tolerated) if tolerated.len() < MAX_TOLERATED => {
                tolerated.push(error);
                Ok(())
            }
            _ => Err(error),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, ParseError> {
        self.skip_blanks();
        if depth > MAX_DEPTH {
            return Err(self.error(ParseErrorKind::TooDeep));
        }
        let start = self.position;
        let value = match self.peek() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Json::String(self.string()?),
            Some('t') => self.word("true", Json::Bool(true))?,
            Some('f') => self.word("false", Json::Bool(false))?,
            Some('n') => self.word("null", Json::Null)?,
            Some('-' | '0'..='9') => Json::Number(self.number()?),
            _ => return Err(self.error(ParseErrorKind::Json("a value"))),
        };
        Ok(Node { value, span: Span { start, end: self.position } })
    }

    fn object(&mut self, depth: usize) -> Result<Json, ParseError> {
        self.take();
        let mut members = Vec::new();
        let mut names = BTreeSet::new();
        self.skip_blanks();
        if self.take_if('}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_blanks();
            let start = self.position;
            if self.peek() != Some('"') {
                let error = self.error(ParseErrorKind::Json("a member name"));
                if self.peek() != Some('}') {
                    return Err(error);
                }
                self.tolerate(error)?;
                self.take();
                return Ok(Json::Object(members));
            }
            let name = self.string()?;
            let name_span = Span { start, end: self.position };
            if !names.insert(name.clone()) {
                let kind = ParseErrorKind::DuplicateKey(name.clone());
                self.tolerate(ParseError { kind, span: name_span })?;
            }
            self.skip_blanks();
            self.expect(':', "a colon")?;
            members.push(Member { name, name_span, value: self.value(depth + 1)? });
            self.skip_blanks();
            if self.take_if('}') {
                return Ok(Json::Object(members));
            }
            self.comma("a comma or a closing brace")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, ParseError> {
        self.take();
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take_if(']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take_if(']') {
                return Ok(Json::Array(items));
            }
            self.comma("a comma or a closing bracket")?;
            self.skip_blanks();
            if self.peek() == Some(']') {
                self.tolerate(self.error(ParseErrorKind::Json("a value")))?;
                self.take();
                return Ok(Json::Array(items));
            }
        }
    }

    /// A comma, which may be left out before what begins like a value.
    fn comma(&mut self, what: &'static str) -> Result<(), ParseError> {
        if self.take_if(',') {
            return Ok(());
        }
        let error = self.error(ParseErrorKind::Json(what));
        match self.peek() {
            Some('"' | '{' | '[') => self.tolerate(error),
            _ => Err(error),
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.take();
        let mut string = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.take();
                    return Ok(string);
                }
                Some('\\') => string.push(self.escape()?),
                Some(c) if c >= ' ' => {
                    string.push(c);
                    self.take();
                }
                _ => return Err(self.error(ParseErrorKind::Json("a closing quote"))),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        self.take();
        let escaped = match self.peek() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.take();
                return self.unicode_escape();
            }
            _ => return Err(self.error(ParseErrorKind::Json("an escape sequence"))),
        };
        self.take();
        Ok(escaped)
    }

    /// The digits after `\u`, and the second half of a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, ParseError> {
        let first = self.hex4()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            self.expect('\\', "the second half of a surrogate pair")?;
            self.expect('u', "the second half of a surrogate pair")?;
            let second = self.hex4()?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.error(ParseErrorKind::Json("the second half of a surrogate pair")));
            }
            0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.error(ParseErrorKind::Json("a Unicode character")))
    }

    fn hex4(&mut self) -> Result<u32, ParseError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.error(ParseErrorKind::Json("four hexadecimal digits")));
            };
            code = code * 16 + digit;
            self.take();
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<String, ParseError> {
        let mut number = String::new();
        if self.take_if('-') {
            number.push('-');
        }
        if self.take_if('0') {
            number.push('0');
        } else {
            self.digits(&mut number)?;
        }
        if self.take_if('.') {
            number.push('.');
            self.digits(&mut number)?;
        }
        if let Some(e @ ('e' | 'E')) = self.peek() {
            self.take();
            number.push(e);
            if let Some(sign @ ('+' | '-')) = self.peek() {
                self.take();
                number.push(sign);
            }
            self.digits(&mut number)?;
        }
        Ok(number)
    }

    fn digits(&mut self, number: &mut String) -> Result<(), ParseError> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Err(self.error(ParseErrorKind::Json("a digit")));
        }
        while let Some(digit @ '0'..='9') = self.peek() {
            number.push(digit);
            self.take();
        }
        Ok(())
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, ParseError> {
        for c in word.chars() {
            self.expect(c, "a value")?;
        }
        Ok(value)
    }

    fn skip_blanks(&mut self) {
        while let Some(' ' | '\t' | '\n' | '\r') = self.peek() {
            self.take();
        }
    }

    fn expect(&mut self, wanted: char, what: &'static str) -> Result<(), ParseError> {
        if self.take_if(wanted) { Ok(()) } else { Err(self.error(ParseErrorKind::Json(what))) }
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.take();
        }
        found
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Moves over one character.
    fn take(&mut self) {
        let mut chars = self.rest.chars();
        let Some(c) = chars.next() else { return };
        self.rest = chars.as_str();
        // The length limit keeps all three far below `u32::MAX`.
        self.position.offset += c.len_utf8() as u32;
        if c == '\n' {
            self.position.line += 1;
            self.position.column = 1;
        } else {
            self.position.column += 1;
        }
    }

    fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError { kind, span: Span { start: self.position, end: self.position } }
    }
}
