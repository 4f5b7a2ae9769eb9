//! What came back.

use iamd_types::Code;
use quick_xml::Reader;
use quick_xml::events::Event;

/// An answer of the server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `x-amzn-RequestId`.
    pub request_id: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The error's code; empty when the request succeeded.
    pub fn code(&self) -> String {
        self.text("Code")
    }

    /// The error's message.
    pub fn message(&self) -> String {
        self.text("Message")
    }

    /// The text of the first element of this name; empty when there is none.
    pub fn text(&self, element: &str) -> String {
        self.texts(element).into_iter().next().unwrap_or_default()
    }

    /// The texts of all elements of this name, in order.
    pub fn texts(&self, element: &str) -> Vec<String> {
        let mut reader = Reader::from_str(&self.body);
        let mut texts = vec![];
        let mut inside = None;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) if start.name().as_ref() == element => {
                    inside = Some(String::new());
                }
                Event::Empty(empty) if empty.name().as_ref() == element => {
                    texts.push(String::new());
                }
                Event::Text(text) => {
                    if let Some(inside) = &mut inside {
                        inside.push_str(&text);
                    }
                }
                Event::GeneralRef(entity) => {
                    if let Some(inside) = &mut inside {
                        inside.push_str(match &*entity {
                            "lt" => "<",
                            "gt" => ">",
                            "amp" => "&",
                            "quot" => "\"",
                            "apos" => "'",
                            _ => "?",
                        });
                    }
                }
                Event::End(end) if end.name().as_ref() == element => {
                    texts.extend(inside.take());
                }
                Event::Eof => return texts,
                _ => {}
            }
        }
    }

    /// The names of the elements right inside the first element of this name, in order.
    pub fn members(&self, element: &str) -> Vec<String> {
        let mut reader = Reader::from_str(&self.body);
        let mut names = vec![];
        let mut depth: Option<usize> = None;
        loop {
            match (reader.read_event().unwrap(), &mut depth) {
                (Event::Start(start), None) if start.name().as_ref() == element => depth = Some(0),
                (Event::Empty(empty), None) if empty.name().as_ref() == element => return names,
                (Event::Start(start), Some(depth)) => {
                    if *depth == 0 {
                        names.push(start.name().as_ref().to_owned());
                    }
                    *depth += 1;
                }
                (Event::Empty(empty), Some(0)) => names.push(empty.name().as_ref().to_owned()),
                (Event::End(_), Some(0)) => return names,
                (Event::End(_), Some(depth)) => *depth -= 1,
                (Event::Eof, _) => panic!("no {element} in {}", self.body),
                _ => {}
            }
        }
    }

    /// Whether an element of this name is there.
    pub fn has(&self, element: &str) -> bool {
        self.body.contains(&format!("<{element}>")) || self.body.contains(&format!("<{element}/>"))
    }

    /// The answer, which must be a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// Checks that the request was refused with this code, and the code's status.
    #[track_caller]
    pub fn refused(self, code: &str) -> Self {
        assert_eq!(self.code(), code, "{}", self.body);
        let known = Code::ALL.iter().find(|known| known.as_str() == code);
        let status = known.map(|known| known.http_status());
        assert_eq!(Some(self.status), status, "{}", self.body);
        self
    }

    /// Checks that the request was refused with this code and message.
    #[track_caller]
    pub fn refused_with(self, code: &str, message: &str) -> Self {
        let refused = self.refused(code);
        assert_eq!(refused.message(), message);
        refused
    }
}
